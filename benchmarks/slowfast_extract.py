"""B4 of windows: slowfast-extract against its network on ready tensors, and against the original's way.

    python -m benchmarks.slowfast_extract [--side 128] [--rows 12] [--stride 4] [--pairs 3] [--precision auto]

Product: `extraction.extract` of one video (decode, resize, windows, SlowFast R50 8x8, files). (a) the same
engine in a loop on ready clips; (b) the way of slowfast_feature_extractor: the whole video in memory as
float32, every window cut and forwarded alone in eager fp32. Weights are by a formula: their speed is that of
any. The gate is the cosine of the rows of product and (b). A run with a load above 1.5 is INVALID.
"""

import argparse
import json
import os
import tempfile
import time
from fractions import Fraction
from math import floor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from indexing.compute.encoders.gates import worst_cosine
from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.encoders.video.slowfast import build
from indexing.compute.plain.report import Report
from indexing.compute.plain.slowfast import config, extraction
from indexing.compute.plain.slowfast.network import ClipNetwork, facts_of, read_weights
from tests.indexing.compute.video.formula import filled
from tests.indexing.compute.video.slow_cases import GAINS

NUM_FRAMES, ALPHA = 32, 4


def make_video(path: Path, num_frames: int) -> None:
    """640 x 360 at 25 frames per second, a picture that moves under a still one."""
    picture = dead_leaves(1, 1024)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(num_frames):
            pixels = picture[number % 300 : number % 300 + 360, 2 * number % 300 :][:, :640].copy()
            pixels[100:200, 200:400] = picture[:100, :200]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def by_hand(network: torch.nn.Module, video: Path, side: int, stride: int) -> np.ndarray:
    """(rows, D): the whole video as float32, each window cut out of it and forwarded alone."""
    with av.open(str(video)) as container:
        frames = [cv2.resize(f.to_ndarray(format="rgb24"), (side, side)) for f in container.decode(video=0)]
    whole = torch.stack([(torch.from_numpy(frame).float() / 255 - 0.45) / 0.225 for frame in frames])
    rows = []
    for center in range(0, len(whole), stride):
        start = floor(center - NUM_FRAMES / 2)
        clip = torch.zeros(NUM_FRAMES, *whole.shape[1:])
        for slot in range(NUM_FRAMES):
            if 0 <= start + slot < len(whole):
                clip[slot] = whole[start + slot]
        with torch.inference_mode():
            rows.append(network(clip.permute(3, 0, 1, 2)[None])[0].numpy())
    return np.stack(rows)


def seconds(work) -> tuple[float, object]:
    begun = time.monotonic()
    answer = work()
    return time.monotonic() - begun, answer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--precision", choices=("fp32", "bf16", "auto"), default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), given)))


def measure(folder: Path, given: argparse.Namespace) -> dict:
    """One row of rates and of ratios, paired."""
    video = folder / "v.mp4"
    make_video(video, given.rows * given.stride)
    network = build("slowfast-r50-8x8", {"num_classes": 400})
    network.load_state_dict(filled(network.state_dict(), GAINS))
    save_file(network.state_dict(), folder / "w.safetensors")
    said = config.checked(
        {
            "DATA.PATH_TO_DATA_DIR": str(folder), "DATA.READ_VID_FILE": True, "DATA.NUM_FRAMES": NUM_FRAMES,
            "DATA.SAMPLE_SIZE": given.side, "SLOWFAST.ALPHA": ALPHA, "WINDOW.STRIDE": given.stride,
            "OUTPUT_DIR": str(folder / "out"),
        }
    )  # fmt: skip
    weights = read_weights(folder / "w.safetensors", said)
    precision = None if given.precision == "auto" else given.precision
    ours = ClipNetwork(said, weights, device="cpu", precision=precision, cache=folder / "cache")
    facts = facts_of(said, weights, ours, given.precision)
    run = extraction.Run(said, ["v"], facts, weights.width, "benchmark", forces=True)

    def product() -> np.ndarray:
        extraction.extract(run, [ours], Report("slowfast-extract", "benchmark"), lambda rows: None)
        return np.load(folder / "out" / f"v_{NUM_FRAMES}.npy")

    ready = np.random.default_rng(0).integers(0, 256, (1, NUM_FRAMES, given.side, given.side, 3), np.uint8)
    kept = np.ones((1, NUM_FRAMES), bool)

    def bare() -> None:
        for _ in range(given.rows):
            ours._engine.run(ready, kept)

    def theirs() -> np.ndarray:
        return by_hand(network, video, given.side, given.stride)

    cosine = worst_cosine(product(), theirs())
    load = os.getloadavg()[0]
    to_bare, to_theirs, rates = [], [], []
    for _ in range(given.pairs):
        ours_seconds, bare_seconds, their_seconds = (seconds(each)[0] for each in (product, bare, theirs))
        to_bare.append(bare_seconds / ours_seconds)
        to_theirs.append(their_seconds / ours_seconds)
        rates.append(given.rows / ours_seconds)
    load = max(load, os.getloadavg()[0])
    return {
        "engine": f"{ours.engine} {ours.precision}",
        "side": given.side,
        "rows_per_second": round(float(np.median(rates)), 2),
        "of_bare_network": round(float(np.median(to_bare)), 3),
        "times_the_originals_way": round(float(np.median(to_theirs)), 2),
        "worst_cosine": round(cosine, 6),
        "load": round(load, 1),
        "valid": load <= 1.5,
    }


if __name__ == "__main__":
    main()
