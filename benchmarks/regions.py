"""What a region index finds that whole frames do not, what it costs, and which prior on scale it wants.

    python -m benchmarks.regions --data FOLDER --weights FOLDER [--encoder KEY]

cells    BCCD frames, 640 x 480; the query is the box of one platelet or white cell, relevant are the other
         frames with one. By bucket of the area of the box. Every frame has a white cell: see `num_relevant`.
planted  an object of a Caltech-101 class pasted at 0.5 to 10 % of the area of a frame made of another photo;
         the query is another photo of the class, relevant are the frames that it was pasted into.
photos   whole photos of Caltech-101 as queries: what tiles must not make worse.
cost     bytes per frame and the time of a page of 200 at 20,000 frames of clustered vectors.

`whole` compares with slot 0, `regions` with the largest over 14 slots less the prior. Recall at 100, average
precision and precision at the number of relevant frames are means over queries.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image

from indexing.compute import encoders
from indexing.compute.builds import open_build, write_build
from indexing.compute.encoders import Encoder
from indexing.compute.engine import Ranking
from indexing.compute.regions import NUM_TILES, SCALE_PRIOR, TILE_SLOTS, TILES, bytes_of_frame, cut_tiles
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import NO_FILTERS, prepare, select
from indexing.compute.vectors import exact_index

ROOT = Path(__file__).resolve().parents[1]
PRIORS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
AREAS = (0.0, 0.005, 0.01, 0.05, 0.1, 1.0)  # edges of the buckets
PLANTED_AREAS = (0.005, 0.01, 0.03, 0.1)
PLANTED_CLASSES = ("stop_sign", "yin_yang", "watch", "sea_horse", "pizza", "gramophone")
NUM_PLANTED, NUM_PLAIN, NUM_PHOTOS = 20, 240, 260  # frames of each class, frames without, photos
NUM_FRAMES, WIDTH, PAGE = 20_000, 512, 200  # of the measurement of cost
BATCH = 32


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def encode(encoder: Encoder, pictures: list[np.ndarray]) -> np.ndarray:
    """(n, D) float32."""
    parts = [encoder.encode([np.ascontiguousarray(each) for each in pictures[at : at + BATCH]])
             for at in range(0, len(pictures), BATCH)]  # fmt: skip
    return np.concatenate(parts)


def slots_of(encoder: Encoder, frames: list[np.ndarray]) -> np.ndarray:
    """(n, 14, D): the whole and the tiles of every frame."""
    return np.stack([encode(encoder, [frame, *cut_tiles(frame)]) for frame in frames])


def scores(query: np.ndarray, slots: np.ndarray, prior: float | None) -> np.ndarray:
    """(n,): how near every frame is; `prior` None: whole frames only."""
    near = slots @ query
    return near[:, 0] if prior is None else np.maximum(near[:, 0], near[:, 1:].max(axis=1) - prior)


def judged(score: np.ndarray, is_relevant: np.ndarray) -> dict[str, float]:
    """Recall at 100, average precision, precision at R."""
    hits = is_relevant[np.argsort(-score, kind="stable")]
    precision = np.cumsum(hits) / (np.arange(len(hits)) + 1)
    total = int(hits.sum())
    return {
        "recall_at_100": float(hits[:100].sum() / total),
        "average_precision": float(precision[hits].mean()),
        "precision_at_r": float(hits[:total].mean()),
    }


class Tally:
    """Means by bucket and setting."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], list[dict[str, float]]] = {}
        self._relevant: dict[str, list[int]] = {}

    def add(self, bucket: str, query: np.ndarray, slots: np.ndarray, is_relevant: np.ndarray) -> None:
        if not is_relevant.any():
            return
        self._relevant.setdefault(bucket, []).append(int(is_relevant.sum()))
        for name, prior in (("whole", None), *((f"regions at {prior}", prior) for prior in PRIORS)):
            one = judged(scores(query, slots, prior), is_relevant)
            self._of.setdefault((bucket, name), []).append(one)

    def result(self, num_frames: int) -> dict[str, object]:
        made: dict[str, object] = {"num_frames": num_frames}
        for bucket, relevant in self._relevant.items():
            of_bucket = {
                name: {key: round(float(np.mean([each[key] for each in rows])), 4) for key in rows[0]}
                for (at, name), rows in self._of.items()
                if at == bucket
            }
            head = {"num_queries": len(relevant), "num_relevant": round(float(np.mean(relevant)), 1)}
            made[bucket] = head | of_bucket
        return made


