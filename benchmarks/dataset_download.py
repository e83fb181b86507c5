"""The download of an export over REST: how soon it begins, what readers cost the web process, and a kill.

    python -m benchmarks.dataset_download [--bytes 400000000] [--calls 100] [--readers 8]

A web process of its own serves one finished export of random bytes. First byte: from asking to the first
byte of the body, on a new connection each time; of the whole file and from a byte in its middle. Then
`readers` begin to download and take 16 KB/s each: what the process's peak grows by, how many are told to ask
again, and how soon a page comes meanwhile. Then the web process is killed in the middle of a download,
started again, and the download goes on at the byte it had come to: the bytes must be those of the file.
Gate: first byte p50 <= 50 ms, growth <= 16 MB.
"""

import argparse
import hashlib
import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.grid import free_port, wait_for
from benchmarks.map import largest_mib
from benchmarks.media_site import BASE, Site, write

BLOCK_BYTES = 1 << 16
SLOW_BYTES_PER_SECOND = 16_000
SLOW_SECONDS = 5
BUSY = 503


def started(port: int) -> subprocess.Popen[bytes]:
    """The web process, once it listens."""
    web = subprocess.Popen(
        [Path(sys.executable).parent / "granian", "--interface", "wsgi", "--port", str(port),
         "--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "error",
         "sisyphus_web.wsgi:application"], cwd=BASE, start_new_session=True)  # fmt: skip
    wait_for(port, web)
    return web


class Download:
    """One download from a byte on, over a connection of its own."""

    def __init__(self, port: int, path: str, secret: str, start: int = 0) -> None:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Authorization": f"Token {secret}"} | ({"Range": f"bytes={start}-"} if start else {})
        connection.request("GET", path, headers=headers)
        self._answer = connection.getresponse()
        self.status = self._answer.status
        if self.status not in (206 if start else 200, BUSY):
            raise RuntimeError(f"{self._answer.status} {self._answer.read(300)!r}")
        self.first = self._answer.read(1)
        self.first_byte_seconds = time.perf_counter() - begun
        self._connection = connection

    def read(self, num: int) -> bytes:
        return self._answer.read(num)

    def close(self) -> None:
        self._connection.close()


def first_bytes(port: int, path: str, secret: str, *, start: int, calls: int) -> dict[str, float]:
    """p50 and the most, in ms."""
    times = []
    for _ in range(-3, calls):
        download = Download(port, path, secret, start)
        download.close()
        times.append(download.first_byte_seconds * 1e3)
    return {"p50_ms": round(statistics.median(times[3:]), 2), "most_ms": round(max(times[3:]), 2)}


def under_readers(web: Any, port: int, path: str, secret: str, readers: int) -> dict[str, Any]:
    """What slow readers cost, and what one that takes all it can gets afterwards."""
    before = largest_mib(web)
    asked = [Download(port, path, secret) for _ in range(readers)]
    slow = [each for each in asked if each.status != BUSY]
    beside = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < SLOW_SECONDS:
        at = time.perf_counter()
        page = Download(port, path.partition("exports/")[0] + "exports/", secret)
        page.close()
        beside.append((time.perf_counter() - at) * 1e3)
        for each in slow:
            each.read(SLOW_BYTES_PER_SECOND // 4)
        time.sleep(0.25)
    for each in asked:
        each.close()
    growth = (largest_mib(web) - before) * 1.048576
    time.sleep(1)
    begun, num_bytes = time.perf_counter(), 0
    download = Download(port, path, secret)
    while block := download.read(BLOCK_BYTES):
        num_bytes += len(block)
    seconds = time.perf_counter() - begun
    download.close()
    return {
        "readers": readers,
        "told_to_ask_again": readers - len(slow),
        "memory_growth_mb": round(growth, 1),
        "a_page_beside_them_p50_ms": round(statistics.median(beside), 2),
        "a_page_beside_them_most_ms": round(max(beside), 2),
        "fast_reader_mb_per_second": round(num_bytes / seconds / 1e6, 1),
    }


def killed_and_resumed(web: Any, port: int, path: str, secret: str, size: int) -> tuple[Any, str, int]:
    """(the web process of afterwards, sha256 of both parts together, the byte of the kill)."""
    download, digest = Download(port, path, secret), hashlib.sha256()
    digest.update(download.first)
    done = 1
    while done < size // 3:
        block = download.read(BLOCK_BYTES - 7)  # so that the cut is at an odd byte
        digest.update(block)
        done += len(block)
    os.killpg(web.pid, signal.SIGKILL)
    web.wait()
    try:
        while block := download.read(BLOCK_BYTES):  # what was on its way
            digest.update(block)
            done += len(block)
    except (OSError, http.client.HTTPException):
        pass
    cut = done
    web = started(port)
    rest = Download(port, path, secret, done)
    digest.update(rest.first)
    while block := rest.read(BLOCK_BYTES):
        digest.update(block)
    return web, digest.hexdigest(), cut


def finished_export(site: Site, size: int) -> tuple[str, str]:
    """A published export of random bytes: where it is downloaded, its sha256."""
    from labeling.models import DatasetVersion
    from labeling.services import exports
    from sisyphus_web.accounts.models import Membership

    corpus = site.corpus()
    Membership.objects.get_or_create(corpus=corpus, user=site.user, defaults={"role": "manager"})
    version = DatasetVersion.objects.create(
        corpus=corpus, number=1, card={"classes": []}, created_by=site.user, sha256="0" * 64
    )
    export = exports.request_export(version=version, format="csv", with_pixels=False, by=site.user)
    path, digest = exports.path_of(export), hashlib.sha256()
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for start in range(0, size, 1 << 20):
            block = os.urandom(min(1 << 20, size - start))
            digest.update(block)
            file.write(block)
    export.size_bytes, export.sha256 = size, digest.hexdigest()
    export.save()
    return f"/api/v1/corpora/{corpus.pk}/exports/{export.pk}/file/", export.sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bytes", type=int, default=400_000_000)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--readers", type=int, default=8)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    web = None
    try:
        site = Site(root)
        from sisyphus_web.accounts.services import create_token

        path, sha256 = finished_export(site, asked.bytes)
        secret = create_token(user=site.user, name="bench", scopes=["export"]).secret
        port = free_port()
        web = started(port)
        figures: dict[str, Any] = {
            "bytes": asked.bytes,
            "first_byte": first_bytes(port, path, secret, start=0, calls=asked.calls),
            "first_byte_of_a_part": first_bytes(
                port, path, secret, start=asked.bytes // 2 + 1, calls=asked.calls
            ),
            "readers": under_readers(web, port, path, secret, asked.readers),
        }
        web, told, cut = killed_and_resumed(web, port, path, secret, asked.bytes)
        figures["resumed_at_byte"], figures["is_the_same_after_a_kill"] = cut, told == sha256
        figures["gate"] = {"first_byte_ms": 50, "memory_growth_mb": 16}
        write("dataset_download", figures)
    finally:
        if web is not None:
            web.terminate()
            web.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
