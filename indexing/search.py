"""The only door to the search service for the web process and the workers."""

import http.client
import socket
import threading
from typing import Any, Literal

import msgspec
from django.conf import settings

from sisyphus_web.accounts.models import Corpus
from sisyphus_web.api import Refused

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 30.0  # the first query of an encoder loads it


class SearchUnavailable(Refused):
    """The search service is away or starting; the same request may work in some seconds."""

    wait = 2  # seconds; becomes the header Retry-After

    def __init__(self, detail: str) -> None:
        super().__init__("search-unavailable", detail, status_code=503)


class SearchRefused(Refused):
    """The search service understood the query and does not answer it; the code says why."""


class Neighbor(msgspec.Struct, frozen=True):
    """An item near the query; `count` items of its stack may be shown with it."""

    item: int
    stack: int | None
    count: int
    similarity: float | None  # None: listed, not ranked
    box: tuple[float, float, float, float] | None = None
    source: str = "neighbor"  # what proposed it
    preset: str = "harvest"  # of the queue's mix


class RankAnswer(msgspec.Struct, frozen=True):
    """A page of a ranking, best first."""

    build: str  # id of the build; empty: every vector was compared
    encoder: str
    mode: str
    blend: float | None  # of what was learned; None: not learned
    total: int  # stacks (or items) in the whole ranking
    took_ms: float
    neighbors: list[Neighbor]
    mix: dict[str, float] = {}  # the shares in effect; empty: the top alone
    notes: list[str] = []  # why a preset had nothing to give


class _Failure(msgspec.Struct):
    code: str
    detail: str


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("search", timeout=ANSWER_SECONDS)
        self.socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self.socket_path)
        self.sock.settimeout(ANSWER_SECONDS)


_of_thread = threading.local()


def rank(
    corpus: Corpus,
    *,
    terms: list[dict[str, Any]],
    filters: dict[str, Any],
    k: int,
    offset: int = 0,
    fold: bool = True,
    label_class_id: int | None = None,
    mode: Literal["similar", "learned", "browse"] | str = "similar",
    mix: dict[str, Any] | None = None,
    round_id: int | None = None,
) -> RankAnswer:
    """The neighbors in places [offset, offset + k) of the corpus's ranking for these terms and filters.

    Pages of one round are pages of one order, from which only what was decided since is left out; without
    a round every call ranks anew, and its pages do not fit together.
    Raises SearchUnavailable (503) and SearchRefused (400, with the service's code).
    """
    asked = {
        "corpus": corpus.pk,
        "terms": terms,
        "filters": filters,
        "k": k,
        "offset": offset,
        "fold": fold,
        "label_class": label_class_id,
        "mode": mode,
        "round": round_id,
    }
    if mix:
        asked["mix"] = mix
    return msgspec.json.decode(_ask("POST", "/rank", msgspec.json.encode(asked)), type=RankAnswer)


def status() -> dict[str, Any]:
    """What the service holds: {"corpora": {id: {build, encoder, num_vectors, num_delta, problem}}, ...}."""
    answer: dict[str, Any] = msgspec.json.decode(_ask("GET", "/status"))
    return answer


def _ask(method: str, path: str, body: bytes | None = None) -> bytes:
    """The body of a 200 answer; a broken kept connection is replaced once, as questions may be repeated."""
    for is_last in (False, True):
        connection = _connection()
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
        except TimeoutError:
            connection.close()
            raise SearchUnavailable("The search service did not answer in time; try again.") from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if is_last or isinstance(error, FileNotFoundError | ConnectionRefusedError):
                raise SearchUnavailable(
                    "The search service is not running or is starting; try again in some seconds."
                ) from None
            continue
        if response.status == http.client.OK:
            return content
        failure = msgspec.json.decode(content, type=_Failure)
        if response.status == http.client.SERVICE_UNAVAILABLE:
            raise SearchUnavailable(failure.detail)
        raise SearchRefused(failure.code, failure.detail, status_code=response.status)
    raise AssertionError("the loop above answers or raises")


def _connection() -> _Connection:
    path = str(settings.SEARCH_SOCKET)
    kept: _Connection | None = getattr(_of_thread, "connection", None)
    if kept is None or kept.socket_path != path:
        if kept is not None:
            kept.close()
        kept = _of_thread.connection = _Connection(path)
    return kept
