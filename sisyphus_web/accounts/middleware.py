"""The permission table for pages, the end of old sessions, cookies and headers of answers."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from sisyphus_web.accounts.permissions import allows, rule_of

# Answered by others: the API by TablePermission, the admin by itself (superusers only).
ELSEWHERE = {"api", "admin"}
TOUCH_SECONDS = 15 * 60  # how often a session in use is written, so that it ends 8 hours after its last use


class LateAnswersMiddleware:
    """The API takes no session cookie away: an answer that is late would undo a sign-in made meanwhile."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not cookie.value and request.path.startswith("/api/"):
            del response.cookies[settings.SESSION_COOKIE_NAME]
        return response


class SessionAgeMiddleware:
    """Ends a session seven days after it began; until then one in use stays alive."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            now = int(time.time())
            began = request.session.setdefault("began", now)
            if now - began > settings.SESSION_MAX_AGE:
                logout(request)
            elif now - request.session.get("touched", 0) > TOUCH_SECONDS:
                request.session["touched"] = now
        return self.get_response(request)


class HeadersMiddleware:
    """Headers Django has no setting for: no device is ever asked for, and API answers are not kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class PermissionTableMiddleware:
    """Denies every page without a row, signs the anonymous in, hides what is foreign behind a 404."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is not None and match.namespaces and match.namespaces[0] in ELSEWHERE:
            return None
        if allows(rule_of(request), user=request.user, corpus_id=kwargs.get("corpus_id"), token=None):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        raise PermissionDenied
