"""What audits say, from the ledger as it is now: three lines that are never merged, and purity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import numpy as np
from django.db import connection
from django.db.models import QuerySet

from labeling.compute.audit_lines import Draws, Status, horizon_line, purity_line, tail_line
from labeling.compute.audit_model import fit_ranks
from labeling.models import Audit, AuditDraw, LabelClass, WeakBatch
from labeling.services.audits_frames import Units, statuses_of

Part = AuditDraw.Part
SHOWN = 20  # audits in a list

# A row per live draw: how its members stand. Without an answer to the item that stands for it, or a member
# that is accepted, unsure or disputed, nobody has looked at it.
DRAWS = """
    SELECT draw.part, draw.rank,
           coalesce(bool_or(state.answer = 'accept'), false),
           coalesce(bool_or(state.answer = 'unsure' OR state.is_disputed), false),
           coalesce(bool_or(state.answer = 'reject' AND state.item_id = draw.item_id), false)
    FROM labeling_auditdraw draw
    JOIN indexing_item item ON item.id = draw.item_id AND item.deleted_at IS NULL
    LEFT JOIN labeling_currentverdict state
      ON state.label_class_id = %(label_class)s AND state.item_id = ANY(draw.member_ids)
    WHERE draw.audit_id = %(audit)s
    GROUP BY draw.id
"""


class Sample(msgspec.Struct):
    """How far the looks of one part are; sizes are stacks."""

    looks: int
    looked_at: int
    found: int  # accepted
    unsure: int  # counted as positives by every bound


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
    look: int
    is_only_look: bool
    confidence: float  # of each of its lines
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
    recall: Recall | None = None
    tail: Tail | None = None
    model: ModelEstimate | None = None
    purity: Purity | None = None


def audits_of(label_class: LabelClass, *, kind: str | None = None) -> list[AuditAnswer]:
    """The newest audits of the class with their lines, newest first."""
    found = _with_parents(Audit.objects.filter(label_class=label_class)).order_by("-pk")
    if kind is not None:
        found = found.filter(kind=kind)
    return [describe_audit(each) for each in found[:SHOWN]]


def purity_of_batches(batches: Iterable[UUID]) -> dict[UUID, BatchPurity]:
    """By weak batch: what its newest audit says that was not stopped."""
    found = _with_parents(Audit.objects.filter(weak_batch__in=list(batches), stop=None)).order_by("pk")
    newest = {each.weak_batch_id: each for each in found}
    return {batch: _batch_purity(each) for batch, each in newest.items() if batch is not None}


def card_of_audits(label_classes: Sequence[LabelClass], *, includes_weak: bool) -> dict[str, Any]:
    """For the card of a dataset: each class's newest audit that is done, each weak batch's purity.

    `left_to_find` is empty where nothing was measured.
    """
    left = []
    for label_class in label_classes:
        told = [each for each in audits_of(label_class, kind=Audit.Kind.RECALL) if each.state == "done"]
        if told:
            left.append({"class": label_class.name} | _for_card(told[0]))
    batches = WeakBatch.objects.filter(label_class__in=label_classes, reverted_at=None)
    names = {each.pk: each.name for each in label_classes}
    weak = batches.values_list("pk", "label_class") if includes_weak else []
    classes = dict(weak)
    purity = [
        {"class": names[classes[batch]], "batch": str(batch)} | msgspec.to_builtins(each)
        for batch, each in purity_of_batches(classes).items()
    ]
    return {"left_to_find": left, "weak_purity": purity}


def _for_card(audit: AuditAnswer) -> dict[str, Any]:
    kept = ("at", "build", "encoder", "mode", "order", "confidence", "recall", "tail", "model")
    return {key: value for key, value in msgspec.to_builtins(audit).items() if key in kept}


def _batch_purity(audit: Audit) -> BatchPurity:
    said = describe_audit(audit)
    purity = said.purity
    if purity is None:
        raise ValueError(f"audit {audit.pk} is not of a weak batch")
    return BatchPurity(
        audit=said.id,
        state=said.state,
        at=said.at,
        confidence=said.confidence,
        looks=said.looks,
        looked_at=said.looked_at,
        wrong=purity.wrong,
        unsure=purity.sample.unsure,
        share=purity.share,
        low=purity.low,
        high=purity.high,
    )


def describe_audit(audit: Audit) -> AuditAnswer:
    """The audit with its lines; one stopped before its end says how far it came, and nothing else."""
    draws = _draws_of(audit)
    by_part = {part: Draws.of(draws[part][1]) for part in Part}
    looked_at = sum(each.looked_at for each in by_part.values())
    is_done = looked_at == sum(each.drawn for each in by_part.values())
    is_stopped = not is_done and hasattr(audit, "stop")
    ranking = audit.ranking
    answer = AuditAnswer(
        id=audit.pk,
        label_class=audit.label_class_id,
        kind=audit.kind,
        state="stopped" if is_stopped else "done" if is_done else "running",
        look=audit.look,
        is_only_look=audit.is_only_look,
        confidence=1 - audit.alpha,
        by=audit.created_by.username,
        at=audit.created_at,
        round=ranking.query_round_id if ranking else None,
        mode=ranking.query_round.mode if ranking else "",
        build=ranking.build if ranking else "",
        encoder=ranking.encoder if ranking else "",
        order=ranking.sha256 if ranking else "",
        weak_batch=audit.weak_batch_id,
        looks=sum(each.drawn for each in by_part.values()),
        looked_at=looked_at,
        one_in=audit.one_in,
    )
    if audit.kind == Audit.Kind.PURITY:
        answer.purity = _purity(audit, by_part[Part.BATCH])
    else:
        answer.tail = _tail(audit, by_part[Part.TAIL])
        answer.recall, answer.model = _recall(audit, by_part[Part.HORIZON], draws[Part.TAIL])
    return answer


def _with_parents(found: QuerySet[Audit]) -> QuerySet[Audit]:
    return found.select_related("ranking__query_round", "created_by", "label_class", "stop")


def _draws_of(audit: Audit) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By part: ranks and statuses of the live draws."""
    with connection.cursor() as cursor:
        cursor.execute(DRAWS, {"audit": audit.pk, "label_class": audit.label_class_id})
        rows = cursor.fetchall()
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for part in Part:
        of_part = [row[1:] for row in rows if row[0] == part]
        ranks = np.array([row[0] for row in of_part], np.int64)
        statuses = np.array([_status(*row[1:]) for row in of_part], np.uint8)
        found[part] = (ranks, statuses)
    return found


