"""The linear probe against LogisticRegression of scikit-learn, on the same features of the same photos.

    python -m benchmarks.train PHOTOS [--encoder torchvision:mobilenet_v2@1 --weights FILE] [--splits 5]

PHOTOS has a folder of photos for each class. Photos that look alike (perceptual hash) are one group; groups
never cross the three sides, 60:20:20. Accuracy and macro average precision on test, mean of the splits.
The peers: scaled features with C = 1, and the best of four settings (scaled or not, two C each) chosen by
cross-validation over the same groups; both as one choice between the classes and as one model per class,
which is what several labels are. All learn from train alone. Gate: within 0.3 points of the better peer of
its own kind, in the mean of the splits (a test side has 600 photos: one split is a point off by chance).
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.annotate_sim.photos import CLUTTER, encoded
from benchmarks.search_site import conditions, keep

SHARES = (0.6, 0.2)
SETTINGS = [("scaled", 0.01), ("scaled", 1.0), ("as is", 10.0), ("as is", 100.0)]
POINTS = 0.003


def groups_of(folder: Path) -> np.ndarray:
    """(N,) int64: photos joined by perceptual hash, in the order of `encoded`."""
    from indexing.compute.images import read_image
    from indexing.compute.perceptual import near_pairs, perceptual_hash

    paths = sorted(folder.glob("*/*.jpg"))
    hashes = np.array([perceptual_hash(read_image(path).pixels) for path in paths], np.int64)
    parent = np.arange(len(paths))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for one, two in near_pairs(hashes).tolist():
        parent[root(two)] = root(one)
    return np.array([root(node) for node in range(len(paths))])


def sides_of(groups: np.ndarray, chosen: np.ndarray, seed: int) -> np.ndarray:
    """(N,) int8: whole groups, every class by its shares as far as its groups allow."""
    rng = np.random.default_rng(seed)
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    side_of = np.zeros(len(first), np.int8)
    for each in np.unique(chosen):
        own = rng.permutation(np.flatnonzero(chosen[first] == each))
        position = (np.arange(len(own)) + 0.5) / len(own)
        side_of[own] = (position > SHARES[0]).astype(np.int8) + (position > sum(SHARES))
    return side_of[codes]


def measured(logits: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    """Accuracy, and average precision by scikit-learn, mean over classes."""
    from sklearn.metrics import average_precision_score

    targets = np.eye(logits.shape[1], dtype=bool)[chosen]
    return {
        "accuracy": float((logits.argmax(axis=1) == chosen).mean()),
        "macro_average_precision": float(average_precision_score(targets, logits, average="macro")),
    }


def peers(x: np.ndarray, chosen: np.ndarray, groups: np.ndarray, learn: np.ndarray, test: np.ndarray) -> dict:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit(x[learn]).transform(x)
    rows = {"scaled": scaled, "as is": x}

    def fitted(name: str, c: float, part: np.ndarray) -> LogisticRegression:
        return LogisticRegression(C=c, max_iter=120).fit(rows[name][part], chosen[part])

    begun = time.process_time()
    found = []
    for name, c in SETTINGS:
        hits = [
            fitted(name, c, learn[kept]).score(rows[name][learn[out]], chosen[learn[out]])
            for kept, out in GroupKFold(3).split(learn, groups=groups[learn])
        ]
        found.append((float(np.mean(hits)), name, c))
    _, name, c = max(found)
    best = measured(fitted(name, c, learn).decision_function(rows[name][test]), chosen[test])
    seconds = time.process_time() - begun
    plain = measured(fitted("scaled", 1.0, learn).decision_function(scaled[test]), chosen[test])

    def per_class(name: str, c: float) -> dict[str, float]:
        logits = [
            LogisticRegression(C=c, max_iter=120)
            .fit(rows[name][learn], chosen[learn] == each)
            .decision_function(rows[name][test])
            for each in range(chosen.max() + 1)
        ]
        return measured(np.stack(logits, axis=1), chosen[test])

    return {
        "multi_class, logistic_regression": plain,
        "multi_class, logistic_regression_chosen": best
        | {"cpu_seconds": seconds, "setting": f"{name}, C={c:g}"},
        "multi_label, logistic_regression": per_class("scaled", 1.0),
        "multi_label, logistic_regression_chosen": per_class(name, c) | {"setting": f"{name}, C={c:g}"},
    }


def probes(x: np.ndarray, answers: Any, chosen: np.ndarray) -> dict[str, dict[str, Any]]:
    from training.compute.evaluation import evaluate
    from training.compute.probe import fit_probe

    found = {}
    test = answers.rows_of("test")
    for kind in ("multi_class", "multi_label"):
        for weighting in ("balanced", "none"):
            begun = time.process_time()
            probe = fit_probe(x, answers, kind=kind, class_weighting=weighting)
            seconds = time.process_time() - begun
            judged = evaluate(probe.scores(x[test]), answers.rows(test), kind=kind, num_bootstrap=10)
            found[f"{kind}, {weighting}"] = measured(probe.logits(x[test]), chosen[test]) | {
                "cpu_seconds": seconds,
                "regularization": probe.regularization,
                "ece": float(np.mean([each["ece"] for each in judged["classes"]])),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--encoder", default="torchvision:mobilenet_v2@1")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")  # scikit-learn's, of fits that it ends before their optimum

    from training.compute.answers import AnswerTable

    photos = encoded(asked.photos, encoder=asked.encoder, weights=asked.weights)
    kept = photos.names != CLUTTER
    x, groups = photos.vectors[kept], groups_of(asked.photos)[kept]
    classes, chosen = np.unique(photos.names[kept], return_inverse=True)
    targets = np.eye(len(classes), dtype=np.int8)[chosen]
    rows: dict[str, list[dict[str, Any]]] = {}
    for seed in range(asked.splits):
        sides = sides_of(groups, chosen, seed)
        n = np.arange(len(x))
        answers = AnswerTable(n, targets, groups, np.zeros_like(n), sides, tuple(classes.tolist()))
        learn, test = answers.rows_of("train"), answers.rows_of("test")
        for name, row in (probes(x, answers, chosen) | peers(x, chosen, groups, learn, test)).items():
            rows.setdefault(name, []).append(row)
    means = {
        name: {
            key: float(np.mean([row[key] for row in found])) if key != "setting" else [r[key] for r in found]
            for key in found[0]
        }
        for name, found in rows.items()
    }
    measures = ("accuracy", "macro_average_precision")
    for name, row in means.items():
        kind, _, what = name.partition(", ")
        if "regression" in what:
            continue
        peer_rows = {
            of: [each for peer, each in means.items() if peer.startswith(f"{of}, logistic")]
            for of in ("multi_class", "multi_label")
        }
        best = {key: max(each[key] for each in peer_rows[kind]) for key in measures}
        row["ahead_of_the_better_peer"] = {key: row[key] - best[key] for key in measures}
        row["is_gate_met"] = all(row[key] >= best[key] - POINTS for key in measures)
        if kind == "multi_label":
            choice = {key: max(each[key] for each in peer_rows["multi_class"]) for key in measures}
            row["ahead_of_a_choice_of_one"] = {key: row[key] - choice[key] for key in measures}
    keep(
        f"train_{'mobilenet_v2' if 'mobilenet' in asked.encoder else 'builtin'}",
        {
            "benchmark": "train: linear probe",
            "encoder": asked.encoder,
            "photos": len(x),
            "classes": len(classes),
            "groups": len(np.unique(groups)),
            "splits": asked.splits,
            "rows": means,
            "gate": ">= the better LogisticRegression of its kind - 0.3 points in accuracy and in AP",
            "conditions": conditions(),
        },
    )


if __name__ == "__main__":
    main()
