"""Answers that are sent again only where they have changed: ETag and If-None-Match."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag


def unless_known(request: HttpRequest, version: str, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """304 without a body where the browser has `version` already, else the answer, made only then.

    Kept by one browser, and asked about at every use.
    """
    etag = quote_etag(version)
    response = get_conditional_response(request, etag=etag) or answer()
    response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
    return response
