"""What the built-in descriptor is good for, beside simpler ones and beside learned encoders.

    python -m benchmarks.builtin_encoder PHOTOS [--models MODEL_DIR]    the table
    python -m benchmarks.builtin_encoder --learn                        makes builtin.npz, from made pictures

PHOTOS has one folder per class; BACKGROUND_Google is left out. Every photo is a query against all others
(leave-one-out, cosine): 1-NN accuracy, its mean over classes, and mean average precision over classes.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np
import simplejpeg

from indexing.compute import encoders
from indexing.compute.encoders import builtin
from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.features import normalize

NUM_MADE, MADE_SIDE_PX, NUM_CROPS, NUM_ATOMS = 60, 512, 3000, 256
SEED = 20


def crops() -> list[np.ndarray]:
    """Cut-outs of made pictures in many sizes, all 128 px: what photographs are stood in for by."""
    chance = np.random.default_rng(SEED)
    made = [dead_leaves(1000 + i, MADE_SIDE_PX) for i in range(NUM_MADE)]
    found = []
    for i in range(NUM_CROPS):
        height = int(np.exp(chance.uniform(np.log(96), np.log(MADE_SIDE_PX))))
        width = int(min(MADE_SIDE_PX, height * chance.uniform(0.8, 1.5)))
        top = chance.integers(0, MADE_SIDE_PX - height + 1)
        left = chance.integers(0, MADE_SIDE_PX - width + 1)
        cut = made[i % NUM_MADE][top : top + height, left : left + width]
        cut = cut[:, ::-1] if chance.random() < 0.5 else cut
        found.append(cv2.resize(np.ascontiguousarray(cut), (128, 128), interpolation=cv2.INTER_AREA))
    return found


def dictionary(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Atoms for patches, whitening included: (108, 256) and their shift (256,)."""
    chance = np.random.default_rng(SEED + 1)
    parts = []
    for picture in pictures[:600]:
        found = builtin.cut_patches(picture).reshape(-1, 3 * builtin.PATCH_PX**2)
        parts.append(found[chance.choice(len(found), 60)])
    found = np.concatenate(parts).astype(np.float64)
    mean = found.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(found.T))
    whiten = (axes / np.sqrt(spread + 0.1)) @ axes.T
    rows = normalize((found - mean) @ whiten).astype(np.float64)
    atoms = rows[chance.choice(len(rows), NUM_ATOMS, replace=False)]
    for _ in range(12):  # spherical k-means
        likeness = rows @ atoms.T
        nearest = likeness.argmax(axis=1)
        moved = 1e-3 * atoms
        np.add.at(moved, nearest, rows * likeness.max(axis=1)[:, None])
        atoms = normalize(moved).astype(np.float64)
    scale = 0.3 * np.sqrt(3 * builtin.PATCH_PX**2)
    together = whiten @ atoms.T / scale
    return together, mean @ together


def learn() -> None:
    """Write builtin.npz."""
    pictures = crops()
    atoms, shift = dictionary(pictures)
    atoms, shift = atoms.astype(np.float16), shift.astype(np.float16)
    numbers = {"atoms": atoms, "atoms_shift": shift}
    of_part: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "edges": builtin.edges,
        "patches": lambda picture: builtin.patches(
            picture, atoms.astype(np.float32), shift.astype(np.float32)
        ),
    }
    for part, describe in of_part.items():
        cells = np.stack([describe(picture) for picture in pictures]).astype(np.float64)
        for name, value in builtin.whitening(cells, builtin.WIDTH_PER_PART).items():
            kind = np.int32 if name == "order" else np.float32 if name == "gain" else np.float16
            numbers[f"{part}_{name}"] = value.astype(kind)
    np.savez(builtin.NUMBERS, **numbers)
    print(f"{builtin.NUMBERS}: {builtin.NUMBERS.stat().st_size} bytes")


def measure(vectors: np.ndarray, classes: np.ndarray) -> tuple[float, float, float]:
    """1-NN accuracy, its mean over classes, mean average precision over classes."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -9)
    is_right = classes[similarities.argmax(axis=1)] == classes
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :-1]
    is_same = classes[order] == classes[:, None]
    precision = np.cumsum(is_same, axis=1) / np.arange(1, is_same.shape[1] + 1)
    average = (precision * is_same).sum(axis=1) / is_same.sum(axis=1)
    each = np.unique(classes)
    by_class = [(is_right[classes == c].mean(), average[classes == c].mean()) for c in each]
    macro_right, macro_average = np.mean(by_class, axis=0)
    return float(is_right.mean()), float(macro_right), float(macro_average)


def color_histogram(picture: np.ndarray) -> np.ndarray:
    bins = [np.bincount(((picture // 32) @ np.array([64, 8, 1])).ravel(), minlength=512)]
    return np.sqrt(bins[0] / bins[0].sum())


def plain_hog(picture: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return cv2.HOGDescriptor((128, 128), (32, 32), (16, 16), (16, 16), 9).compute(gray).ravel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="?", type=Path)
    parser.add_argument("--models", type=Path, help="a model folder: its best encoder is measured too")
    parser.add_argument("--learn", action="store_true")
    asked = parser.parse_args()
    if asked.learn:
        learn()
    if asked.photos is None:
        return
    folders = [each for each in sorted(asked.photos.iterdir()) if each.is_dir()]
    files = [
        (path, each.name)
        for each in folders
        if each.name != "BACKGROUND_Google"
        for path in sorted(each.iterdir())
    ]
    classes = np.unique([name for _, name in files], return_inverse=True)[1]
    pictures: list[np.ndarray] = []

    def decoded() -> float:
        begun = time.process_time()
        pictures[:] = [simplejpeg.decode_jpeg(path.read_bytes(), "RGB") for path, _ in files]
        return time.process_time() - begun

    decode_seconds = decoded()
    per_photo = decode_seconds / len(files) * 1e3
    print(f"{len(files)} photos, {classes.max() + 1} classes; decoding {per_photo:.2f} ms CPU")
    print(
        f"{'encoder':34} {'width':>5} {'1-NN':>6} {'macro':>6} {'mAP':>6} {'CPU ms':>7}  "
        "images/s on 2 cores, decoding included"
    )
    rows: list[tuple[str, Callable[[list[np.ndarray]], np.ndarray]]] = [
        ("color histogram 8x8x8, root", lambda all_: normalize(np.stack([color_histogram(p) for p in all_]))),
        ("plain HOG, OpenCV", lambda all_: normalize(np.stack([plain_hog(p) for p in all_]))),
    ]
    empty = Path(os.devnull).parent / "no-models"
    built_in = encoders.load(encoders.BUILTIN, model_dir=empty)
    rows.append((f"{built_in.key} ({built_in.engine})", built_in.encode))
    if asked.models:
        best = encoders.load("auto", model_dir=asked.models)
        rows.append((f"{best.key} ({best.engine} {best.precision})", best.encode))
    for name, encode in rows:
        begun = time.process_time()
        vectors = encode(pictures)
        seconds = time.process_time() - begun
        accuracy, macro, average = measure(vectors, classes)
        rate = 2 * len(files) / (seconds + decode_seconds)
        print(
            f"{name:34} {vectors.shape[1]:5} {accuracy:6.3f} {macro:6.3f} {average:6.3f} "
            f"{seconds / len(files) * 1e3:7.2f} {rate:7.0f}"
        )


if __name__ == "__main__":
    main()
