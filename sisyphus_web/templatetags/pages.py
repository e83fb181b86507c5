"""What every template may use: icons, and numbers, sizes and times as people read them."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField, CheckboxSelectMultiple, RadioSelect
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sisyphus_web import server_paths

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A symbol of static/icons/sprite.svg; decoration only, so screen readers skip it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("icons/sprite.svg"),
        name,
    )


@register.filter
def count(value: Any) -> str:
    """1234567 -> '1,234,567'; nothing -> '0'."""
    return f"{int(value or 0):,}"


@register.filter
def pairs(value: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """Names and values of a dict from the database: `.items` would find a key of that name first."""
    return list((value or {}).items())


@register.filter
def at(value: dict[str, Any] | None, key: str) -> Any:
    """The value of a key that a variable holds, or that a method of the dict hides; None without it."""
    return (value or {}).get(key)


LISTED = 6  # names that are read as a list; of more, the number is said


@register.filter
def listed(names: Sequence[str]) -> str:
    """'cat, dog'; of more than six names the first three and how many there are besides."""
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"


@register.filter
def size(value: int | None) -> str:
    """Bytes as '0 B', '812 KB', '3.4 GB' (powers of 1000)."""
    amount, unit = float(value or 0), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.1f} {unit}" if unit not in ("B", "KB") and amount < 100 else f"{amount:.0f} {unit}"


@register.filter
def duration(seconds: float | None) -> str:
    """Of time: '0:07', '12:31', '1:04:09'; unknown -> ''."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def wait(seconds: float | timedelta | None) -> str:
    """How long something takes, roughly: '5 s', '12 min', '3 h 10 min', '2 d 4 h'; unknown -> ''."""
    if seconds is None:
        return ""
    whole = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days} d {hours} h" if hours else f"{days} d"


@register.filter
def ago(moment: datetime | None) -> str:
    """'just now', '5 min ago', '3 h ago', '2 d ago', then the date; nothing -> 'never'."""
    if moment is None:
        return "never"
    passed = (timezone.now() - moment).total_seconds()
    if passed < 45:
        return "just now"
    if passed < 3600:
        return f"{max(1, round(passed / 60))} min ago"
    if passed < 86_400:
        return f"{round(passed / 3600)} h ago"
    if passed < 7 * 86_400:
        return f"{round(passed / 86_400)} d ago"
    return f"{moment:%Y-%m-%d}"


@register.filter
def percent(share: float | None) -> str:
    """0.9873 -> '98.7 %'; unknown -> ''."""
    return "" if share is None else f"{share * 100:.1f} %".replace(".0 %", " %")


@register.filter
def without_paths(text: str) -> str:
    """A sentence for somebody who is not to know where files lie on this server."""
    return server_paths.without_paths(text)


@register.filter
def last_part(path: str) -> str:
    """'/srv/media/river' -> 'river'."""
    return server_paths.last_part(path)


CLASS_OF_INPUT = {"select": "select", "textarea": "textarea", "number": "input input-number", "file": ""}
BARE = ("checkbox", "radio", "hidden")


@register.filter
def control(field: BoundField, classes: str = "") -> SafeString:
    """The widget of a form's field with the class of its component."""
    widget = field.field.widget
    kind = getattr(widget, "input_type", "") or type(widget).__name__.lower()
    if kind in BARE or isinstance(widget, CheckboxSelectMultiple | RadioSelect):
        return field.as_widget()
    own = widget.attrs.get("class", "") or CLASS_OF_INPUT.get(kind, "input")
    return field.as_widget(attrs={"class": f"{own} {classes}".strip()})
