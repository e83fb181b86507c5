"""The only door to the search service for the web process and the workers."""

import socket
import threading
from http import HTTPStatus
from io import BufferedReader
from typing import Any, Literal

import msgspec
from django.conf import settings

from sisyphus_web.accounts.models import Corpus
from sisyphus_web.api import Refused

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 30.0  # the first query of an encoder loads it
MAX_LINE_BYTES = 4096  # of an answer's head


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


class Calibration(msgspec.Struct, frozen=True):
    """P(accept | s) = sigmoid(level + slope * (s - center) / scale), from the answers so far.

    `covariance`: of the level, of level and slope, of the slope. The answered lie from `low` to `high`.
    """

    center: float
    scale: float
    level: float
    slope: float
    covariance: tuple[float, float, float]
    low: float
    high: float
    num_accepted: int
    num_rejected: int


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
    is_model: bool = False  # a model was fitted and judged; else the order is by examples
    calibration: Calibration | None = None  # None: too few answers, or the query was made of them
    places: list[int] = []  # of `neighbors`, where places were asked for


class Judged(msgspec.Struct, frozen=True):
    """The answers of a class, position by position, and what a model of the other answers says of each."""

    items: list[int]
    is_accepted: list[bool]
    probabilities: list[float | None]  # of "accept"; None: too few answers to tell


class Scores(msgspec.Struct, frozen=True):
    """How near each item is to what was learned of a class, in levels of 0 to 31 from `low` to `high`."""

    item_ids: bytes  # (n,) little-endian int64, ascending
    levels: bytes  # (n,) uint8
    low: float  # cosine
    high: float


class Proposing(msgspec.Struct, frozen=True):
    """The live classifier that proposes candidates of a class."""

    classifier: int
    threshold: float  # of its operating point


class _Failure(msgspec.Struct):
    code: str
    detail: str


class _Connection:
    """A kept connection; http.client would spend as much on the headers of an answer as on all else."""

    def __init__(self, path: str) -> None:
        self.socket_path = path
        self._open: tuple[socket.socket, BufferedReader] | None = None

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) of the answer; OSError when the connection breaks."""
        if self._open is None:
            self._open = _connected(self.socket_path)
        to, answers = self._open
        head = f"{method} {path} HTTP/1.1\r\nHost: search\r\nContent-Length: {len(body)}\r\n\r\n"
        to.sendall(head.encode("ascii") + body)
        status = answers.readline(MAX_LINE_BYTES).split()
        if len(status) < 2 or not status[1].isdigit():
            raise ConnectionError("the search service ended in the middle of an answer")
        num_bytes = 0
        while (line := answers.readline(MAX_LINE_BYTES)) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                num_bytes = int(value)
        content = answers.read(num_bytes)
        if len(content) < num_bytes:
            raise ConnectionError("the search service ended in the middle of an answer")
        return int(status[1]), content

    def close(self) -> None:
        """Let go; the next question connects anew."""
        if self._open is not None:
            to, answers = self._open
            answers.close()
            to.close()
        self._open = None

    def __del__(self) -> None:
        """With its thread: nobody else knows of it."""
        self.close()


def _connected(path: str) -> tuple[socket.socket, BufferedReader]:
    to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        to.settimeout(CONNECT_SECONDS)
        to.connect(path)
    except OSError:
        to.close()
        raise
    to.settimeout(ANSWER_SECONDS)
    return to, to.makefile("rb")


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
    person_id: int | None = None,
    places: list[int] | None = None,
    unit: str = "frame",
) -> RankAnswer:
    """The neighbors in places [offset, offset + k) of the corpus's ranking for these terms and filters.

    Pages of one round are pages of one order, from which only what was decided since is left out; without
    a round every call ranks anew, and its pages do not fit together. The state later is of `person_id`.
    Only items of `unit` are ranked. With `places` what lies there instead, at most 10 000 of them.
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
        "person": person_id,
    }
    if mix:
        asked["mix"] = mix
    if unit != "frame":
        asked["unit"] = str(unit)
    if places is not None:
        asked["places"] = places
    return msgspec.json.decode(_ask("POST", "/rank", msgspec.json.encode(asked)), type=RankAnswer)


def judge(corpus: Corpus, *, label_class_id: int, unit: str = "frame") -> Judged:
    """How likely each answer of the class is, by a model that saw nothing of its stack or media file.

    Raises SearchUnavailable (503) and SearchRefused (409 without features).
    """
    asked = {"corpus": corpus.pk, "label_class": label_class_id, "unit": str(unit)}
    return msgspec.json.decode(_ask("POST", "/judge", msgspec.json.encode(asked)), type=Judged)


def scores(corpus: Corpus, *, label_class_id: int) -> Scores:
    """A level for every item, by what was learned from the answers of the class.

    Raises SearchUnavailable (503) and SearchRefused (409 where nothing was accepted yet).
    """
    asked = {"corpus": corpus.pk, "label_class": label_class_id, "mode": "learned"}
    return msgspec.json.decode(_ask("POST", "/scores", msgspec.json.encode(asked)), type=Scores)


def status() -> dict[str, Any]:
    """What the service holds: {"corpora": {id: {build, encoder, num_vectors, num_delta, problem}}, ...}."""
    answer: dict[str, Any] = msgspec.json.decode(_ask("GET", "/status"))
    return answer


def _ask(method: str, path: str, body: bytes = b"") -> bytes:
    """The body of a 200 answer; a broken kept connection is replaced once, as questions may be repeated."""
    for is_last in (False, True):
        connection = _connection()
        try:
            status_code, content = connection.ask(method, path, body)
        except TimeoutError:
            connection.close()
            raise SearchUnavailable("The search service did not answer in time; try again.") from None
        except OSError as error:
            connection.close()
            if is_last or isinstance(error, FileNotFoundError | ConnectionRefusedError):
                raise SearchUnavailable(
                    "The search service is not running or is starting; try again in some seconds."
                ) from None
            continue
        if status_code == HTTPStatus.OK:
            return content
        failure = msgspec.json.decode(content, type=_Failure)
        if status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise SearchUnavailable(failure.detail)
        raise SearchRefused(failure.code, failure.detail, status_code=status_code)
    raise AssertionError("the loop above answers or raises")


def _connection() -> _Connection:
    path = str(settings.SEARCH_SOCKET)
    kept: _Connection | None = getattr(_of_thread, "connection", None)
    if kept is None or kept.socket_path != path:
        if kept is not None:
            kept.close()
        kept = _of_thread.connection = _Connection(path)
    return kept
