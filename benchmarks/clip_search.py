"""How soon a long video can be searched by clip: 20 minutes of moving shapes, from the file to a ranking.

Ingest, cutting, features by builtin-clip@1 and the index run one after the other in this process; the shapes
move in one of four ways, ten seconds each, so that a ranking can be judged. Wall and CPU time of every step.

    python -m benchmarks.clip_search [--minutes 20] [--video FILE]
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.media_site import Site, cpu_seconds, write

WIDTH, HEIGHT, FPS, GOP, SEED = 480, 270, 25, 50, 3
SCENE_SECONDS = 10
WAYS = ("across", "down", "around", "still")
NUM_QUERIES, NUM_LOOKED_AT = 40, 10


def way_of(seconds: float) -> str:
    """How the shapes move at that time of the video: in no order that time tells."""
    return WAYS[int(np.random.default_rng([SEED, int(seconds // SCENE_SECONDS)]).integers(len(WAYS)))]


def make_video(path: Path, num_seconds: int) -> None:
    """Three shapes over a quiet background; what they are and where they start changes with every scene."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = GOP
        stream.options = {"preset": "ultrafast"}
        for number in range(num_seconds * FPS):
            seconds = number / FPS
            frame = av.VideoFrame.from_ndarray(_picture(seconds), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _picture(seconds: float) -> np.ndarray:
    scene = int(seconds // SCENE_SECONDS)
    random = np.random.default_rng([SEED, scene, 1])
    picture = np.full((HEIGHT, WIDTH, 3), random.integers(40, 90, 3), np.uint8)
    within, way = seconds - scene * SCENE_SECONDS, way_of(seconds)
    for _ in range(3):
        x, y = random.integers(0, WIDTH), random.integers(0, HEIGHT)
        color, size = tuple(map(int, random.integers(120, 255, 3))), int(random.integers(25, 60))
        speed = float(random.uniform(80, 140))
        if way == "across":
            x = int(x + speed * within) % WIDTH
        elif way == "down":
            y = int(y + speed * within) % HEIGHT
        elif way == "around":
            turn = speed / 40 * within
            x, y = int(x + 80 * np.cos(turn)) % WIDTH, int(y + 80 * np.sin(turn)) % HEIGHT
        cv2.circle(picture, (int(x), int(y)), size, color, -1, cv2.LINE_AA)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--video", type=Path, help="made if it is not there, and kept")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-clips-"))
    try:
        folder = root / "media"
        folder.mkdir()
        made = arguments.video or root / "made.mp4"
        if not made.is_file():
            make_video(made, round(arguments.minutes * 60))
        shutil.copyfile(made, folder / "shapes.mp4")
        figures = _measured(Site(root), folder)
        write("clip_search", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _measured(site: Site, folder: Path) -> dict[str, Any]:
    from indexing import tasks
    from indexing.models import Item
    from indexing.services.corpora import change_settings
    from sisyphus_web.jobs.models import Job

    corpus = site.corpus()
    change_settings(corpus, clips="on")
    steps: dict[str, Any] = {}

    def step(name: str, work: Callable[[], Any]) -> None:
        begun, spent = time.perf_counter(), cpu_seconds()
        work()
        steps[name] = {
            "seconds": round(time.perf_counter() - begun, 2),
            "cpu_seconds": round(cpu_seconds() - spent, 2),
        }

    step("ingest", lambda: site.ingest(corpus, folder))
    work = {
        "clips_cut": tasks.cut_clips,
        "features_extract": tasks.extract_features,
        "stacks_build": tasks.build_stacks,
        "index_build": tasks.build_index,
    }
    of_frames = corpus.jobs.filter(status="queued").exclude(kind="clips_cut").exclude(params__unit="clip")
    of_frames.update(status="cancelled")
    while job := corpus.jobs.filter(status=Job.Status.QUEUED).order_by("id").first():
        step(job.kind, lambda job=job: work[job.kind](job.pk))
        job.refresh_from_db()
        if job.status != "done":
            raise RuntimeError(f"{job} {job.status}: {job.error_text}")
    searchable = sum(steps[name]["seconds"] for name in ("ingest", "clips_cut", "features_extract"))
    clips = list(Item.objects.filter(corpus=corpus, kind="clip").order_by("start_pts"))
    return {
        "video_seconds": corpus.media_files.get().duration_seconds,
        "clips": len(clips),
        "steps": steps,
        "searchable_after_seconds": round(searchable, 1),  # new vectors are searched before their index
        "precision_at_10": _precision(corpus, clips),
        "precision_by_chance": _by_chance(clips),
    }


def _way_of_clip(clip: Any) -> str:
    return way_of(clip.pts_seconds + 1)  # clips of two seconds: none crosses a scene


def _precision(corpus: Any, clips: list[Any]) -> float:
    """Of the ten nearest clips of other scenes, the share that moves as the query does."""
    from indexing.search_service.corpora import Corpora
    from indexing.search_service.ranker import Ranker
    from indexing.search_service.requests import RankRequest, Term
    from labeling.compute.ranking import fit_query
    from labeling.services.ledger_reader import LedgerReader

    of_item = {clip.pk: clip for clip in clips}
    ranker = Ranker(Corpora(LedgerReader), fit_query)
    shares = []
    for clip in clips[:: max(1, len(clips) // NUM_QUERIES)]:
        terms = [Term(kind="item", item=clip.pk)]
        found = ranker.rank(RankRequest(corpus=corpus.pk, unit="clip", terms=terms, k=500, fold=False))
        scene = clip.pts_seconds // SCENE_SECONDS
        others = [of_item[each.item] for each in found.neighbors]
        others = [each for each in others if each.pts_seconds // SCENE_SECONDS != scene][:NUM_LOOKED_AT]
        shares.append(np.mean([_way_of_clip(each) == _way_of_clip(clip) for each in others]))
    ranker.close()
    return round(float(np.mean(shares)), 3)


def _by_chance(clips: list[Any]) -> float:
    shares = np.unique([_way_of_clip(clip) for clip in clips], return_counts=True)[1] / len(clips)
    return round(float((shares**2).sum()), 3)


if __name__ == "__main__":
    main()
