"""Runs in the environment of requirements-references.txt: `sfi slowfast-extract` beside the original's steps.

Frames are read and scaled by OpenCV, normalized, laid into windows with gray where there are none, split
into pathways and given to FAIR's own network, as slowfast_feature_extractor documents it, but in RGB. The
command gets the same frames, and that network's weights in each of its file formats.
"""

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from indexing.compute.encoders.video.slow_family import SlowFamily, slow_family
from tests.indexing.compute.video.formula import filled, uniform
from tests.indexing.compute.video.other_names import caffe2_blobs
from tests.indexing.compute.video.slow_cases import GAINS, NARROW
from tests.indexing.compute.video.slow_references import feature_of, pathways, pyslowfast_network

NUM_FRAMES, NUM_PICTURES = 8, 13
# Side of the frames -> the pooling that CROP_SIZE stands for: 224 on 8 x 8 places is not their mean.
POOLS = {"head256": (64, 64), "head224": (256, 224)}


def write_pictures(folder: Path) -> list[np.ndarray]:
    """Frames that are no square, as PNG; gives what OpenCV reads of them, as RGB."""
    folder.mkdir(parents=True)
    for number in range(NUM_PICTURES):
        coarse = (uniform(f"picture {number}", (12, 16, 3)) * 127 + 128).astype(np.uint8)
        cv2.imwrite(
            str(folder / f"{number + 1:06d}.png"),
            cv2.resize(coarse, (96, 72), interpolation=cv2.INTER_LINEAR),
        )
    paths = sorted(folder.glob("*.png"), key=lambda path: int(path.stem))
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]


def rows_of(
    pictures: list[np.ndarray], theirs: torch.nn.Module, family: SlowFamily, side_px: int
) -> np.ndarray:
    """(T, D): one row per frame, each window forwarded from scratch."""
    maps: dict[str, list[torch.Tensor]] = {}
    theirs.s5.register_forward_hook(lambda module, given, gave: maps.update(s5=gave))
    theirs.head.forward = lambda given: None
    frames = [cv2.resize(each, (side_px, side_px), interpolation=cv2.INTER_LINEAR) for each in pictures]
    normalized = (np.stack(frames).astype(np.float32) / 255 - 0.45) / 0.225
    rows = []
    for center in range(len(frames)):
        window = np.zeros((NUM_FRAMES, *normalized.shape[1:]), np.float32)
        for slot, number in enumerate(range(center - NUM_FRAMES // 2, center + NUM_FRAMES // 2)):
            if 0 <= number < len(frames):
                window[slot] = normalized[number]
        clip = torch.from_numpy(window.transpose(3, 0, 1, 2).copy())[None]
        with torch.inference_mode():
            theirs(pathways(clip, family))
            rows.append(feature_of(maps["s5"], family).numpy()[0])
    return np.stack(rows)


def by_command(folder: Path, checkpoint: Path, out: Path, family: SlowFamily, pool: str) -> np.ndarray:
    """What `sfi slowfast-extract` writes."""
    side_px, crop_px = POOLS[pool]
    tree = {
        "DATA": {
            "PATH_TO_DATA_DIR": str(folder),
            "NUM_FRAMES": NUM_FRAMES,
            "SAMPLE_SIZE": [side_px, side_px],
            "CROP_SIZE": crop_px,
            "READ_VID_FILE": False,
            "IMG_FILE_EXT": ".png",
            "IMG_FILE_FORMAT": "{:06d}.png",
        },
        "SLOWFAST": {"ALPHA": family.alpha, "FUSION_KERNEL_SZ": family.fusion_kernel},
        "MODEL": {"ARCH": "slowfast"},
        "TEST": {"CHECKPOINT_FILE_PATH": str(checkpoint), "BATCH_SIZE": 4},
        "OUTPUT_DIR": str(out),
    }
    cfg = folder / "cfg.yaml"
    cfg.write_text(yaml.safe_dump(tree))
    (folder / "video_list.csv").write_text("a\n")
    command = [sys.executable, "-m", "sisyphus_web.cli.main", "slowfast-extract", "--cfg", str(cfg)]
    done = subprocess.run(
        [*command, "--device", "cpu", "--precision", "fp32"], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return np.load(out / f"a_{NUM_FRAMES}.npy")


def main() -> None:
    """Print, per file format and pooling, the largest difference over the largest number."""
    torch.set_num_threads(1)
    told = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = write_pictures(folder / "a")
        for pool, (side_px, crop_px) in POOLS.items():
            family = slow_family("slowfast-r50-8x8", {**NARROW, "pool": pool})
            theirs = pyslowfast_network(family, NUM_FRAMES, crop_px)
            theirs.load_state_dict(filled(theirs.state_dict(), GAINS), strict=True)
            weights = theirs.state_dict()
            torch.save({"epoch": 1, "model_state": weights, "cfg": ""}, folder / "pytorch.pyth")
            (folder / "caffe2.pkl").write_bytes(pickle.dumps({"blobs": caffe2_blobs(weights)}, protocol=2))
            expected = rows_of(pictures, theirs, family, side_px)
            for file_name in ("pytorch.pyth", "caffe2.pkl"):
                found = by_command(folder, folder / file_name, folder / f"{pool}-{file_name}", family, pool)
                is_alike = found.shape == expected.shape and found.dtype == np.float32
                apart = float(np.abs(found - expected).max() / np.abs(expected).max()) if is_alike else None
                told.append({"case": f"{pool} {file_name}", "rows": list(found.shape), "apart": apart})
    print(json.dumps({"extraction": told}))


if __name__ == "__main__":
    main()
