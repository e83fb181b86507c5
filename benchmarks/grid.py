"""B9, the server's half: 1 000 thumbnails of random items over HTTP, and a page deep in a list of a million.

    python -m benchmarks.grid [--items 1000000] [--calls 100]

The peer of the thumbnails is nginx (sendfile, open_file_cache) sending one file of as many bytes, by turns,
p50 of wall time; CPU is that of all web processes. A page is 100 items of the REST list by its cursor, page
9 000 against page 0. Gate: 4x and 1.5x; goal 2x, at most 5 ms CPU, and 1.2x.
"""

import argparse
import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from benchmarks.media_site import BASE, Site, write

SEED, WANTED, PER_ANSWER, MEAN_BYTES, PAGE = 9, 1000, 500, 6200, 9000
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=16; keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""
# A pack of 20 000 thumbnails each; the bytes are noise, which nobody decodes here.
FILL_MEDIA = """
    INSERT INTO indexing_mediafile (corpus_id, sha256, kind, name, size_bytes, path, state, reason_code,
        reason, notes, container, codec, width_px, height_px, rotation_degrees, time_base_numerator,
        time_base_denominator, is_variable_rate, clips_cut_by, created_at)
    SELECT %s, md5(n::text), 'image', 'made', 1, '/none', 'done', '', '', '{}', '', '',
        640, 480, 0, 1, 1, false, '', now() FROM generate_series(1, %s) n RETURNING id
"""
FILL_ITEMS = """
    INSERT INTO indexing_item (corpus_id, media_file_id, kind, start_pts, stop_pts, pts_seconds,
        thumbnail_pack_id, thumbnail_offset, thumbnail_bytes, thumbnail_width_px, thumbnail_height_px,
        stack_revision)
    SELECT %(corpus)s, %(media)s, 'frame', n, n + 1, 0,
        (%(packs)s::bigint[])[1 + n %% cardinality(%(packs)s::bigint[])],
        (n %% 20000) * %(bytes)s, %(bytes)s, 256, 192, 0
    FROM generate_series(0, %(num)s - 1) n
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended: {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens at {port}")


def cpu_of(root: int) -> float:
    """CPU seconds of a process and its children now."""
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    own = Path(f"/proc/{root}/stat").read_text().rpartition(")")[2].split()
    spent = sum(int(value) for value in own[11:13]) / os.sysconf("SC_CLK_TCK")
    return spent + sum(cpu_of(int(child)) for child in children)


class Client:
    """One connection, kept."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = headers or {}

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {path[:80]}: {body[:200]!r}")
        return body


def in_turn(ours: Callable[[int], Any], theirs: Callable[[int], Any], calls: int) -> dict[str, Any]:
    """p50 of each in ms, by turns after some untimed, and their ratio."""
    spent: list[list[float]] = [[], []]
    for call in range(-5, calls):
        for each, times in zip((ours, theirs), spent, strict=True):
            begun = time.perf_counter()
            each(call)
            if call >= 0:
                times.append(time.perf_counter() - begun)
    thirds = [statistics.median(part.tolist()) for part in np.array_split(np.array(spent[1]), 3)]
    p50 = [statistics.median(times) * 1e3 for times in spent]
    return {
        "p50_ms": p50[0],
        "p99_ms": float(np.percentile(spent[0], 99) * 1e3),
        "peer_p50_ms": p50[1],
        "ratio": p50[0] / p50[1],
        "is_valid": abs(thirds[-1] / thirds[0] - 1) <= 0.3,
    }


def fill(site: Site, num_items: int) -> tuple[Any, int]:
    """A corpus of `num_items` with thumbnails in packs; it, and the id of its first item."""
    from django.db import connection

    from indexing.models import ThumbnailPack
    from indexing.services.thumbnails import write_pack

    corpus = site.corpus()
    random = np.random.default_rng(SEED)
    packs = []
    for _ in range(4):
        pack, _places = write_pack(corpus.pk, [random.bytes(MEAN_BYTES) for _ in range(20_000)])
        packs.append(ThumbnailPack.objects.create(corpus=corpus, **pack._asdict()).pk)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FILL_MEDIA, [corpus.pk, 1])
        (media,) = cursor.fetchone()
        values = {"corpus": corpus.pk, "media": media, "packs": packs, "bytes": MEAN_BYTES, "num": num_items}
        cursor.execute(FILL_ITEMS, values)
        cursor.execute("ANALYZE")
        cursor.execute("SELECT min(id) FROM indexing_item WHERE corpus_id = %s", [corpus.pk])
        (first,) = cursor.fetchone()
    return corpus, first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=100)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    root.chmod(0o755)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        site = Site(root)
        from sisyphus_web.accounts.models import Membership
        from sisyphus_web.accounts.services import create_token

        corpus, first = fill(site, asked.items)
        Membership.objects.get_or_create(corpus=corpus, user=site.user, defaults={"role": "manager"})
        secret = create_token(user=site.user, name="bench", scopes=["read"]).secret
        web_port, peer_port = free_port(), free_port()
        (root / "www").mkdir()
        (root / "www" / "all").write_bytes(os.urandom(WANTED * MEAN_BYTES))
        (root / "nginx.conf").write_text(NGINX.format(folder=root, port=peer_port))
        web = subprocess.Popen(
            [Path(sys.executable).parent / "granian", "--interface", "wsgi", "--port", str(web_port),
             "--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "error",
             "sisyphus_web.wsgi:application"], cwd=BASE)  # fmt: skip
        processes.append(web)
        processes.append(subprocess.Popen(["nginx", "-c", str(root / "nginx.conf"), "-e", "/dev/null"]))
        wait_for(web_port, web)
        wait_for(peer_port, processes[1])
        client, peer = Client(web_port, {"Authorization": f"Token {secret}"}), Client(peer_port)
        api = f"/api/v1/corpora/{corpus.pk}"
        random = np.random.default_rng(SEED)

        def thumbnails(_: int) -> None:
            ids = (first + random.choice(asked.items, WANTED, replace=False)).tolist()
            num_bytes = 0
            for at in range(0, WANTED, PER_ANSWER):
                query = ",".join(map(str, ids[at : at + PER_ANSWER]))
                num_bytes += len(client.get(f"{api}/thumbnails/?ids={query}"))
            if num_bytes < WANTED * MEAN_BYTES:
                raise RuntimeError(f"{num_bytes} bytes are not {WANTED} thumbnails")

        def page(number: int) -> None:
            last = first + asked.items - 100 * number
            cursor = quote(b64encode(urlencode({"p": last}).encode()).decode())
            body = client.get(f"{api}/items/?page_size=100" + (f"&cursor={cursor}" if number else ""))
            if body.count(b'"thumbnail":') != 100:
                raise RuntimeError(f"page {number} is not full")

        deep = min(PAGE, asked.items // 100 - 1)
        spent = cpu_of(web.pid)
        figures: dict[str, Any] = {"thumbnails": in_turn(thumbnails, lambda _: peer.get("/all"), asked.calls)}
        figures["thumbnails"]["web_cpu_ms"] = 1e3 * (cpu_of(web.pid) - spent) / (asked.calls + 5)
        figures["deep_page"] = in_turn(lambda _: page(deep), lambda _: page(0), asked.calls)
        figures |= {
            "items": asked.items,
            "calls": asked.calls,
            "page": deep,
            "gates": {"thumbnails": "<= 4x", "deep_page": "<= 1.5x"},
            "targets": {"thumbnails": "<= 2x, <= 5 ms CPU", "deep_page": "<= 1.2x"},
        }
        write("grid", figures)
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=20)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
