"""Sessions to figures: per class, as mean, and ours against the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.annotate_sim.annotator import RECALLS, Session

OURS, PEER = "sisyphus", "linear SVM"
NEVER = "random order"  # not counted among the best: it is the floor
TIE = 0.02  # within which two policies are as good as each other
FEW = 2.0  # decisions that nobody notices, beside that
WORSE = 0.01  # of average precision below the start query


def summary(sessions: dict[str, dict[str, list[Session]]]) -> dict[str, Any]:
    """Of policy -> class -> sessions."""
    rows = {policy: {name: _row(each) for name, each in of.items()} for policy, of in sessions.items()}
    result: dict[str, Any] = {"mean": {policy: _mean(of) for policy, of in rows.items()}}
    if OURS in rows and len(rows) > 1:
        result["ours"] = {f"to_{share}": _against(rows, f"to_{share}") for share in _shares()}
        ours = [each for of in sessions[OURS].values() for each in of]
        result["ours"]["share_of_sessions_ever_worse_than_start"] = float(
            np.mean([min(each.precisions) < each.precisions[0] - WORSE for each in ours])
        )
        result["ours"]["share_of_sessions_worse_at_the_end"] = float(
            np.mean([each.precisions[-1] < each.precisions[0] - WORSE for each in ours])
        )
    result["per_class"] = rows
    return result


def _shares() -> list[int]:
    return [round(100 * recall) for recall in RECALLS]


def _row(sessions: list[Session]) -> dict[str, Any]:
    """Of one policy and class: means over the start examples."""
    row: dict[str, Any] = {"wanted": sessions[0].num_wanted}
    for recall, share in zip(RECALLS, _shares(), strict=True):
        found = [each.decisions_to(recall) or len(each.hits) for each in sessions]
        row[f"to_{share}"] = float(np.mean(found))
        row[f"fewest_to_{share}"] = float(np.mean([each.fewest_to(recall) for each in sessions]))
    rounds = [each.precisions for each in sessions]
    longest = max(map(len, rounds))
    row["precision_by_round"] = [
        round(float(np.mean([each[min(at, len(each) - 1)] for each in rounds])), 4)
        for at in range(min(longest, 12))
    ]
    seconds = sum(sum(each.seconds) for each in sessions)
    row["ms_per_decision"] = round(1e3 * seconds / sum(len(each.hits) for each in sessions), 3)
    return row


def _mean(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    def over(key: str) -> float:
        return round(float(np.mean([row[key] for row in rows.values()])), 3)

    mean: dict[str, Any] = {key: over(key) for key in (*(f"to_{s}" for s in _shares()), "ms_per_decision")}
    for share in _shares():
        fewest = [row[f"fewest_to_{share}"] for row in rows.values()]
        times = [row[f"to_{share}"] / each for row, each in zip(rows.values(), fewest, strict=True)]
        mean[f"times_the_fewest_possible_to_{share}"] = round(float(np.mean(times)), 3)
    for at in (0, 1, 2, 4, 9):
        values = [
            row["precision_by_round"][min(at, len(row["precision_by_round"]) - 1)] for row in rows.values()
        ]
        mean[f"average_precision_after_round_{at}"] = round(float(np.mean(values)), 4)
    return mean


def _against(rows: dict[str, dict[str, dict[str, Any]]], key: str) -> dict[str, float]:
    """Ours beside the best of the others in every class, and beside the linear SVM."""
    names = list(rows[OURS])
    ours = np.array([rows[OURS][name][key] for name in names])
    best = np.min([[rows[p][name][key] for name in names] for p in rows if p not in (OURS, NEVER)], axis=0)
    figures = {
        "share_of_classes_at_or_above_best": float(np.mean(ours <= best * (1 + TIE))),
        "share_of_classes_within_two_decisions_of_best": float(
            np.mean(ours <= np.maximum(best * (1 + TIE), best + FEW))
        ),
        "decisions_behind_best_where_behind": _mean_of((ours - best)[ours > best * (1 + TIE)]),
        "best_of_others_over_ours": float(best.mean() / ours.mean()),
    }
    for peer in (PEER, "linear SVM, random negatives only"):
        if peer in rows:
            theirs = np.array([rows[peer][name][key] for name in names])
            figures[f"{peer}: decisions over ours, of means"] = float(theirs.mean() / ours.mean())
            figures[f"{peer}: decisions over ours, mean of classes"] = float(np.mean(theirs / ours))
            figures[f"{peer}: share of classes where ours needs no more"] = float(
                np.mean(ours <= theirs * (1 + TIE))
            )
    return {name: round(value, 3) for name, value in figures.items()}


def _mean_of(values: np.ndarray) -> float:
    """0 of none."""
    return float(values.mean()) if len(values) else 0.0
