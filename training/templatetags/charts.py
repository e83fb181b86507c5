"""What templates of training need beside `pages`: data for charts, and values of JSON by their key."""

from typing import Any

import orjson
from django import template

register = template.Library()


@register.filter
def json(value: Any) -> str:
    """JSON for an attribute of a widget; the template escapes it. NaN is null."""
    return orjson.dumps(value).decode()


@register.filter
def points_of(share: float | None) -> str:
    """A difference of shares in points: 0.0312 -> '+3.1', -0.2 -> '-20.0'; unknown -> ''."""
    return "" if share is None else f"{share * 100:+.1f}"