class Won:
    """Of the frames that hold the object: how often a tile wins, and how often it is one with the object."""

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[bool, bool, float]]] = {}

    def add(
        self, name: str, query: np.ndarray, slots: np.ndarray, centers: list[list[tuple[float, float]]]
    ) -> None:
        near = slots @ query
        near[:, 1:] -= SCALE_PRIOR
        for slot, points in zip(near.argmax(axis=1).tolist(), centers, strict=True):
            if points:
                holds = [any(x0 <= x < x1 and y0 <= y < y1 for x, y in points) for x0, y0, x1, y1 in TILES]
                one = (slot > 0, slot > 0 and holds[slot - 1], float(np.mean(holds)))
                self._of.setdefault(name, []).append(one)

    def result(self) -> dict[str, dict[str, float]]:
        made = {}
        for name, rows in self._of.items():
            wins, holds, chance = np.array(rows, float).T
            made[name] = {
                "a tile wins": round(float(wins.mean()), 4),
                "it holds the object": round(float(holds.sum() / max(1, wins.sum())), 4),
                "a tile by chance does": round(float(chance.mean()), 4),
            }
        return made


def cells(encoder: Encoder, folder: Path) -> dict[str, object]:
    coco = json.loads((folder / "annotations_coco.json").read_text())
    names = {each["id"]: each["name"] for each in coco["categories"]}
    frames = [picture(folder / each["file_name"]) for each in coco["images"]]
    slots = slots_of(encoder, frames)
    place = {each["id"]: at for at, each in enumerate(coco["images"])}
    objects: dict[str, dict[int, list[tuple[float, float]]]] = {}  # class -> frame -> centers, of 0..1
    for each in coco["annotations"]:
        x, y, width, height = each["bbox"]
        size = coco["images"][place[each["image_id"]]]
        center = ((x + width / 2) / size["width"], (y + height / 2) / size["height"])
        of_class = objects.setdefault(names[each["category_id"]], {})
        of_class.setdefault(place[each["image_id"]], []).append(center)
    tally, won = Tally(), Won()
    for name in ("Platelets", "WBC"):
        own = [each for each in coco["annotations"] if names[each["category_id"]] == name]
        has = np.zeros(len(frames), bool)
        has[[place[each["image_id"]] for each in own]] = True
        for each in own:
            at = place[each["image_id"]]
            x, y, width, height = (int(side) for side in each["bbox"])
            crop = frames[at][y : y + height, x : x + width]
            if min(crop.shape[:2]) < 8:
                continue
            share = crop.shape[0] * crop.shape[1] / frames[at][..., 0].size
            others = np.arange(len(frames)) != at
            query = encode(encoder, [crop])[0]
            for bucket in (name, f"{name} {bucket_of(share)}"):
                tally.add(bucket, query, slots[others], has[others])
            won.add(
                name,
                query,
                slots,
                [objects[name].get(at, []) if other else [] for at, other in enumerate(others)],
            )
    return tally.result(len(frames)) | {"winning regions": won.result()}


def bucket_of(share: float) -> str:
    at = int(np.searchsorted(AREAS, share, "right"))
    return f"{AREAS[at - 1]:.1%} to {AREAS[min(at, len(AREAS) - 1)]:.1%} of the area"


def planted(encoder: Encoder, folder: Path) -> dict[str, object]:
    dice = np.random.default_rng(3)
    of_class = {name: sorted((folder / name).glob("*.jpg")) for name in PLANTED_CLASSES}
    others = sorted(path for path in folder.glob("*/*.jpg") if path.parent.name not in PLANTED_CLASSES)
    num_frames = NUM_PLANTED * len(PLANTED_CLASSES) + NUM_PLAIN
    chosen = dice.choice(len(others), num_frames, replace=False)
    frames = [np.asarray(Image.open(others[at]).convert("RGB").resize((640, 480))) for at in chosen]
    label = np.full(num_frames, -1)
    area = np.zeros(num_frames)
    for number, name in enumerate(PLANTED_CLASSES):
        for turn in range(NUM_PLANTED):
            at = number * NUM_PLANTED + turn
            label[at], area[at] = number, PLANTED_AREAS[turn % len(PLANTED_AREAS)]
            frames[at] = pasted(frames[at], of_class[name][turn], float(area[at]), dice)
    slots = slots_of(encoder, frames)
    tally = Tally()
    for number, name in enumerate(PLANTED_CLASSES):
        for path in of_class[name][NUM_PLANTED : NUM_PLANTED + 10]:
            query = encode(encoder, [picture(path)])[0]
            for share in PLANTED_AREAS:
                kept = (label != number) | (area == share)
                tally.add(f"{share:.1%} of the area", query, slots[kept], label[kept] == number)
    return tally.result(num_frames)


def pasted(frame: np.ndarray, path: Path, share: float, dice: np.random.Generator) -> np.ndarray:
    """The frame with the photo pasted into it somewhere, at that share of its area."""
    what = Image.open(path).convert("RGB")
    scale = np.sqrt(share * frame.shape[0] * frame.shape[1] / (what.width * what.height))
    what = what.resize((max(8, round(what.width * scale)), max(8, round(what.height * scale))))
    made = Image.fromarray(frame)
    x, y = dice.integers(0, made.width - what.width), dice.integers(0, made.height - what.height)
    made.paste(what, (int(x), int(y)))
    return np.asarray(made)


