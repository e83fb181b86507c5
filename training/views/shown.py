"""What the training pages show of a run: its result in one line, its curves, its evaluation as charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from training.models import Run

SIDES = ("test", "val")  # test first: nothing was chosen on it


class Headline(NamedTuple):
    """The one number of a run."""

    name: str  # average precision, or accuracy
    value: float | None
    low: float | None
    high: float | None
    side: str
    num_items: int


def headline(run: Run) -> Headline | None:
    """What the run is worth where it was not trained; None before it was judged."""
    for side in SIDES:
        judged = run.evaluation.get(side)
        if judged is None:
            continue
        if judged["kind"] == "multi_class":
            low, high = judged.get("accuracy_interval") or (None, None)
            return Headline("accuracy", judged["accuracy"], low, high, side, judged["num_items"])
        classes = judged["classes"]
        low, high = (
            (classes[0]["average_precision_interval"] or (None, None)) if len(classes) == 1 else (None,) * 2
        )
        return Headline(
            "average precision" if len(classes) == 1 else "mean average precision",
            judged["macro_average_precision"],
            low,
            high,
            side,
            judged["num_items"],
        )
    return None


def side_of(run: Run, asked: str) -> str:
    """The side to show: the one asked for where it was judged, else test, else val, else ''."""
    there = [side for side in SIDES if run.evaluation.get(side) is not None]
    return asked if asked in there else next(iter(there), "")


def class_of(run: Run, asked: str) -> dict[str, Any]:
    """The class of the run that has the id `asked`, else its first one."""
    return next((each for each in run.classes if str(each["id"]) == asked), run.classes[0])


def examples_of(run: Run) -> dict[str, Any]:
    """Items and groups by side, and for each class a row of what is accepted and rejected by side."""
    found = run.examples.get("sides", {})
    sides = [(side, found[side]) for side in ("train", "val", "test") if side in found]
    none = {"accept": 0, "reject": 0}
    rows = [
        {"name": name, "sides": [of["classes"].get(name, none) for _, of in sides]}
        for name in run.class_names
    ]
    return {"sides": sides, "rows": rows} if sides else {}


def by_class(run: Run, judged: dict[str, Any]) -> list[dict[str, Any]]:
    """Every class with what it is worth on a side, the worst first, the undefined last; none of one class."""
    if len(run.classes) < 2:
        return []
    rows = [
        {"id": label_class["id"], "of": of_class}
        for label_class, of_class in zip(run.classes, judged["classes"], strict=True)
    ]

    def worth(row: dict[str, Any]) -> float:
        value = row["of"]["average_precision"]
        return float("inf") if value is None else float(value)

    return sorted(rows, key=worth)


def curves(run: Run) -> list[dict[str, Any]]:
    """The charts of a run's curve, oldest point first; none before its first row."""
    if run.kind == Run.Kind.FINE_TUNE:
        return _charts_of_epochs(run.curve)
    path = [row for row in run.curve if row["phase"] == "path"]
    fit = [row for row in run.curve if row["phase"] == "fit"]
    if len(fit) < 2:  # it was there at the first step: nothing to draw
        fit = []
    return [
        *_chart(
            "Penalty, on held-out groups",
            path,
            x=("regularization", "penalty"),
            y=[("held_out_loss", "loss", "info")],
            is_log=True,
        ),
        *_chart(
            "Loss by step",
            fit,
            x=("step", "step"),
            y=[("loss", "train", "info"), ("val_loss", "val", "unsure")],
        ),
        *_chart(
            "Average precision by step, on val",
            fit,
            x=("step", "step"),
            y=[("val_average_precision", "val", "accept")],
            y_range=(0, 1),
        ),
    ]


def _charts_of_epochs(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    epoch = ("epoch", "epoch")
    shares = [
        ("average_precision", "average precision", "accept"),
        ("accuracy", "accuracy", "info"),
        ("precision", "precision", "unsure"),
        ("recall", "recall", "weak"),
    ]
    return [
        *_chart(
            "Loss by epoch", rows, x=epoch, y=[("train_loss", "train", "info"), ("val_loss", "val", "unsure")]
        ),
        *_chart("On val, by epoch", rows, x=epoch, y=shares, y_range=(0, 1)),
    ]


def _chart(
    title: str,
    rows: Sequence[dict[str, Any]],
    *,
    x: tuple[str, str],
    y: Sequence[tuple[str, str, str]],
    is_log: bool = False,
    y_range: tuple[float, float] | None = None,
) -> list[dict[str, Any]]:
    """One chart of those series that have a value; none where nothing has."""
    key, x_label = x
    series = []
    for name, label, tone in y:
        known = [(row[key], row[name]) for row in rows if row.get(name) is not None]
        if known:
            xs, ys = zip(*sorted(known), strict=True)
            series.append({"label": label, "tone": tone, "x": xs, "y": ys, "has_points": len(xs) < 40})
    if not series:
        return []
    return [
        {
            "title": title,
            "data": {
                "series": series,
                "x_label": x_label,
                "y_label": "",
                "is_log_x": is_log,
                "y_range": y_range,
                "x_range": None,
            },
        }
    ]


def precision_recall_chart(series: Sequence[tuple[str, dict[str, Any], str]]) -> dict[str, Any]:
    """Precision over recall of (label, evaluation of a class, tone)."""
    return _unit_chart(
        [
            {
                "label": label,
                "tone": tone,
                "x": [point[2] for point in judged["precision_recall"]],
                "y": [point[1] for point in judged["precision_recall"]],
            }
            for label, judged, tone in series
        ],
        x_label="recall",
        y_label="precision",
    )


def roc_chart(judged: dict[str, Any]) -> dict[str, Any]:
    """True over false positive rate, and the diagonal that a coin gives."""
    curve = {
        "label": "classifier",
        "tone": "info",
        "x": [point[0] for point in judged["roc"]],
        "y": [point[1] for point in judged["roc"]],
    }
    chance = {"label": "by chance", "tone": "muted", "x": [0, 1], "y": [0, 1], "is_dashed": True}
    return _unit_chart([curve, chance], x_label="false positive rate", y_label="true positive rate")


def reliability_chart(bins: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was true over what was said, bin by bin; the diagonal is perfect calibration."""
    known = [each for each in bins if each["count"]]
    measured = {
        "label": "measured",
        "tone": "accept",
        "x": [each["mean_score"] for each in known],
        "y": [each["share_positive"] for each in known],
        "has_points": True,
        "is_scattered": True,
    }
    perfect = {"label": "perfectly calibrated", "tone": "muted", "x": [0, 1], "y": [0, 1], "is_dashed": True}
    return _unit_chart([measured, perfect], x_label="probability said", y_label="share that is of the class")


def _unit_chart(series: list[dict[str, Any]], *, x_label: str, y_label: str) -> dict[str, Any]:
    return {
        "series": series,
        "x_label": x_label,
        "y_label": y_label,
        "is_log_x": False,
        "x_range": (0, 1),
        "y_range": (0, 1),
    }
