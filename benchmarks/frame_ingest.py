"""B1: ingest of a 720p H.264 video against `ffmpeg -threads 2 -f null`, which only decodes.

Two ways, both with thumbnails of 256 px at one per second, the pack and the rows:
`interval` decodes every frame in the child and keeps one a second there; `every_frame` hands every
frame as 256 x 144 RGB to the encoder's queue (an encoder that costs nothing keeps one a second).

    python -m benchmarks.frame_ingest [--seconds 20] [--pairs 5]
"""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import av
import cv2
import numpy as np

from benchmarks.media_site import Site, compare, write

SEED, FPS, GOP, BIT_RATE = 5, 30, 60, 10_000_000


def make_video(path: Path, num_seconds: int) -> None:
    """A drifting scene under grain: 1280 x 720, 30 a second, a key frame every 2 s, 10 Mb/s."""
    random = np.random.default_rng(SEED)
    scene = cv2.resize(
        random.integers(0, 256, (40, 60, 3), np.uint8), (2400, 1600), interpolation=cv2.INTER_CUBIC
    )
    grain = random.integers(-10, 11, (16, 720, 1280, 1), np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1280, 720, "yuv420p", BIT_RATE
        stream.codec_context.gop_size = GOP
        stream.options = {"preset": "veryfast"}
        for number in range(FPS * num_seconds):
            x, y = 560 + int(500 * np.sin(number / 60)), 440 + int(400 * np.cos(number / 45))
            pixels = scene[y : y + 720, x : x + 1280].astype(np.int16) + grain[number % 16]
            frame = av.VideoFrame.from_ndarray(np.clip(pixels, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def free_encoder() -> Callable[[list[np.ndarray]], np.ndarray]:
    """Vectors by which exactly one frame in FPS differs from the last one kept."""
    seen = 0

    def encode(pictures: list[np.ndarray]) -> np.ndarray:
        nonlocal seen
        seconds = (seen + np.arange(len(pictures))) // FPS % 2
        seen += len(pictures)
        return np.eye(2, dtype=np.float32)[seconds]

    return encode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        folder = root / "videos"
        folder.mkdir()
        video = folder / "scene.mp4"
        make_video(video, asked.seconds)
        site = Site(root)
        from indexing.services.sources import indexing_settings

        def product(policy: str) -> None:
            corpus = site.corpus()
            chosen = indexing_settings(corpus)
            chosen.frame_policy, chosen.interval_seconds = policy, 1.0
            chosen.save()
            extra = (
                {"encode": free_encoder(), "encode_side_px": 144} if policy == "feature_similarity" else {}
            )
            with patch("indexing.tasks.ingest._encoder_for", return_value=extra):
                job = site.ingest(corpus, folder)
            frames = corpus.media_files.get().num_frames
            if (frames, job.result["items"]) != (FPS * asked.seconds, asked.seconds):
                raise RuntimeError(f"{frames} frames, {job.result}")

        def peer() -> None:
            command = ["ffmpeg", "-v", "error", "-threads", "2", "-i", str(video), "-an", "-f", "null", "-"]
            subprocess.run(command, check=True)

        figures = {
            "interval": compare(lambda: product("interval"), peer, pairs=asked.pairs),
            "every_frame": compare(lambda: product("feature_similarity"), peer, pairs=asked.pairs),
            "frames": FPS * asked.seconds,
            "file_bytes": video.stat().st_size,
            "gate": 0.8,
            "target": 0.92,
        }
        write("frame_ingest", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
