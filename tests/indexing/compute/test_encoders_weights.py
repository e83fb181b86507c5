"""Weights are fetched whole, checked, continued and explained; the server here is a real one."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from indexing.compute.encoders.specs import Download, EncoderSpec, WeightsMissing, WeightsRefused
from indexing.compute.encoders.weights import fetch, find_or_fetch

BYTES = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(BYTES).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves BYTES; may break off after `stop_after` bytes of an answer; remembers the ranges asked for."""

    stop_after: int | None = None
    knows_ranges = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/models"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.knows_ranges else 0
        status = 206 if start else self.server.status
        if start >= len(BYTES):
            status = 416
        self.send_response(status)
        self.send_header("Content-Length", str(max(0, len(BYTES) - start)))
        self.end_headers()
        if status in (200, 206):
            self.wfile.write(BYTES[start:][: self.server.stop_after])

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def published(server, sha256=SHA256) -> Download:
    return Download(f"{server.url}/net-{sha256[:8]}.pth", sha256[:8])


def test_a_download_is_checked_kept_and_reported(tmp_path, server):
    seen = []
    path = fetch(published(server), tmp_path / "models", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BYTES
    assert seen[-1] == (len(BYTES), len(BYTES))
    assert [each.name for each in (tmp_path / "models").iterdir()] == [f"net-{SHA256[:8]}.pth"]


def test_a_wrong_hash_is_refused_and_nothing_is_left(tmp_path, server):
    with pytest.raises(WeightsRefused, match=f"must begin with 00000000, it is {SHA256}"):
        fetch(published(server, "0" * 64), tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())


def test_a_download_that_broke_off_goes_on_where_it_stopped(tmp_path, server):
    server.stop_after = 300_000
    with pytest.raises(WeightsMissing, match=r"could not be fetched .* put it into"):
        fetch(published(server), tmp_path)
    server.stop_after = None
    assert fetch(published(server), tmp_path).read_bytes() == BYTES
    assert server.ranges == [None, "bytes=300000-"]


def test_a_server_without_ranges_starts_again(tmp_path, server):
    server.knows_ranges = False
    (tmp_path / f"net-{SHA256[:8]}.pth.part").write_bytes(b"old and wrong")
    assert fetch(published(server), tmp_path).read_bytes() == BYTES


def test_wrong_bytes_from_an_earlier_try_do_not_stay(tmp_path, server):
    part = tmp_path / f"net-{SHA256[:8]}.pth.part"
    part.write_bytes(b"wrong")
    with pytest.raises(WeightsRefused):
        fetch(published(server), tmp_path)
    assert fetch(published(server), tmp_path).read_bytes() == BYTES


def test_a_finished_part_is_taken_as_it_is(tmp_path, server):
    (tmp_path / f"net-{SHA256[:8]}.pth.part").write_bytes(BYTES)
    assert fetch(published(server), tmp_path).read_bytes() == BYTES


def test_offline_names_the_file_and_the_place(tmp_path, server):
    download = published(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsMissing) as caught:
        fetch(download, tmp_path)
    said = str(caught.value)
    assert download.url in said
    assert f"put it into {tmp_path} as {download.file_name}" in said


def test_a_missing_page_says_so(tmp_path, server):
    server.status = 404
    with pytest.raises(WeightsMissing, match="Not Found"):
        fetch(published(server), tmp_path)


def test_plain_http_from_elsewhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match="over https only"):
        fetch(Download("http://example.org/net-00000000.pth", "00000000"), tmp_path)


def spec(**fields) -> EncoderSpec:
    return EncoderSpec("net@1", "", "", "torchvision", architecture="net", **fields)


def test_a_local_file_is_taken_before_any_download(tmp_path, server):
    (tmp_path / "net-of-mine.pt").write_bytes(b"mine")
    found = find_or_fetch(spec(download=published(server)), tmp_path)
    assert found.path.name == "net-of-mine.pt"
    assert found.sha256 == hashlib.sha256(b"mine").hexdigest()
    assert server.ranges == []


def test_a_published_file_that_was_cut_short_by_hand_is_refused(tmp_path, server):
    download = published(server)
    (tmp_path / download.file_name).write_bytes(BYTES[:1000])
    with pytest.raises(WeightsRefused, match="is damaged"):
        find_or_fetch(spec(download=download), tmp_path)


def test_a_declared_sha256_is_held_to(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"mine")
    with pytest.raises(WeightsRefused, match="must have the sha256 1234"):
        find_or_fetch(spec(sha256="1234"), tmp_path)
