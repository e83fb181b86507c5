"""What audits say, from the ledger as it is now: three lines that are never merged, and purity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from django.db import connection
from django.db.models import Count, QuerySet, Sum

from labeling.compute.audit_lines import Draws, Status, horizon_line, purity_line, tail_line
from labeling.compute.audit_model import fit_ranks
from labeling.models import Audit, AuditDraw, LabelClass, WeakBatch
from labeling.services.audits_answers import (
    AuditAnswer,
    BatchPurity,
    ModelEstimate,
    Purity,
    Recall,
    Sample,
    Tail,
)
from labeling.services.audits_frames import statuses_of_ranking

Part = AuditDraw.Part
SHOWN = 20  # audits in a list

# A row per live draw: how its members stand. Without an answer to the item that stands for it, or a member
# that is accepted, unsure or disputed, nobody has looked at it.
DRAWS = """
    SELECT draw.part, draw.rank,
           coalesce(bool_or(state.answer = 'accept'), false),
           coalesce(bool_or(state.answer = 'unsure' OR state.is_disputed), false),
           coalesce(bool_or(state.answer = 'reject' AND state.item_id = draw.item_id), false),
           EXISTS (
               SELECT FROM labeling_blindlook look
               WHERE look.item_id = draw.item_id AND look.label_class_id = %(label_class)s
                 AND look.kind = 'second' AND look.said_id IS NOT NULL
           ),
           coalesce(bool_or(state.is_disputed), false)
    FROM labeling_auditdraw draw
    JOIN indexing_item item ON item.id = draw.item_id AND item.deleted_at IS NULL
    LEFT JOIN labeling_currentverdict state
      ON state.label_class_id = %(label_class)s AND state.item_id = ANY(draw.member_ids)
    WHERE draw.audit_id = %(audit)s
    GROUP BY draw.id
"""
# Of several audits: live draws, and how many of them somebody has looked at.
LOOKED_AT = """
    SELECT audit_id, count(*), count(*) FILTER (WHERE is_looked_at)
    FROM (
        SELECT draw.audit_id,
               bool_or(state.answer IN ('accept', 'unsure') OR state.is_disputed
                       OR (state.answer = 'reject' AND state.item_id = draw.item_id)) AS is_looked_at
        FROM labeling_auditdraw draw
        JOIN indexing_item item ON item.id = draw.item_id AND item.deleted_at IS NULL
        LEFT JOIN labeling_currentverdict state
          ON state.label_class_id = %(label_class)s AND state.item_id = ANY(draw.member_ids)
        WHERE draw.audit_id = ANY(%(audits)s)
        GROUP BY draw.id
    ) draws
    GROUP BY audit_id
