"""The permission table for pages; the API asks it through TablePermission, after tokens are read."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from sisyphus_web.accounts.permissions import allows, rule_of

# Answered by others: the API by TablePermission, the admin by itself (superusers only).
ELSEWHERE = {"api", "admin"}


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
