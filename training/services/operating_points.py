"""Operating points: from which score on a class counts as found, and what to expect of it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction

from labeling.models import LabelClass
from sisyphus_web.accounts.models import User
from training.models import ClassifierVersion, OperatingPoint
from training.services.refusals import NotScored

EXPECTED = (
    "precision", "precision_low", "precision_high", "recall", "recall_low", "recall_high", "f1",
    "num_predicted", "num_found", "num_positives", "num_items",
)  # fmt: skip
Aim = Literal["f1", "precision", "recall"]


def points_of(version: ClassifierVersion) -> dict[int, OperatingPoint]:
    """Class id -> the operating point that holds: the newest."""
    found = version.operating_points.order_by("label_class_id", "-pk").distinct("label_class_id")
    return {point.label_class_id: point for point in found}


def measured_points(version: ClassifierVersion, label_class_id: int) -> tuple[str, list[dict[str, Any]]]:
    """(val or test, the points measured there, highest threshold first); ('', []) where nothing was measured.

    Val, where a point is chosen honestly; test where val has no answers of the class.
    """
    column = column_of(version, label_class_id)
    for side in ("val", "test"):
        judged = version.run.evaluation.get(side)
        if judged is not None:
            points = judged["classes"][column]["points"]
            if any(point["recall"] is not None for point in points):
                return side, points
    return "", []


def column_of(version: ClassifierVersion, label_class_id: int) -> int:
    """Which of its scores is of the class; LookupError for a class it does not know."""
    return version.run.class_ids.index(label_class_id) if label_class_id in version.run.class_ids else _none()


def _none() -> int:
    raise LookupError("the classifier does not know this class")


@transaction.atomic
def choose_point(
    version: ClassifierVersion, label_class: LabelClass, *, threshold: float, by: User
) -> OperatingPoint:
    """Let scores from `threshold` on count as found, with what was measured for the nearest point above it.

    What is expected is that of the highest measured threshold that predicts the same items or fewer.
    """
    if not 0 <= threshold <= 1:
        raise ValidationError({"threshold": "A threshold is a probability, 0 to 1."})
    side, points = measured_points(version, label_class.pk)
    return OperatingPoint.objects.create(
        version=version,
        label_class=label_class,
        threshold=threshold,
        expected=_expected(points, threshold) | {"side": side, "aim": "threshold"} if side else {},
        chosen_by=by,
    )


@transaction.atomic
def choose_point_for(
    version: ClassifierVersion, label_class: LabelClass, *, aim: Aim, at_least: float, by: User
) -> OperatingPoint:
    """The measured point of the best F1, or of the most recall at this precision, or the other way round."""
    side, points = measured_points(version, label_class.pk)
    other = "recall" if aim == "precision" else "precision"
    kept = [
        point
        for point in points
        if point["precision"] is not None
        and point["recall"] is not None
        and (aim == "f1" or point[aim] >= at_least)
    ]
    if not kept:
        raise NotScored(
            f"No threshold was measured with a {aim} of at least {at_least:g}: ask for less, or answer more "
            "of its items and train again."
        )
    key = "f1" if aim == "f1" else other
    best = max(kept, key=lambda point: (point[key] or 0.0, point["threshold"]))
    return OperatingPoint.objects.create(
        version=version,
        label_class=label_class,
        threshold=min(max(best["threshold"], 0.0), 1.0),
        expected={name: best[name] for name in EXPECTED} | {"side": side, "aim": aim},
        chosen_by=by,
    )


def _expected(points: list[dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Of the last measured point at or above the threshold: between two points no answer lies."""
    thresholds = np.array([point["threshold"] for point in points])
    at = int(np.count_nonzero(thresholds >= threshold)) - 1
    if at < 0:  # above every answer that was measured: nothing was predicted there
        return dict.fromkeys(EXPECTED) | {"num_predicted": 0, "num_found": 0}
    return {name: points[at][name] for name in EXPECTED}
