"""What one answer to a stack saves: people looked for in frames of videos among photos.

    python -m benchmarks.annotate_sim.stacks --data FOLDER [--weights FILE.pt] [--seconds 0.2] [--starts 3]

`--data` has `photos/<class>/*.jpg`, the videos, and `videos/videos.csv` with the person in each of gestures.
Every person is looked for in turn, from one frame of theirs, with stacks as the product makes them (a run of
a video by similarity, photos by hash and similarity). A decision is one tile: by stack it answers every
member alike, as the first one shown deserves, and what was thereby answered wrongly is counted; item by
item, as in tools without stacks, it answers one frame. Recall counts frames.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.search_site import conditions, keep  # sets the number of BLAS threads

from benchmarks.annotate_sim.annotator import BATCH, RECALLS  # isort: skip
from benchmarks.annotate_sim.photos import vectors_of_pixels  # isort: skip
from benchmarks.annotate_sim.ours import NUM_UNDECIDED, SAMPLES_SEED, ordered  # isort: skip
from benchmarks.annotate_sim.policies import linear_svc  # isort: skip
from labeling.compute.ranking import fit_query  # isort: skip


class Corpus(NamedTuple):
    """N items in order of media file and time."""

    vectors: np.ndarray  # (N, D) float32, unit length
    people: np.ndarray  # (N,) who is in it; "" of photos
    media_files: np.ndarray  # (N,) int64
    stacks: np.ndarray  # (N,) int64, items alone in one of their own


class Course(NamedTuple):
    """What one annotator did."""

    found: np.ndarray  # (decisions,) wanted frames accepted so far
    num_wanted: int
    num_wrong: int  # frames answered with their stack, and wrongly

    def decisions_to(self, recall: float) -> int:
        """All of them where so much was not found."""
        reached = np.flatnonzero(self.found >= np.ceil(recall * self.num_wanted))
        return int(reached[0]) + 1 if len(reached) else len(self.found)


def corpus_of(data: Path, *, seconds: float, weights: Path | None) -> Corpus:
    """Photos, and a frame of every gesture and scene video each so many seconds."""
    from indexing.compute import video
    from indexing.compute.images import read_image
    from indexing.compute.perceptual import perceptual_hash
    from indexing.compute.sampling import FramePolicy
    from indexing.compute.stacks import NONE, StackItems, group

    with (data / "videos" / "videos.csv").open(encoding="utf-8", newline="") as lines:
        person_of = {row["path"]: row["person"] for row in csv.DictReader(lines)}
    pixels, people, media_files, times, are_photos = [], [], [], [], []
    policy = FramePolicy("interval", interval_seconds=seconds)
    paths = sorted((data / "videos").glob("gestures/*")) + sorted((data / "videos").glob("scenes/*"))
    for media_file, path in enumerate(paths):
        for frame in video.frames(path, policy, min_side_px=256):
            pixels.append(frame.pixels)
            people.append(person_of.get(str(path.relative_to(data)), ""))
            media_files.append(media_file)
            times.append(frame.pts_seconds)
            are_photos.append(False)
    for media_file, path in enumerate(sorted((data / "photos").glob("*/*.jpg")), len(paths)):
        pixels.append(read_image(path).pixels)
        people.append("")
        media_files.append(media_file)
        times.append(0.0)
        are_photos.append(True)
    vectors = vectors_of_pixels(pixels, encoder="torchvision:mobilenet_v2@1", weights=weights)
    num = len(pixels)
    grouped = group(
        StackItems(
            media_files=np.array(media_files, np.int64),
            are_photos=np.array(are_photos),
            seconds=np.array(times),
            hashes=np.array([perceptual_hash(each) for each in pixels], np.int64),
            stacks=np.full(num, NONE, np.int64),
            vectors=vectors,
        )
    )
    stacks = np.arange(num, dtype=np.int64)
    for rows in grouped.new:
        stacks[rows] = rows[0]
    return Corpus(vectors, np.array(people), np.array(media_files, np.int64), stacks)


Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def ours(corpus: Corpus, start: int, unit: np.ndarray) -> Fit:
    """What the search service does in mode "learned": models are judged by media file."""

    def fit(accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray) -> np.ndarray:
        x, media_files = corpus.vectors, corpus.media_files
        rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(x), 2 * NUM_UNDECIDED)
        sampled = np.unique(rows[~decided[rows]][:NUM_UNDECIDED])
        groups = media_files if len(np.unique(media_files[accepted])) >= 3 else corpus.stacks
        fitted = fit_query(
            x[start],
            x[accepted],
            x[rejected],
            x[sampled],
            positive_groups=groups[accepted],
            negative_groups=groups[rejected],
        )
        return ordered(x, fitted, decided, unit)

    return fit


def svm(corpus: Corpus, start: int, unit: np.ndarray) -> Fit:
    """A linear SVM refitted with the accepted against random undecided items, as other tools do."""
    return linear_svc(corpus.vectors, start, with_rejected=False)


def annotate(corpus: Corpus, is_wanted: np.ndarray, start: int, fit: Fit, unit: np.ndarray) -> Course:
    """Batches from the top; the best item of each `unit` (N,) is shown and answered, all others with it."""
    is_decided = np.zeros(len(unit), bool)
    is_accepted = np.zeros(len(unit), bool)
    found, near = [], corpus.vectors @ corpus.vectors[start]
    target = np.ceil(RECALLS[-1] * is_wanted.sum())
    while not is_decided.all() and (is_accepted & is_wanted).sum() < target:
        scores = np.where(is_decided, -np.inf, near)
        order = np.argsort(-scores, kind="stable")[: int((~is_decided).sum())]
        _, firsts = np.unique(unit[order], return_index=True)
        for row in order[np.sort(firsts)[:BATCH]]:
            members = (unit == unit[row]) & ~is_decided
            is_decided |= members
            is_accepted |= members & is_wanted[row]
            found.append(int((is_accepted & is_wanted).sum()))
        accepted, rejected = np.flatnonzero(is_accepted), np.flatnonzero(is_decided & ~is_accepted)
        if len(accepted):
            near = fit(accepted, rejected, is_decided)
    wrong = (is_decided & (is_accepted != is_wanted)).sum()
    return Course(np.array(found), int(is_wanted.sum()), int(wrong))


WAYS: dict[str, tuple[Callable[[Corpus, int, np.ndarray], Fit], bool]] = {
    "sisyphus, by stack": (ours, True),
    "sisyphus, item by item": (ours, False),
    "linear SVM with random negatives, by stack": (svm, True),
    "linear SVM with random negatives, item by item": (svm, False),
}


def measured(corpus: Corpus, starts: int) -> dict[str, Any]:
    """Way -> means over people of means over starts."""
    figures: dict[str, Any] = {}
    names = sorted(set(corpus.people.tolist()) - {""})
    for way, (fit_of, by_stack) in WAYS.items():
        unit, means = corpus.stacks if by_stack else np.arange(len(corpus.stacks)), []
        for number, name in enumerate(names):
            is_wanted = corpus.people == name
            rng = np.random.default_rng(number)
            chosen = rng.choice(np.flatnonzero(is_wanted), starts, replace=False).tolist()
            courses = [
                annotate(corpus, is_wanted, start, fit_of(corpus, start, unit), unit) for start in chosen
            ]
            row = [np.mean([each.decisions_to(recall) for each in courses]) for recall in RECALLS]
            means.append([*row, np.mean([each.num_wrong for each in courses])])
        columns = [*(f"to_{round(100 * recall)}" for recall in RECALLS), "frames_answered_wrongly"]
        figures[way] = dict(zip(columns, np.round(np.mean(means, axis=0), 2).tolist(), strict=True))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--starts", type=int, default=3)
    asked = parser.parse_args()
    corpus = corpus_of(asked.data, seconds=asked.seconds, weights=asked.weights)
    is_person = corpus.people != ""
    figures = measured(corpus, asked.starts)
    first, *_, last = figures.values()
    keep(
        "annotate_sim_stacks",
        {
            "benchmark": "simulated annotator, stacks of videos",
            "items": len(corpus.people),
            "stacks": len(np.unique(corpus.stacks)),
            "frames_with_people": int(is_person.sum()),
            "stacks_with_people": len(np.unique(corpus.stacks[is_person])),
            "seconds_between_frames": asked.seconds,
            "starts_per_person": asked.starts,
            "conditions": conditions(),
            "decisions": figures,
            "item_by_item_svm_over_ours": {
                name: round(last[name] / first[name], 2) for name in first if name.startswith("to_")
            },
        },
    )


if __name__ == "__main__":
    main()
