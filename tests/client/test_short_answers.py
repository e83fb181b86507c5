"""A download of which never all comes ends, and does not ask for ever."""

import threading
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
