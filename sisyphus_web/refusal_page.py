"""What somebody sees who follows a link into the API and is refused: a page instead of the error body."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.response import Response

HEADINGS = {
    403: "Your role does not allow this",
    404: "There is no such thing, or it is not yours",
    409: "Not as things are now",
    429: "Too many requests",
    503: "Busy for a moment",
}
ADVICE = {  # by code, where the sentence of the error body says no more than the heading
    "permission_denied": "A manager of the corpus can change it; the whole site is for operators.",
    "not_found": "It may be deleted. If it is of a corpus that is not yours, its managers can let you in.",
}


def is_visit(request: HttpRequest) -> bool:
    """Whether a browser would show the answer as a page (Fetch Metadata, W3C); clients do not say so."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Dest") == "document"


def refusal_page(request: HttpRequest, error: Exception, said: Response) -> HttpResponse:
    """The page of a refusal; where it tells how long to wait, it asks again by itself after that.

    Who is not signed in is led to the sign-in and back.
    """
    if isinstance(error, NotAuthenticated | AuthenticationFailed):
        return redirect_to_login(request.get_full_path())
    wait = said.headers.get("Retry-After")
    heading = HEADINGS.get(said.status_code, "This cannot be done")
    sentence = ADVICE.get(said.data["code"], said.data["detail"])
    facts: dict[str, Any] = {"heading": heading, "sentence": sentence, "wait_seconds": wait}
    page = render(request, "refused.html", facts, status=said.status_code)
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in said.headers:
            page[name] = said.headers[name]
    if wait:
        page["Refresh"] = wait
    return page
