"""What became, or would become, of a line of an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.compute.imports.rows import Row
from labeling.services.import_firsts import Said
from labeling.services.import_items import NewClip, NewRegion

SKIPPED = {
    "said-already": "This is what counts already.",
    "said-otherwise": "Somebody answered otherwise here; that stays.",
    "imported-before": "This line was imported before.",
    "weak-accepts-only": "Weak labels are accepts: a line that rejects is left out.",
    "weak-already": "There is such a weak label already.",
    "said-twice": "An earlier line says the same.",
}


@dataclass(slots=True)
class Outcome:
    """What became, or would become, of one line."""

    row: Row
    outcome: str = "taken"  # taken, skipped, rejected
    reason: str = ""
    detail: str = ""
    item: int | None = None
    region: NewRegion | NewClip | None = None  # that would be made for it
    media: str = ""

    def skip(self, reason: str) -> None:
        self.outcome, self.reason, self.detail = "skipped", reason, SKIPPED[reason]

    def reject(self, reason: str, detail: str) -> None:
        self.outcome, self.reason, self.detail = "rejected", reason, detail


def those_taken(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.outcome == "taken"]


def what_is_said(outcome: Outcome, number: int) -> Said:
    """What a line that has its item, or the box of one to come, says."""
    target, row = outcome.item, outcome.row
    region = outcome.region
    if target is None and isinstance(region, NewClip):
        of = " ".join(map(str, region))
    elif target is None and isinstance(region, NewRegion):
        of = f"{region.media} {region.frame.start_pts} {region.box}"
    else:
        of = str(target)
    return Said(of, row.label_class.strip(), number, row.answer, row.place)


def is_text(row: Row) -> bool:
    """Whether the database can hold its names: file names may be any bytes, JSON may say NUL."""
    said = "".join((row.place, row.label_class, row.media_name, row.media_sha256))
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in said