"""


def audits_of(label_class: LabelClass, *, kind: str | None = None) -> list[AuditAnswer]:
    """The newest audits of the class, newest first; of recall, those running and the last done have lines.

    Its cost does not grow with the number of audits that were done before.
    """
    found = with_parents(Audit.objects.filter(label_class=label_class)).order_by("-pk")
    if kind is not None:
        found = found.filter(kind=kind)
    audits = list(found[:SHOWN])
    together, told = _together(label_class), []
    looked_at = _looked_at(label_class, audits)
    is_newest_done_told = False
    for audit in audits:
        brief = _brief(audit, *looked_at.get(audit.pk, (0, 0)), together)
        is_done = brief.state == "done"
        if (
            audit.kind == Audit.Kind.PURITY
            or brief.state == "running"
            or (is_done and not is_newest_done_told)
        ):
            _add_lines(brief, audit)
            is_newest_done_told |= is_done and audit.kind == Audit.Kind.RECALL
        told.append(brief)
    return told


def purity_of_batches(batches: Iterable[UUID]) -> dict[UUID, BatchPurity]:
    """By weak batch: what its newest audit says that was not stopped."""
    found = with_parents(Audit.objects.filter(weak_batch__in=list(batches), stop=None)).order_by("pk")
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
    kept = (
        "at", "build", "encoder", "mode", "order", "confidence", "number", "num_audits",
        "confidence_together", "recall", "tail", "model",
    )  # fmt: skip
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
    looked_at = _looked_at(audit.label_class, [audit]).get(audit.pk, (0, 0))
    answer = _brief(audit, *looked_at, _together(audit.label_class))
    _add_lines(answer, audit)
    return answer


def _brief(audit: Audit, drawn: int, looked_at: int, together: _Together) -> AuditAnswer:
    """The audit without its lines."""
    is_done = looked_at == drawn
    is_stopped = not is_done and hasattr(audit, "stop")
    ranking = audit.ranking
    return AuditAnswer(
        has_lines=False,
        id=audit.pk,
        label_class=audit.label_class_id,
        kind=audit.kind,
        state="stopped" if is_stopped else "done" if is_done else "running",
        number=audit.number,
        look=audit.look,
        is_only_look=audit.is_only_look,
        confidence=1 - audit.alpha,
        num_audits=together.num_audits,
        confidence_together=together.confidence,
        by=audit.created_by.username,
        at=audit.created_at,
        round=ranking.query_round_id if ranking else None,
        mode=ranking.query_round.mode if ranking else "",
        build=ranking.build if ranking else "",
        encoder=ranking.encoder if ranking else "",
        order=ranking.sha256 if ranking else "",
        weak_batch=audit.weak_batch_id,
        looks=drawn,
        looked_at=looked_at,
        one_in=audit.one_in,
    )


def _add_lines(answer: AuditAnswer, audit: Audit) -> None:
    draws = _draws_of(audit)
    answer.has_lines = True
    if audit.kind == Audit.Kind.PURITY:
        answer.purity = _purity(audit, draws[Part.BATCH])
    else:
        answer.tail = _tail(audit, draws[Part.TAIL])
        answer.recall, answer.model = _recall(audit, draws[Part.HORIZON], draws[Part.TAIL])


class _Together(NamedTuple):
    """All audits of recall of a class."""

    num_audits: int
    confidence: float


def _together(label_class: LabelClass) -> _Together:
    """Errors add up at most: one minus what all of them spend, however the next was decided on."""
    spent = Audit.objects.filter(label_class=label_class, kind=Audit.Kind.RECALL).aggregate(
        number=Count("pk"), alpha=Sum("alpha")
    )
    return _Together(spent["number"], 1 - (spent["alpha"] or 0.0))


def _looked_at(label_class: LabelClass, audits: Sequence[Audit]) -> dict[int, tuple[int, int]]:
    """By audit: its live draws, and how many of them somebody has looked at."""
    with connection.cursor() as cursor:
        cursor.execute(LOOKED_AT, {"label_class": label_class.pk, "audits": [audit.pk for audit in audits]})
        return {audit: (drawn, looked_at) for audit, drawn, looked_at in cursor.fetchall()}


def with_parents(found: QuerySet[Audit]) -> QuerySet[Audit]:
    """With what describing them reads; the order of a ranking stays in the database."""
    parents = found.select_related("ranking__query_round", "created_by", "label_class", "stop")
    return parents.defer("ranking__item_ids", "ranking__stack_ids")


class _Drawn(NamedTuple):
    """The live draws of a part."""

    ranks: np.ndarray  # (m,) int64
    statuses: np.ndarray  # (m,) uint8
    num_twice: int  # looked at by two
    num_disputed: int

    @property
    def draws(self) -> Draws:
        return Draws.of(self.statuses)

    @property
    def sample(self) -> Sample:
        draws = self.draws
        return Sample(
            looks=draws.drawn,
            looked_at=draws.looked_at,
            found=draws.finds,
            unsure=draws.unsure,
            looked_twice=self.num_twice,
            disputed=self.num_disputed,
        )


def _draws_of(audit: Audit) -> dict[str, _Drawn]:
    with connection.cursor() as cursor:
        cursor.execute(DRAWS, {"audit": audit.pk, "label_class": audit.label_class_id})
        rows = cursor.fetchall()
    found: dict[str, _Drawn] = {}
    for part in Part:
        of_part = [row[1:] for row in rows if row[0] == part]
        ranks = np.array([row[0] for row in of_part], np.int64)
        statuses = np.array([_status(*row[1:4]) for row in of_part], np.uint8)
        found[part] = _Drawn(ranks, statuses, sum(row[4] for row in of_part), sum(row[5] for row in of_part))
    return found


def _status(has_accept: bool, is_doubtful: bool, is_rejected: bool) -> Status:  # noqa: FBT001 - a row
    if is_doubtful and not has_accept:
        return Status.UNSURE
    if has_accept:
        return Status.UNSURE if is_doubtful else Status.ACCEPTED
    return Status.REJECTED if is_rejected else Status.UNDECIDED


def _recall(audit: Audit, drawn: _Drawn, tail: _Drawn) -> tuple[Recall, ModelEstimate | None]:
    if audit.ranking is None:
        raise ValueError(f"audit {audit.pk} has no ranking")
    before = np.frombuffer(bytes(audit.statuses), np.uint8)
    now = statuses_of_ranking(audit.label_class, audit.ranking.pk, len(before))
    line = horizon_line(before, now.said, now.live, drawn.draws, alpha=audit.alpha)
    recall = Recall(
        sample=drawn.sample,
        horizon=len(before),
        accepted=line.accepted,
        undecided=line.undecided,
        doubtful=line.doubtful,
        missed_at_most=line.missed_at_most,
        before=line.before,
        after=line.after,
        now=line.now,
    )
    return recall, _model(audit.ranking.num_ranked, now.said, now.live, tail)


def _model(num_ranked: int, said: np.ndarray, live: np.ndarray, tail: _Drawn) -> ModelEstimate | None:
    """Of the whole ranking: what is undecided in the horizon, and the tail; None with too few answers."""
    ranks = np.concatenate([np.arange(len(said)), tail.ranks])
    statuses = np.concatenate([np.where(live, said, Status.UNSURE), tail.statuses])
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


def _tail(audit: Audit, drawn: _Drawn) -> Tail:
    line = tail_line(audit.tail_stacks, drawn.draws, alpha=audit.alpha)
    return Tail(sample=drawn.sample, stacks=line.stacks, at_most=line.at_most)


def _purity(audit: Audit, drawn: _Drawn) -> Purity:
    line = purity_line(drawn.draws, confidence=1 - audit.alpha)
    low, high = line.interval or (None, None)
    return Purity(sample=drawn.sample, wrong=drawn.draws.rejected, share=line.share, low=low, high=high)
