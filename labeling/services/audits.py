"""The audits of classes and weak batches, with how far each is and what it says now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Count, QuerySet, Sum

from labeling.models import Audit, LabelClass, WeakBatch
from labeling.services.audits_answers import AuditAnswer, BatchPurity
from labeling.services.audits_lines import add_lines

SHOWN = 20  # audits in a list

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
            add_lines(brief, audit)
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
    add_lines(answer, audit)
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