def photos(encoder: Encoder, folder: Path) -> dict[str, object]:
    dice = np.random.default_rng(5)
    paths = sorted(path for path in folder.glob("*/*.jpg") if path.parent.name != "BACKGROUND_Google")
    chosen = [paths[at] for at in dice.choice(len(paths), NUM_PHOTOS, replace=False)]
    labels = np.array([path.parent.name for path in chosen])
    slots = slots_of(encoder, [picture(path) for path in chosen])
    tally = Tally()
    for at in range(len(chosen)):
        others = np.arange(len(chosen)) != at
        tally.add("whole photos", slots[at, 0], slots[others], labels[others] == labels[at])
    return tally.result(len(chosen))


def cost() -> dict[str, object]:
    dice = np.random.default_rng(1)
    centers = dice.standard_normal((2_000, WIDTH)).astype(np.float32)

    def vectors(num: int) -> np.ndarray:
        made = centers[dice.integers(0, len(centers), num)] + dice.standard_normal((num, WIDTH), np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    ids = np.arange(1, NUM_FRAMES + 1)
    whole, tiles = vectors(NUM_FRAMES), vectors(NUM_FRAMES * NUM_TILES)
    tile_ids, slots = np.repeat(ids, NUM_TILES), np.tile(np.array(TILE_SLOTS, np.int16), NUM_FRAMES)
    nothing = np.zeros(NUM_FRAMES)
    items = Items(ids, ids, nothing.astype(np.int64), nothing, nothing.astype(bool))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        blocks = [(tile_ids[at : at + 26_000], tiles[at : at + 26_000], slots[at : at + 26_000])
                  for at in range(0, len(tiles), 26_000)]  # fmt: skip
        manifest = write_build(Path(folder) / "b", blocks, encoder="e@1", weights_sha256="", shard_ids=[1])
        seconds = time.perf_counter() - begun
        build = open_build(Path(folder) / "b")
        of_whole = Part(ids, exact_index(whole))
        settings = {
            "whole": (of_whole,),
            "regions, exact": (of_whole, Part(tile_ids, exact_index(tiles), slots=slots)),
            "regions, by build": (of_whole, Part.of_build(build)),
        }
        queries = vectors(40)
        timed = {
            name: page_ms(Resident(parts, items, "e@1", WIDTH), queries) for name, parts in settings.items()
        }
    on_disk = sum(facts.size_bytes for facts in manifest.files.values())
    return {
        "num_frames": NUM_FRAMES,
        "width": WIDTH,
        "bytes_per_frame": {
            "whole": bytes_of_frame(WIDTH, with_tiles=False),
            "regions": bytes_of_frame(WIDTH, with_tiles=True),
            "build of tiles, on disk": round(on_disk / NUM_FRAMES),
        },
        "page_of_200_ms": timed,
        "build": {
            "factory": manifest.factory,
            "candidate_factor": manifest.candidate_factor,
            "recall_at_100_of_items": round(manifest.recall_at_100, 4),
            "seconds": round(seconds, 1),
        },
    }


def page_ms(resident: Resident, queries: np.ndarray) -> dict[str, float]:
    prepare(resident)
    selection = select(resident, NO_FILTERS, fold=True)
    took = []
    for query in queries:
        begun = time.perf_counter()
        Ranking(resident, query, selection).page(0, PAGE)
        took.append((time.perf_counter() - begun) * 1e3)
    return {"p50": round(float(np.median(took)), 2), "p95": round(float(np.quantile(took, 0.95)), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--encoder", default="torchvision:mobilenet_v2@1")
    parser.add_argument("--parts", nargs="*", default=["cells", "planted", "photos", "cost"])
    asked = parser.parse_args()
    place = ROOT / "benchmarks" / "results" / "regions.json"
    result = json.loads(place.read_text()) if place.exists() else {}
    result |= {"benchmark": "region index", "prior": SCALE_PRIOR}
    with tempfile.TemporaryDirectory() as models:
        weights = asked.weights / "mobilenet_v2_imagenet_fp16.pt"
        (Path(models) / "mobilenet_v2-imagenet.pt").symlink_to(weights.resolve())
        own = result.setdefault("encoders", {}).setdefault(asked.encoder, {})
        if set(asked.parts) - {"cost"}:
            encoder = encoders.load(asked.encoder, model_dir=Path(models), device="cpu")
            own["width"] = encoder.width
            for name, work, folder in (
                ("cells", cells, asked.data / "detection"),
                ("planted", planted, asked.data / "photos"),
                ("photos", photos, asked.data / "photos"),
            ):
                if name in asked.parts:
                    begun = time.perf_counter()
                    own[name] = work(encoder, folder)
                    print(name, round(time.perf_counter() - begun, 1), "s", json.dumps(own[name], indent=1))
                    place.write_text(json.dumps(result, indent=2) + "\n")
    if "cost" in asked.parts:
        result["cost"] = cost()
        print(json.dumps(result["cost"], indent=1))
    place.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
