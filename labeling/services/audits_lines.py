"""What an audit's draws say, from the ledger as it is now: three lines never merged, and purity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from django.db import connection

from labeling.compute.audit_lines import Draws, Status, horizon_line, purity_line, tail_line
from labeling.compute.audit_model import fit_ranks
from labeling.models import Audit, AuditDraw
from labeling.services.audits_answers import AuditAnswer, ModelEstimate, Purity, Recall, Sample, Tail
from labeling.services.audits_frames import statuses_of_ranking

Part = AuditDraw.Part

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


def add_lines(answer: AuditAnswer, audit: Audit) -> None:
    """Put into `answer` what the audit's draws say: of recall three lines, of a weak batch its purity."""
    draws = _draws_of(audit)
    answer.has_lines = True
    if audit.kind == Audit.Kind.PURITY:
        answer.purity = _purity(audit, draws[Part.BATCH])
    else:
        answer.tail = _tail(audit, draws[Part.TAIL])
        answer.recall, answer.model = _recall(audit, draws[Part.HORIZON], draws[Part.TAIL])


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
