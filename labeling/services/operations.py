"""Operations as browsers send them, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

BATCH_LIMIT = 100  # operations in one request
BIGINT = 2**63 - 1
Id = Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the annotator gave it, to an item or, through that item, to its stack."""

    operation_id: UUID
    batch: UUID
    item: Id
    label_class: Id = msgspec.field(name="class")
    answer: Literal["accept", "reject", "unsure"]
    base_version: Count
    stack: Id | None = None
    stack_revision: Count | None = None  # as the tile had it: who joined the stack later is not answered
    force: bool = False
    round: Id | None = None
    rank: Count | None = None
    mode: Annotated[str, msgspec.Meta(max_length=16, pattern="^[ -~]*$")] = ""
    box: tuple[Share, Share, Share, Share] | None = None  # the part that was outlined: x0, y0, x1, y1
    client_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None  # of the key; a token presses none
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""  # why, said in review


class Result(msgspec.Struct, kw_only=True):
    """What became of one operation; `answer`, `version`, `by` and `at` are of what counts (now, or then).

    `reason` is a code, for a conflict and a rejection; `detail` says it in a sentence, with what to do.
    """

    operation_id: str | None  # as it was sent
    outcome: Literal["applied", "duplicate", "conflict", "rejected"]
    item: int | None = None
    answer: str = ""
    version: int = 0
    reason: str = ""
    detail: str = ""
    by: str | None = None
    at: datetime | None = None
