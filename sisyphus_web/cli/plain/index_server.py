"""A plain index over HTTP: POST / as the old sfi's server, GET /health, GET /info. Threads, no framework.

Every answer is JSON; what is refused is {"code", "detail"} with a 4xx. The index is loaded while the server
already answers: until then queries get a 503.
"""

import hmac
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from indexing.compute.plain.index_files import IndexRefused, PlainIndex
from indexing.compute.plain.index_search import search
from indexing.compute.plain.whole_files import as_json
from sisyphus_web import __version__
from sisyphus_web.cli.plain.index_requests import MAX_BODY_BYTES, RequestRefused, decode

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64  # connections; more wait in the kernel's queue
IDLE_SECONDS = 30.0
WAIT_SECONDS = 2.0  # for a place among the connections
LAST_SECONDS = 10.0  # for the last answers, once the server is told to end
DRAINED_BYTES, DRAIN_SECONDS = 1 << 20, 1.0  # of a refused body


class IndexServer(ThreadingHTTPServer):
    """Serves one index; `load` is called in a thread, its error ends the server and is kept in `failure`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        load: Callable[[], PlainIndex],
        *,
        num_probes: int,
        features_size: int,
        aggregate: str,
        token: str | None = None,
        on_ready: Callable[[dict[str, Any]], None] = lambda info: None,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.num_probes, self.features_size, self.aggregate = num_probes, features_size, aggregate
        self.token, self._on_ready = token, on_ready
        self.opened: PlainIndex | None = None
        self.failure: IndexRefused | None = None
        self._load, self._places = load, threading.BoundedSemaphore(MOST_AT_ONCE)
        self._num_answering, self._answered = 0, threading.Condition()

    def start_loading(self) -> None:
        threading.Thread(target=self._open, name="load", daemon=True).start()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While an answer is worked on: `finish` waits for it."""
        with self._answered:
            self._num_answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._num_answering -= 1
                self._answered.notify_all()

    def finish(self) -> None:
        """Wait until the answers begun are sent, but not for ever."""
        with self._answered:
            self._answered.wait_for(lambda: self._num_answering == 0, timeout=LAST_SECONDS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(timeout=WAIT_SECONDS):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.info("a connection from %s broke", client_address, exc_info=True)

    def info(self) -> dict[str, Any]:
        """What GET /info says."""
        opened = self._opened()
        known = ("settings", "preprocessing", "factory", "recall_at_10", "sfi_version", "faiss_version")
        return {
            "encoder": opened.encoder,
            "weights_sha256": opened.weights_sha256,
            "count": len(opened.paths),
            "items": opened.num_units,
            "width": opened.index.width,
            "layout": opened.layout,
            "features_size": self.features_size,
            "aggregate": self.aggregate,
            "cells": opened.index.num_cells,
            "cells_probed": min(self.num_probes, opened.index.num_cells),
            "has_media": opened.has_media,
            "reranks_exactly": opened.has_vectors or opened.index.is_exact,
            **{name: opened.meta.get(name) for name in known},
            "server_version": __version__,
        }

    def answer(self, body: bytes) -> list[dict[str, Any]]:
        """The neighbors of a request; RequestRefused for one that cannot be answered."""
        opened = self._opened()
        asked = decode(body, opened, features_size=self.features_size, aggregate=self.aggregate)
        try:
            found = search(
                opened,
                asked.query,
                num_results=asked.num_results,
                num_probes=self.num_probes,
                aggregate=asked.aggregate,
                expand=asked.expand,
            )
        except IndexRefused as error:
            raise RequestRefused(400, "no-vectors", str(error)) from None
        return [neighbor.to_json() for neighbor in found.neighbors]

    def _opened(self) -> PlainIndex:
        if self.opened is None:
            raise RequestRefused(503, "loading", "the index is being loaded; ask again in a moment")
        return self.opened

    def _open(self) -> None:
        try:
            self.opened = self._load()
            self._on_ready(self.info())
        except IndexRefused as error:
            self.failure = error
        except Exception as error:  # or the server would say for ever that it is loading
            log.exception("the index could not be loaded")
            self.failure = IndexRefused(f"the index cannot be loaded: {error or type(error).__name__}")
        if self.failure is not None:
            self.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = f"sfi/{__version__}"
    sys_version = ""
    timeout = IDLE_SECONDS
    server: IndexServer

    def do_GET(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # its body is not read, and must not be taken for another request
        if self.path == "/health":
            is_ready = self.server.opened is not None
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            self._send(status, {"status": "ok" if is_ready else "loading"})
        elif self.path == "/info":
            self._answered(self.server.info)
        else:
            self._send(
                HTTPStatus.NOT_FOUND, _error("not-found", "there are POST /, GET /health and GET /info")
            )

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        """As of every other method: which there are."""
        self.close_connection = True
        allowed = "POST" if self.path == "/" else "GET, HEAD"
        self._send(
            HTTPStatus.METHOD_NOT_ALLOWED,
            _error("bad-method", "there are POST /, GET /health and GET /info"),
            Allow=allowed,
        )

    do_PUT = do_DELETE = do_PATCH = do_TRACE = do_OPTIONS

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself (a request that is not HTTP), as JSON like all else."""
        self.close_connection, self.request_version = True, self.protocol_version
        self._send(HTTPStatus(code), _error("bad-request", message or HTTPStatus(code).phrase))

    def do_POST(self) -> None:
        if self.path != "/":
            self.close_connection = True
            self._send(HTTPStatus.NOT_FOUND, _error("not-found", "queries are posted to /"))
            return
        self._answered(lambda: self.server.answer(self._body()))

    def _answered(self, work: Callable[[], Any]) -> None:
        with self.server.answering():
            self._answer(work)

    def _answer(self, work: Callable[[], Any]) -> None:
        self._num_left = _length(self.headers.get("Content-Length", "")) or 0
        try:
            self._check_token()
            found = work()
        except RequestRefused as error:
            self.close_connection = True
            self._send(HTTPStatus(error.status), _error(error.code, error.sentence))
            self._drain()
        except TimeoutError:
            self.close_connection = True
        except Exception:  # a fault of ours is an answer too, and the server goes on
            log.exception("a query failed")
            self.close_connection = True
            self._send(
                HTTPStatus.INTERNAL_SERVER_ERROR, _error("failed", "the server has a fault; see its log")
            )
        else:
            self._send(HTTPStatus.OK, found)

    def _drain(self) -> None:
        """Take what is left of a refused body: to close on unread bytes would take the answer back."""
        self.wfile.flush()
        self.connection.settimeout(DRAIN_SECONDS)
        with suppress(OSError):
            self.rfile.read(min(self._num_left, DRAINED_BYTES))

    def _check_token(self) -> None:
        if self.server.token is None:
            return
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode()):
            raise RequestRefused(
                401, "no-token", "send the token of --token-file as Authorization: Bearer TOKEN"
            )

    def _body(self) -> bytes:
        size = _length(self.headers.get("Content-Length", ""))
        if size is None:
            raise RequestRefused(411, "no-length", "the request must say its Content-Length")
        if size > MAX_BODY_BYTES:
            raise RequestRefused(413, "too-large", f"a body may have {MAX_BODY_BYTES} bytes, this has {size}")
        self._num_left = 0
        body = self.rfile.read(size)
        if len(body) != size:
            raise RequestRefused(400, "cut-short", f"the body ended after {len(body)} of {size} bytes")
        return body

    def _send(self, status: HTTPStatus, answer: Any, **headers: str) -> None:
        content = as_json(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, form: str, *values: Any) -> None:
        log.info(form, *values)


def _length(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _error(code: str, sentence: str) -> dict[str, str]:
    return {"code": code, "detail": sentence}
