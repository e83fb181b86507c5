"""HTTP/1.1 over a unix socket: a thread per kept connection, JSON in and out.

    POST /rank      a RankRequest -> a RankAnswer
    POST /judge     a JudgeRequest -> a Judged
    POST /scores    a RankRequest -> Scores, of every item
    GET  /status    what is held of every corpus, and how long the service has been up
    GET  /healthz   {"status": "ok"}

Anything refused is {"code", "detail"} with a 4xx; 503 while PostgreSQL is away. The standard library's
HTTP server spends 0.2 ms on the headers of a request alone, so the few lines needed are read here.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
from django.db import InterfaceError, OperationalError, connection

from indexing.search_service.corpora import Corpora
from indexing.search_service.errors import Refusal
from indexing.search_service.judge import Judge, JudgeRequest
from indexing.search_service.ranker import Ranker
from indexing.search_service.requests import RankRequest
from indexing.search_service.scores import scores

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES = 16_384
MAX_BODY_BYTES = 8 * 2**20  # a hundred vectors of 16 k numbers as text
IDLE_SECONDS = 300.0  # a kept connection; with it goes a thread and its database connection
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 409: "Conflict", 413: "Content Too Large"}
CLOSING_SECONDS = 5.0  # for answers that are being worked out when the service ends
REFRESH_SECONDS = 0.5  # how soon new vectors of a large corpus are found


class Application:
    """The answers of the service."""

    def __init__(self, corpora: Corpora, ranker: Ranker, judge: Judge) -> None:
        self.corpora, self.ranker, self.judge = corpora, ranker, judge
        self._started = time.monotonic()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """(HTTP status, what to send as JSON); never raises for what a client or PostgreSQL did."""
        try:
            return 200, self._answer(method, path, body)
        except Refusal as refusal:
            return refusal.status, {"code": refusal.code, "detail": refusal.detail}
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            return 400, {"code": "invalid", "detail": str(error)}
        except (OperationalError, InterfaceError) as error:
            logger.warning("PostgreSQL is away: %s", error)
            return 503, {
                "code": "search-unavailable",
                "detail": "The database is away; try again in a moment.",
            }
        except Exception:
            logger.exception("%s %s failed", method, path)
            return 500, {"code": "internal", "detail": "The search service failed; its log says how."}

    def _answer(self, method: str, path: str, body: bytes) -> Any:
        match method, path:
            case "POST", "/rank":
                request = msgspec.json.decode(body, type=RankRequest)
                try:
                    return self.ranker.rank(request)
                except (OperationalError, InterfaceError):
                    connection.close()  # of this thread; PostgreSQL may have been restarted meanwhile
                    return self.ranker.rank(request)
            case "POST", "/judge":
                return self.judge.judged(msgspec.json.decode(body, type=JudgeRequest))
            case "POST", "/scores":
                return scores(self.ranker, msgspec.json.decode(body, type=RankRequest))
            case "GET", "/status":
                up = round(time.monotonic() - self._started, 1)
                return {"corpora": self.corpora.status(), "up_seconds": up}
            case "GET", "/healthz":
                return {"status": "ok"}
        raise Refusal("not_found", f"There is no {method} {path} here.", status=404)


class _Handler(socketserver.StreamRequestHandler):
    server: Server
    rbufsize = 65_536
    timeout = IDLE_SECONDS

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.connections.discard(self.connection)

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except OSError:  # the client went away, or was idle for too long
            pass
        finally:
            connection.close()

    def _one(self) -> bool:
        """Answer one request; False when the connection is over."""
        line = self.rfile.readline(MAX_HEADER_BYTES)
        if not line:
            return False
        parts = line.decode("latin-1").split()
        length, is_kept, num_bytes = 0, True, len(line)
        while (header := self.rfile.readline(MAX_HEADER_BYTES)) not in (b"\r\n", b"\n", b""):
            num_bytes += len(header)
            name, _, value = header.partition(b":")
            match name.strip().lower():
                case b"content-length":
                    length = int(value) if value.strip().isdigit() else -1
                case b"connection":
                    is_kept = value.strip().lower() != b"close"
                case b"transfer-encoding":
                    length = -1
        if len(parts) != 3 or not 0 <= length <= MAX_BODY_BYTES or num_bytes > MAX_HEADER_BYTES:
            self._send(400, {"code": "invalid", "detail": "This is not a request that is understood here."})
            return False
        body = self.rfile.read(length) if length else b""
        self._send(*self.server.application.answer(parts[0], parts[1], body))
        return is_kept

    def _send(self, status: int, what: Any) -> None:
        content = msgspec.json.encode(what)
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self.wfile.write(head.encode("ascii") + content)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a socket that appears under its name only when it listens."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, application: Application) -> None:
        self.application = application
        self.connections: set[socket.socket] = set()  # that are open; each has a thread
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._beside = path.with_name(f".{path.name}.new")  # a unix socket's name has at most 107 bytes
        self._beside.unlink(missing_ok=True)
        super().__init__(str(self._beside), _Handler)
        self._beside.chmod(0o600)
        self._inode = self._beside.stat().st_ino
        self._beside.replace(path)  # a stale one of a killed service goes with it

    def server_close(self) -> None:
        """Stop listening, let every answer that is being worked out be sent, and close what is kept open.

        The name is taken away unless another service has it by now.
        """
        super().server_close()
        for each in list(self.connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RD)  # its thread reads an end, once it has answered
        deadline = time.monotonic() + CLOSING_SECONDS
        while self.connections and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink(missing_ok=True)


def serve(path: Path, corpora: Corpora, ranker: Ranker, judge: Judge, *, stop: threading.Event) -> None:
    """Load every corpus, then listen at `path` until `stop` is set."""
    begun = time.perf_counter()
    _refresh(corpora, ranker, stop, until_done=True)
    if stop.is_set():
        return
    server = Server(path, Application(corpora, ranker, judge))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    logger.info("ready at %s after %.2f s", path, time.perf_counter() - begun)
    while not stop.wait(REFRESH_SECONDS):
        _refresh(corpora, ranker, stop)
    server.shutdown()
    server.server_close()
    ranker.close()


def _refresh(corpora: Corpora, ranker: Ranker, stop: threading.Event, *, until_done: bool = False) -> None:
    """Make every corpus current; while PostgreSQL is away, later."""
    while True:
        try:
            corpora.refresh()
            ranker.keep_up()
        except (OperationalError, InterfaceError) as error:
            logger.warning("PostgreSQL is away: %s", error)
            connection.close()
            if until_done and not stop.wait(1.0):
                continue
        except Exception:
            logger.exception("a corpus could not be made current")
        return


def is_alive(path: Path) -> bool:
    """Whether a service listens at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
