"""The server of a plain index by itself: what it does where the index or a request is odd."""

import http.client
import json
import socket
import threading

import numpy as np
import pytest

from indexing.compute.plain import index_files
from sisyphus_web.cli.plain.index_server import IndexServer

SETTINGS = {"num_probes": 1, "features_size": 1, "aggregate": "min"}


def unreadable():
    raise PermissionError("i.idx: Permission denied")


def test_any_failure_to_load_ends_the_server_and_is_told():
    with IndexServer(("127.0.0.1", 0), unreadable, **SETTINGS) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        server.start_loading()
        serving.join(timeout=120)
        assert not serving.is_alive()
    assert "Permission denied" in str(server.failure)


def test_a_query_waits_while_the_index_is_loaded(sfi, tmp_path):
    np.save(tmp_path / "a.npy", np.ones(8, np.float32))
    sfi("build-index", "--features", tmp_path / "a.npy", "--index", tmp_path / "i")
    may_load = threading.Event()

    def load():
        assert may_load.wait(120)
        return index_files.load(tmp_path / "i")

    with IndexServer(("127.0.0.1", 0), load, **SETTINGS) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.start_loading()
        threading.Timer(0.5, may_load.set).start()
        ended = sfi("query-index", "--query", tmp_path / "a.npy", "--port", server.server_address[1])
        assert (ended.code, len(ended.json)) == (0, 1)
        server.shutdown()


@pytest.mark.parametrize("path", ["/health", "/info", "/other"])
def test_the_body_of_a_get_is_not_taken_for_a_request(path):
    with IndexServer(("127.0.0.1", 0), unreadable, **SETTINGS) as server:  # never asked to load
        threading.Thread(target=server.serve_forever, daemon=True).start()
        inner = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(inner)}\r\n\r\n".encode()
        with socket.create_connection(server.server_address, timeout=120) as connection:
            connection.sendall(head + inner)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.getheader("Connection") == "close"
            assert json.loads(answer.read())
        server.shutdown()
