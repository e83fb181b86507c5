"""What an audit says, as it travels: three lines that are never merged, and purity."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec


class Sample(msgspec.Struct):
    """How far the looks of one part are; sizes are stacks."""

    looks: int
    looked_at: int
    found: int  # accepted
    unsure: int  # counted as positives by every bound
    looked_twice: int  # blind, by somebody else
    disputed: int  # of all draws: looked at by two who differ; each counts as unsure


class Recall(msgspec.Struct):
    """Recall within the horizon: at least so much, with confidence 1 - alpha; null until all is looked at."""

    sample: Sample
    horizon: int  # stacks
    accepted: int  # when it was drawn, and still
    undecided: int  # drawn from
    doubtful: int  # answered when it was drawn, open now: counted as missed
    missed_at_most: int | None
    before: float | None  # without the finds of the audit
    after: float | None  # with them
    now: float | None  # with all that was accepted since


class Tail(msgspec.Struct):
    """What lies beyond the horizon: at most so many more, with confidence 1 - alpha."""

    sample: Sample
    stacks: int
    at_most: int | None


class ModelEstimate(msgspec.Struct):
    """Calibrated on the answers within the horizon; an estimate and no bound, whatever its interval says."""

    missed: float
    low: float
    high: float
    recall: float | None
    num_answers: int


class Purity(msgspec.Struct):
    """How much of a weak batch is right: the share of the looks, with its exact two-sided interval."""

    sample: Sample
    wrong: int
    share: float | None
    low: float | None
    high: float | None


class BatchPurity(msgspec.Struct, kw_only=True):
    """What stands beside a weak batch; null until all of the sample was looked at."""

    audit: int
    state: str
    at: datetime
    confidence: float
    looks: int  # stacks
    looked_at: int
    wrong: int
    unsure: int
    share: float | None
    low: float | None
    high: float | None


class AuditAnswer(msgspec.Struct, kw_only=True):
    """An audit and what it says now. Which tiles it drew is told to nobody."""

    id: int
    label_class: int = msgspec.field(name="class")
    kind: str  # recall, purity
    state: Literal["running", "done", "stopped"]
    number: int  # of recall: which audited ranking of the class; each further one spends less of the 5 %
    look: int
    is_only_look: bool
    confidence: float  # of each of its lines
    num_audits: int  # of recall, drawn of the class so far, those stopped among them
    confidence_together: float  # that no line of any of them is wrong: what a line picked among them is worth
    by: str
    at: datetime
    round: int | None
    mode: str
    build: str
    encoder: str
    order: str  # sha256 of the frozen order
    weak_batch: UUID | None
    looks: int
    looked_at: int
    one_in: int
    has_lines: bool = True  # false: older; ask for the audit itself
    recall: Recall | None = None
    tail: Tail | None = None
    model: ModelEstimate | None = None
    purity: Purity | None = None
