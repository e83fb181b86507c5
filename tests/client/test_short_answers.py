"""Answers that are no end: a file of which never all comes, a request that is still worked on."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sisyphus_client import Client, Unreachable
from sisyphus_client.downloads import download


class Short(BaseHTTPRequestHandler):
    """Sends five bytes whatever part is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"cat, ")

    def log_message(self, *_: object) -> None:
        return


def test_a_file_that_is_shorter_than_said_is_not_asked_for_for_ever(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Short) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with Client(url, "token", tries=3) as client, pytest.raises(Unreachable, match="only 5 of 9 bytes"):
            download(client.transport, "file/", tmp_path / "a.csv", size_bytes=9, sha256="0" * 64)
        server.shutdown()
    assert not (tmp_path / "a.csv").exists()


class StillAtWork(Short):
    """The answer to a first request is lost on the way; its repetition comes while it is worked on."""

    num_asked = 0

    def do_POST(self) -> None:
        type(self).num_asked += 1
        is_done = self.num_asked > 1
        said = b'{"id": 7}' if is_done else b'{"code": "in-flight", "detail": "The first is still at work."}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201 if is_done else 409)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def test_a_repetition_waits_for_the_request_that_it_repeats():
    with ThreadingHTTPServer(("127.0.0.1", 0), StillAtWork) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_address[1]}", "token", tries=3) as client:
            assert client.transport.post("datasets/") == {"id": 7}
        server.shutdown()


class Full(Short):
    """Has no place for a download yet, and says when to ask again: what comes sooner is refused as well."""

    begun_at = 0.0

    def do_GET(self) -> None:
        now = time.monotonic()
        type(self).begun_at = self.begun_at or now
        if now - self.begun_at > 0.9:
            super().do_GET()
            return
        said = b'{"code": "busy", "detail": "Ask again in a second."}'
        self.send_response(503)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def test_a_server_that_says_when_to_ask_again_is_not_asked_sooner(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sha256 = hashlib.sha256(b"cat, ").hexdigest()
        with Client(f"http://127.0.0.1:{server.server_address[1]}", "token", tries=3) as client:
            path = download(client.transport, "file/", tmp_path / "a.csv", size_bytes=5, sha256=sha256)
        server.shutdown()
    assert path.read_bytes() == b"cat, "
