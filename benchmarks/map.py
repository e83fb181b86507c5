"""The map at a million points: the server's answers, and what a browser does with them.

    python -m benchmarks.map [--items 1000000] [--decided 50000] [--calls 20] [--no-browser]

The points and the states over HTTP from one web process, first in full, then for somebody who has them
(304); wall time and the web process's largest memory. Then headless Chromium: from opening the page to the
map on the screen, and the frames painted while it is moved and hovered over. Where there is no GPU Chromium
draws by software: its frames say how the page holds up, not how fast a screen is. Nothing here has a peer.
"""

import argparse
import http.client
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.grid import FILL_MEDIA, free_port, wait_for
from benchmarks.media_site import BASE, Site, write

SEED, PER_SHARD = 4, 50_000
FILL_ITEMS = """
    INSERT INTO indexing_item (corpus_id, media_file_id, kind, start_pts, stop_pts, pts_seconds,
        thumbnail_offset, thumbnail_bytes, thumbnail_width_px, thumbnail_height_px, stack_revision)
    SELECT %s, %s, 'frame', n, n + 1, 0, 0, 0, 0, 0, 0 FROM generate_series(0, %s) n RETURNING id
"""
FILL_ANSWERS = """
    INSERT INTO labeling_currentverdict
        (corpus_id, item_id, label_class_id, answer, version, is_derived, is_disputed)
    SELECT %s, id, %s, (ARRAY['accept', 'reject', 'unsure'])[1 + id %% 3], 1, false, false
    FROM indexing_item WHERE corpus_id = %s ORDER BY id %% 997, id LIMIT %s
"""
# Frames that the page paints while the pointer drags the map and the wheel zooms it.
FRAMES = """() => new Promise((done) => {
    const times = []; let last = performance.now(); const until = last + 3000;
    const next = (now) => {
        times.push(now - last); last = now;
        if (now < until) requestAnimationFrame(next); else done(times);
    };
    requestAnimationFrame(next);
})"""


def fill(site: Site, num_items: int, num_decided: int) -> tuple[Any, Any]:
    """A corpus with a map of `num_items` points, and its class."""
    from django.db import connection, transaction

    from indexing.compute.features import Features, write_shard
    from indexing.compute.projection import Layout
    from indexing.models import FeatureSet, FeatureShard
    from indexing.services.features import shard_folder
    from indexing.services.projections import show, store_layout, store_part
    from labeling.models import LabelClass
    from sisyphus_web.jobs import services as jobs

    corpus = site.corpus()
    label_class = LabelClass.objects.create(corpus=corpus, name="wanted", created_by=site.user)
    feature_set = FeatureSet.objects.create(corpus=corpus, encoder="made@1", width=2, is_active=True)
    random = np.random.default_rng(SEED)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FILL_MEDIA, [corpus.pk, 1])
        (media,) = cursor.fetchone()
        cursor.execute(FILL_ITEMS, [corpus.pk, media, num_items - 1])
        ids = np.array(cursor.fetchall(), np.int64).ravel()
        cursor.execute(FILL_ANSWERS, [corpus.pk, label_class.pk, corpus.pk, num_decided])
        cursor.execute("ANALYZE")
    job = jobs.enqueue("map_build", corpus=corpus, created_by=site.user, redraw=True)
    landmarks = np.eye(2, dtype=np.float32)
    projection = store_layout(job, feature_set, Layout(landmarks, landmarks), num_laid_out=num_items)
    centers = random.random((400, 2))
    for start in range(0, num_items, PER_SHARD):
        chunk = ids[start : start + PER_SHARD]
        around = centers[random.integers(0, len(centers), len(chunk))]
        places = np.clip(around + 0.02 * random.standard_normal((len(chunk), 2)), 0, 1).astype(np.float32)
        unit = np.tile(np.array([1, 0], np.float32), (len(chunk), 1))
        files = write_shard(shard_folder(feature_set), Features(unit, chunk, "made@1"))
        shard = FeatureShard.objects.create(feature_set=feature_set, **files._asdict())
        store_part(projection, shard, places)
    with transaction.atomic():
        show(projection)
    corpus.jobs.update(status="cancelled", finished_at=job.created_at)
    return corpus, label_class


