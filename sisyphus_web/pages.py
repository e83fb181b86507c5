"""How a page answers: whole to a browser, its partial to htmx, with the flash messages as toasts."""

import json
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

TONES = {"success": "accept", "error": "reject", "warning": "unsure"}


def respond(
    request: HttpRequest,
    *,
    page: str,
    part: str,
    context: dict[str, Any],
    status: int = 200,
    tell: tuple[str, ...] = (),
) -> HttpResponse:
    """The template `part` if htmx asks, else `page`, which includes it; `tell` names events for the page."""
    is_part = bool(request.headers.get("HX-Request"))
    response = render(request, part if is_part else page, context, status=status)
    if is_part:
        toasts = [
            {"text": str(each), "tone": TONES.get(each.level_tag, "info")} for each in get_messages(request)
        ]
        events: dict[str, Any] = {name: {} for name in tell}
        if toasts:
            events["toast"] = {"toasts": toasts}
        if events:
            response["HX-Trigger"] = json.dumps(events)
    patch_vary_headers(response, ["HX-Request"])
    return response


def query_without(request: HttpRequest, *names: str) -> str:
    """The query string of `request` less `names`, to put another parameter after: 'state=done&' or ''."""
    kept = request.GET.copy()
    for name in names:
        kept.pop(name, None)
    return f"{kept.urlencode()}&" if kept else ""