def _status(has_accept: bool, is_doubtful: bool, is_rejected: bool) -> Status:  # noqa: FBT001 - a row
    if is_doubtful and not has_accept:
        return Status.UNSURE
    if has_accept:
        return Status.UNSURE if is_doubtful else Status.ACCEPTED
    return Status.REJECTED if is_rejected else Status.UNDECIDED


def _recall(
    audit: Audit, draws: Draws, tail: tuple[np.ndarray, np.ndarray]
) -> tuple[Recall, ModelEstimate | None]:
    if audit.ranking is None:
        raise ValueError(f"audit {audit.pk} has no ranking")
    units = Units.of_ranking(audit.ranking)
    before = np.frombuffer(bytes(audit.statuses), np.uint8)
    now = statuses_of(audit.label_class, units, is_strict=False)
    line = horizon_line(before, now.said, now.live, draws, alpha=audit.alpha)
    recall = Recall(
        sample=_sample(draws),
        horizon=len(units),
        accepted=line.accepted,
        undecided=line.undecided,
        doubtful=line.doubtful,
        missed_at_most=line.missed_at_most,
        before=line.before,
        after=line.after,
        now=line.now,
    )
    return recall, _model(audit.ranking.num_ranked, now.said, now.live, tail)


def _model(
    num_ranked: int, said: np.ndarray, live: np.ndarray, tail: tuple[np.ndarray, np.ndarray]
) -> ModelEstimate | None:
    """Of the whole ranking: what is undecided in the horizon, and the tail; None with too few answers."""
    ranks = np.concatenate([np.arange(len(said)), tail[0]])
    statuses = np.concatenate([np.where(live, said, Status.UNSURE), tail[1]])
    is_known = (statuses == Status.ACCEPTED) | (statuses == Status.REJECTED)
    model = fit_ranks(ranks[is_known], statuses[is_known] == Status.ACCEPTED)
    if model is None:
        return None
    is_open = live & (said != Status.ACCEPTED) & (said != Status.REJECTED)
    left = np.concatenate([np.flatnonzero(is_open), np.arange(len(said), num_ranked)])
    estimate = model.estimate(left)
    found = int(np.count_nonzero(live & (said == Status.ACCEPTED)))
    total = found + estimate.missed
    return ModelEstimate(
        missed=estimate.missed,
        low=estimate.low,
        high=estimate.high,
        recall=found / total if total else None,
        num_answers=estimate.num_answers,
    )


def _tail(audit: Audit, draws: Draws) -> Tail:
    line = tail_line(audit.tail_stacks, draws, alpha=audit.alpha)
    return Tail(sample=_sample(draws), stacks=line.stacks, at_most=line.at_most)


def _purity(audit: Audit, draws: Draws) -> Purity:
    line = purity_line(draws, confidence=1 - audit.alpha)
    low, high = line.interval or (None, None)
    return Purity(sample=_sample(draws), wrong=draws.rejected, share=line.share, low=low, high=high)


def _sample(draws: Draws) -> Sample:
    return Sample(looks=draws.drawn, looked_at=draws.looked_at, found=draws.finds, unsure=draws.unsure)