def largest_mib(process: subprocess.Popen[bytes]) -> float:
    """Of the process and its children: the most memory each has held, added up."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    total = 0
    for pid in (str(process.pid), *children):
        line = next(
            each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM")
        )
        total += int(line.split()[1])
    return total / 1024


def timed(port: int, secret: str, path: str, calls: int) -> dict[str, Any]:
    """p50 and the most, in ms: whole answers, and answers to who has the newest."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Token {secret}"}
    figures: dict[str, Any] = {}
    etag = ""
    for name, status in (("whole", 200), ("unchanged", 304)):
        times = []
        for _ in range(calls):
            asked = headers | ({"If-None-Match": etag} if status == 304 else {})
            begun = time.perf_counter()
            connection.request("GET", path, headers=asked)
            answer = connection.getresponse()
            body = answer.read()
            times.append((time.perf_counter() - begun) * 1e3)
            if answer.status != status:
                raise RuntimeError(f"{answer.status} {path}: {body[:200]!r}")
        etag = answer.headers["ETag"]
        p50, most = np.percentile(times, [50, 100]).round(2).tolist()
        figures[name] = {"p50_ms": p50, "most_ms": most, "bytes": len(body)}
    return figures


def in_browser(port: int, path: str, password: str) -> dict[str, Any]:
    """Seconds until the map is there, frames while it moves, megabytes of the page's own heap."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--enable-unsafe-swiftshader", "--enable-precise-memory-info"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}/login/")
        page.get_by_label("Name").or_(page.get_by_label("Username")).first.fill("bench")
        page.get_by_label("Password").first.fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        begun = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}{path}")
        page.locator("sfi-map-view canvas").first.wait_for()
        page.wait_for_function("() => document.querySelector('.map-legend .number')")
        seconds = time.perf_counter() - begun
        renderer = page.evaluate("() => !!document.querySelector('sfi-map-view canvas').getContext('webgl2')")
        box = page.locator("sfi-map-view").bounding_box()
        if box is None:
            raise RuntimeError("the map has no place on the page")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate(f"() => {{ window.frames_ = ({FRAMES})(); }}")
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(30):
            page.mouse.move(x + 6 * step, y + 3 * step)
        page.mouse.up()
        for _ in range(10):
            page.mouse.wheel(0, -120)
        for step in range(30):
            page.mouse.move(x - 8 * step, y)
        times = np.array(page.evaluate("() => window.frames_"))[1:]
        heap = page.evaluate("() => performance.memory.usedJSHeapSize / 2 ** 20")
        browser.close()
    p50, p95 = np.percentile(times, [50, 95]).round(1).tolist()
    return {
        "seconds_to_map": round(seconds, 2),
        "is_webgl": renderer,
        "frame_p50_ms": p50,
        "frame_p95_ms": p95,
        "heap_mib": round(heap, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--decided", type=int, default=50_000)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    root.chmod(0o755)
    web = None
    try:
        site = Site(root)
        from sisyphus_web.accounts.models import Membership
        from sisyphus_web.accounts.services import create_token

        corpus, label_class = fill(site, asked.items, asked.decided)
        Membership.objects.get_or_create(corpus=corpus, user=site.user, defaults={"role": "annotator"})
        password = secrets.token_urlsafe(20)
        site.user.set_password(password)
        site.user.save()
        secret = create_token(user=site.user, name="bench", scopes=["read"]).secret
        port = free_port()
        web = subprocess.Popen(
            [Path(sys.executable).parent / "granian", "--interface", "wsgi", "--port", str(port),
             "--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "error",
             "sisyphus_web.wsgi:application"], cwd=BASE)  # fmt: skip
        wait_for(port, web)
        api = f"/api/v1/corpora/{corpus.pk}/map"
        is_quiet = os.getloadavg()[0] < 1.5 * (os.cpu_count() or 1)  # this one's own work is in it
        figures: dict[str, Any] = {"items": asked.items, "decided": asked.decided, "is_valid": is_quiet}
        figures["points"] = timed(port, secret, f"{api}/points/", asked.calls)
        figures["states"] = timed(port, secret, f"{api}/states/?class={label_class.pk}", asked.calls)
        figures["web_largest_mib"] = round(largest_mib(web), 1)
        if not asked.no_browser:
            path = f"/corpora/{corpus.pk}/map/?class={label_class.pk}"
            figures["browser"] = in_browser(port, path, password)
        write("map", figures)
    finally:
        if web is not None:
            web.terminate()
            web.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
