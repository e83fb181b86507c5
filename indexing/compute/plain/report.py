"""What became of every input of a run over plain files, kept in sfi-report.json."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from indexing.compute.plain.whole_files import as_json, write_whole

REPORT_NAME = "sfi-report.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one input ended; `code` and `sentence` say why it was rejected or skipped."""

    input: str
    state: Literal["done", "skipped", "rejected"]
    outputs: tuple[str, ...] = ()  # relative to the report's folder
    code: str = ""
    sentence: str = ""


@dataclass(slots=True)
class Report:
    """Every input with its end, and the facts of the run. Inputs are told once each, in any order."""

    verb: str
    version: str
    facts: dict[str, Any] = field(default_factory=dict)  # settings, encoder, seed, totals
    notices: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def done(self, name: str, *outputs: str) -> None:
        self.outcomes.append(Outcome(name, "done", outputs))

    def skipped(self, name: str, *outputs: str, code: str = "done-before", sentence: str = "") -> None:
        self.outcomes.append(Outcome(name, "skipped", outputs, code, sentence))

    def rejected(self, name: str, code: str, sentence: str) -> None:
        self.outcomes.append(Outcome(name, "rejected", (), code, sentence))

    @property
    def counts(self) -> dict[str, int]:
        """How many inputs are done, skipped and rejected."""
        found = Counter(outcome.state for outcome in self.outcomes)
        return {state: found[state] for state in ("done", "skipped", "rejected")}

    @property
    def rejections(self) -> Sequence[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.state == "rejected"]

    def to_json(self) -> dict[str, Any]:
        """What is written: verb, version, counts, facts, notices, and the inputs by name."""
        ordered = sorted(self.outcomes, key=lambda outcome: outcome.input)
        return {
            "verb": self.verb,
            "sfi_version": self.version,
            "counts": self.counts,
            **self.facts,
            "notices": self.notices,
            "inputs": [asdict(outcome) for outcome in ordered],
        }

    def write(self, place: Path) -> Path:
        """Into the folder `place`, or beside the file `place` as NAME.sfi-report.json."""
        path = place / REPORT_NAME if place.is_dir() else place.with_name(f"{place.name}.{REPORT_NAME}")
        write_whole(path, as_json(self.to_json(), indent=1) + b"\n")
        return path
