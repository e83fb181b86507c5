"""How far something is, told to a callable now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """`done` of `total` units; `total` is None while nobody knows."""

    done: int
    total: int | None
    unit: str
    note: str = ""

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else None


OnProgress = Callable[[Progress], object]


def silent(_: Progress) -> None:
    """Tell nobody."""
