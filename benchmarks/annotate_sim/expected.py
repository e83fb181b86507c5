"""What tiles say of themselves (`~72 %`) against what they are.

    python -m benchmarks.annotate_sim.expected --photos FOLDER [--encoder builtin@1] [--every 3]

Every class in turn, one start each, by our policy until 95 % is found. Before each batch is answered, the
chance that the calibration gives its tiles is kept beside the answers they get. What nobody has answered
anything near to says nothing, as in the grid.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_site import conditions, keep  # sets the number of BLAS threads

from benchmarks.annotate_sim.annotator import BATCH, Policy, annotate  # isort: skip
from benchmarks.annotate_sim.ours import fitted, ordered  # isort: skip
from benchmarks.annotate_sim.photos import Photos, encoded  # isort: skip
from labeling.compute.cut import calibrate  # isort: skip

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the chances that are counted together


def told(photos: Photos, *, every: int) -> np.ndarray:
    """(n, 2) of every tile that says something: the chance it names, and whether it was accepted."""
    found: list[np.ndarray] = []
    for number, name in enumerate(photos.classes[::every]):
        is_wanted = photos.names == name
        start = int(np.random.default_rng(number).choice(np.flatnonzero(is_wanted)))
        policy = _telling(photos.vectors, start, is_wanted, found)
        annotate(photos.vectors, is_wanted, start, policy, np.ones(len(is_wanted), bool))
    return np.concatenate([np.zeros((0, 2)), *found])


def _telling(x: np.ndarray, start: int, is_wanted: np.ndarray, found: list[np.ndarray]) -> Policy:
    def policy(accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray) -> np.ndarray:
        query = fitted(x, start, accepted, rejected, decided)
        near = ordered(x, query, decided)
        known = None if query.left_out is None else calibrate(*query.left_out)
        if known is not None:
            first = np.argsort(np.where(decided, np.inf, -near), kind="stable")
            first = first[: min(BATCH, int((~decided).sum()))]
            first = first[(near[first] >= known.low) & (near[first] <= known.high)]
            found.append(np.column_stack([known.probabilities(near[first]), is_wanted[first]]))
        return near

    return policy


def table(pairs: np.ndarray) -> list[dict[str, Any]]:
    """A row per span of chances: how many tiles, their mean chance, the share that was accepted."""
    spans = np.digitize(pairs[:, 0], EDGES[1:-1])
    return [
        {
            "from": EDGES[span],
            "to": EDGES[span + 1],
            "tiles": int((spans == span).sum()),
            "said": float(pairs[spans == span, 0].mean()),
            "accepted": float(pairs[spans == span, 1].mean()),
        }
        for span in np.unique(spans).tolist()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--encoder", default="torchvision:mobilenet_v2@1")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    photos = encoded(asked.photos, encoder=asked.encoder, weights=asked.weights)
    pairs = told(photos, every=asked.every)
    result: dict[str, Any] = {
        "benchmark": "what a tile says of itself",
        "encoder": asked.encoder,
        "classes": len(photos.classes[:: asked.every]),
        "tiles": len(pairs),
        "said": float(pairs[:, 0].mean()),
        "accepted": float(pairs[:, 1].mean()),
        "spans": table(pairs),
        "conditions": conditions(),
    }
    keep(f"annotate_sim_expected_{asked.encoder.partition('@')[0].rpartition(':')[2]}", result)


if __name__ == "__main__":
    main()
