"""Where a fine-tuning run stands, and how it ended."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(slots=True)
class Standing:
    """Whole epochs by their curve rows, and the batches of the next one that are done."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    batch: int = 0
    loss_sum: float = 0.0  # over the pictures of those batches
    num_seen: int = 0  # pictures in those batches

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return len(self.rows)

    @property
    def train_loss(self) -> float:
        """The mean loss of the epoch so far."""
        return self.loss_sum / max(1, self.num_seen)

    @property
    def best_row(self) -> dict[str, Any] | None:
        """The row of the best epoch so far."""
        return next((row for row in reversed(self.rows) if row["is_best"]), None)

    @property
    def num_stale(self) -> int:
        """Epochs since the best one."""
        best = self.best_row
        return 0 if best is None else self.rows[-1]["epoch"] - best["epoch"]

    def add_batch(self, loss: float, num: int) -> None:
        self.batch, self.num_seen = self.batch + 1, self.num_seen + num
        self.loss_sum += loss * num

    def end_epoch(self, row: dict[str, Any], kind: str) -> dict[str, Any]:
        """`row` as it joins the curve: with `is_best`, by accuracy (multi_label: average precision)."""
        best = self.best_row
        row = row | {"is_best": best is None or _goodness(row, kind) > _goodness(best, kind)}
        self.rows.append(row)
        self.batch, self.loss_sum, self.num_seen = 0, 0.0, 0
        return row

    def forget_best(self) -> None:
        """No epoch so far counts as the best: its checkpoint is gone."""
        self.rows = [row | {"is_best": False} for row in self.rows]

    def as_json(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        within = {"batch": self.batch, "loss_sum": self.loss_sum, "num_seen": self.num_seen}
        return {"epoch": self.epoch, "rows": self.rows, **within}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """What `as_json` gave; the rows are its own."""
        return cls(list(said["rows"]), said["batch"], said["loss_sum"], said["num_seen"])


def _goodness(row: dict[str, Any], kind: str) -> tuple[float, float]:
    """What the best epoch has most of: accuracy (multi_label: average precision), then a small loss."""
    measure = row["accuracy"] if kind == "multi_class" else row["average_precision"]
    return (-1.0 if measure is None else measure, -row["val_loss"])


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: `done` of `total` pictures looked at, over all epochs."""

    stage: str  # reading, training, validation
    epoch: int  # from 1; 0 while pictures are read
    num_epochs: int
    done: int
    total: int
    row: dict[str, Any] | None = None  # of the curve, at an epoch's end


@dataclass(frozen=True, slots=True)
class Refused:
    """An example that cannot be learned from, and why."""

    name: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FineTuned:
    """How a run ended; `best` and `last` are in its folder."""

    best: Path
    last: Path
    rows: list[dict[str, Any]]  # the curve, a row per epoch
    refused: list[Refused]
    is_finished: bool  # False: should_stop said so, and the same call goes on from there
    why: str  # all epochs, no better for N epochs, stopped

    @property
    def best_row(self) -> dict[str, Any] | None:
        """The row of the epoch that is in `best`."""
        return Standing(self.rows).best_row
