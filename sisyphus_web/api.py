"""The shape of the REST API: one pagination, one error body."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found
from rest_framework import exceptions, status
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from sisyphus_web.errors import JobError
from sisyphus_web.refusal_page import is_visit, refusal_page


class NewestFirst(CursorPagination):
    """Newest first, stable under inserts: /?cursor=...&page_size=100 (at most 500)."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 500


class Refused(exceptions.APIException):
    """A request we understand and do not carry out: a stable code, a sentence that says what to do."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(
        self, code: str, detail: str, *, status_code: int = 400, fields: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail=detail, code=code)
        self.status_code = status_code
        self.fields = fields or {}


def is_id(text: str) -> bool:
    """Whether a client's text is a number that a bigint column may hold: plain digits, at most 18."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def error_response(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Every refusal as {"code", "detail", "fields"}, or as a page; None for bugs, which become a 500."""
    body = _error_body(error, context)
    request = context["request"]
    if body is None or not is_visit(request):
        return body
    return refusal_page(request._request, error, body)


def _error_body(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, JobError):
        return Response(
            {"code": error.code, "detail": str(error), "fields": {}}, status=status.HTTP_409_CONFLICT
        )
    if isinstance(error, DjangoValidationError):
        fields = error.message_dict if hasattr(error, "error_dict") else {}
        code = getattr(error, "code", None) or "invalid"
        body = {"code": code, "detail": " ".join(error.messages), "fields": fields}
        return Response(body, status=status.HTTP_400_BAD_REQUEST)
    from rest_framework.views import (
        exception_handler,
    )  # at the top it would import itself through the settings

    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, Refused):
        response.data = {"code": error.detail.code, "detail": str(error.detail), "fields": error.fields}
    elif isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        sentence = "; ".join(
            f"{name}: {_first(reason)}" if name else _first(reason) for name, reason in fields.items()
        )
        response.data = {"code": "invalid", "detail": sentence, "fields": fields}
    elif isinstance(error, Http404):
        response.data = {
            "code": "not_found",
            "detail": "There is no such thing here, or it is not yours.",
            "fields": {},
        }
    elif isinstance(error, PermissionDenied):
        response.data = {
            "code": "permission_denied",
            "detail": "Your role does not allow this.",
            "fields": {},
        }
    elif isinstance(error, exceptions.APIException):
        detail = error.detail
        response.data = {"code": getattr(detail, "code", "error"), "detail": str(detail), "fields": {}}
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Of an address that leads nowhere: a page for people, the error body for clients of the API."""
    if not request.path.startswith("/api/") or is_visit(request):
        return page_not_found(request, exception)
    detail = f"There is nothing at {request.path}; all addresses are listed at /api/docs/."
    return JsonResponse({"code": "not_found", "detail": detail, "fields": {}}, status=404)


def _first(reason: Any) -> str:
    while isinstance(reason, list | dict):
        reason = next(iter(reason.values() if isinstance(reason, dict) else reason), "")
    return str(reason)
