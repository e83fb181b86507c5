"""What a version is worth on the sides it has not learned from, and the operating points to propose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from training.compute.answers import ACCEPT, REJECT, AnswerTable
from training.compute.evaluation import evaluate
from training.compute.operating_points import as_json, choose, points
from training.models import OperatingPoint, Run

HELD_OUT = ("val", "test")


class Judged(NamedTuple):
    """Of a run that has ended."""

    evaluation: dict[str, Any]  # side -> what compute/evaluation.py says of it; null: the side has no answers
    points: list[OperatingPoint]  # one of each class that can have one, not saved, without a version


def judge(run: Run, answers: AnswerTable, scores: Mapping[str, np.ndarray]) -> Judged:
    """`scores`: side -> (n, C) probabilities of the answers of that side, in their order.

    Operating points are proposed on val, the best F1 there, and measured on test; without answers in val
    they are proposed on test, which flatters them, and says so by its side.
    """
    proposed: list[OperatingPoint] = []
    thresholds: dict[str, dict[str, float]] = {side: {} for side in HELD_OUT}  # chosen on another side
    for column, label_class in enumerate(run.classes):
        for side in HELD_OUT:
            part = answers.side(side)
            targets = part.targets[:, column]
            if not ((targets == ACCEPT).any() and (targets == REJECT).any()):
                continue
            best = choose(points(scores[side][:, column].astype(np.float64), targets, part.group_codes))
            if best is None:
                continue
            threshold = min(max(best.threshold, 0.0), 1.0)
            for other in HELD_OUT:
                if other != side:
                    thresholds[other][label_class["name"]] = threshold
            expected = (as_json(best) or {}) | {"side": side, "aim": "f1"}
            proposed.append(
                OperatingPoint(label_class_id=label_class["id"], threshold=threshold, expected=expected)
            )
            break
    evaluation = {
        side: evaluate(scores[side], answers.side(side), kind=run.target, thresholds=thresholds[side])
        if len(answers.side(side))
        else None
        for side in HELD_OUT
    }
    return Judged(evaluation, proposed)
