"""Requests that are tried again: every one of them can be repeated without harm."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from sisyphus_client.errors import ApiError, Unreachable

TRIES = 6
FIRST_WAIT_SECONDS = 0.2  # doubled at every try
LONGEST_WAIT_SECONDS = 60.0
BUSY = {429, 502, 503, 504}


class Transport:
    """JSON in and out below /api/v1/, with the token; ApiError for refusals, Unreachable when tries run out.

    A POST carries an Idempotency-Key, the same at every try: an answer lost on the way is no second effect.
    """

    def __init__(self, url: str, token: str, *, timeout_seconds: float, tries: int = TRIES) -> None:
        self.tries = tries
        self.http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Token {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(10.0, timeout_seconds)),
        )

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`."""
        given = {name: value for name, value in params.items() if value is not None}
        # none, not an empty dict: httpx would take the query of `path` away for it
        return self.send("GET", path, params=given or None).json()

    def post(self, path: str, body: Any = None) -> Any:
        """Send JSON; the JSON that comes back."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self.send("POST", path, json={} if body is None else body, headers=headers).json()

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every row of a list, however many pages it has."""
        answer = self.get(path, **params)
        while True:
            if isinstance(answer, list):
                yield from answer
                return
            yield from answer["results"]
            if not answer.get("next"):
                return
            # its path alone: the token goes to no other host, and by no other scheme behind a proxy
            answer = self.get(httpx.URL(answer["next"]).raw_path.decode())

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request, tried again while the server is away or busy."""
        for wait in self.waits():
            try:
                response = self.http.request(method, address(path), **request)
            except httpx.TransportError as error:
                failure: Exception = error
            else:
                if not is_busy(response):
                    raise_for(response)
                    return response
                failure = refusal(response)
            if wait is None:
                if isinstance(failure, ApiError):
                    raise failure
                raise Unreachable(f"{method} {path}: {failure}") from failure
            time.sleep(max(wait, asked_to_wait(failure)))
        raise AssertionError("unreachable")

    def waits(self) -> Iterator[float | None]:
        """Seconds to wait after each try; None after the last."""
        for number in range(self.tries - 1):
            yield FIRST_WAIT_SECONDS * 2**number
        yield None


def address(path: str) -> str:
    """A path below /api/v1/, or one that the server gave whole."""
    return path if path.startswith(("http://", "https://", "/")) else f"/api/v1/{path}"


def is_busy(response: httpx.Response) -> bool:
    """Whether to ask again: the server has no time, or is still at work on this very request."""
    return response.status_code in BUSY or (
        response.status_code == 409 and refusal(response).code == "in-flight"
    )


def asked_to_wait(failure: Exception) -> float:
    """Seconds that a busy server asks to be left alone, LONGEST_WAIT_SECONDS at most; 0.0: none."""
    return min(failure.wait_seconds, LONGEST_WAIT_SECONDS) if isinstance(failure, ApiError) else 0.0


def raise_for(response: httpx.Response) -> None:
    """ApiError unless it went well."""
    if response.status_code >= 400:
        raise refusal(response)


def refusal(response: httpx.Response) -> ApiError:
    """What the server said against it."""
    try:
        body = response.json()
    except ValueError:
        body = None
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    wait = response.headers.get("Retry-After", "")
    return ApiError(
        response.status_code,
        str(said.get("code", "error")),
        str(said.get("detail", response.reason_phrase)),
        said.get("fields"),
        wait_seconds=float(wait) if wait.isdecimal() else 0.0,
    )
