"""Draw an audit: freeze a ranking, count what is decided in it, draw the rest before anyone sees it."""

from __future__ import annotations

import secrets

import numpy as np
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Max

from labeling.compute.audit_lines import Status, draw
from labeling.compute.bounds import alpha_of_audit, alpha_of_look
from labeling.models import Audit, AuditDraw, AuditStop, LabelClass, QueryRound, WeakBatch
from labeling.services.audits_frames import Ranked, Units, members_of, ranked_units, statuses_of
from labeling.services.audits_frozen import LookedAlready, freeze_ranking
from labeling.services.audits_pending import has_open_audit, wake
from labeling.services.audits_places import Drawn, draw_tail, place_drawn
from labeling.services.rounds import BadQuery, query_of
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs.errors import JobError

ALPHA = 0.05
HORIZON_LIMIT = 200_000
LOOKS_LIMIT = 20_000
ONE_IN = 4  # audit tiles among the others

WEAK_UNITS = """
    SELECT (array_agg(item.id ORDER BY weak.rank, item.id))[1], coalesce(item.stack_id, 0)
    FROM labeling_weaklabel weak
    JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
    WHERE weak.batch_id = %s
    GROUP BY coalesce(item.stack_id, -item.id), item.stack_id
    ORDER BY 1
"""


class NothingToAudit(JobError):
    code = "nothing-to-audit"


class AuditRunning(JobError):
    code = "audit-running"


def audit_recall(
    *,
    query_round: QueryRound,
    horizon: int,
    looks: int,
    tail_looks: int = 0,
    is_only_look: bool = True,
    one_in: int = ONE_IN,
    by: User,
) -> Audit:
    """Freeze the round's ranking up to `horizon` stacks; draw `looks` of its undecided, `tail_looks` beyond.

    The same order again is a further look at the same question: it spends what was planned for it, or is
    refused. Another order is another audited ranking of the class, and spends less than those before.
    One audit of a class runs at a time.
    """
    label_class = _class_of(query_round)
    query = query_of(query_round)
    corpus = query_round.corpus
    own_round = QueryRound.objects.create(
        corpus=corpus,
        label_class=label_class,
        created_by=by,
        terms=query.terms,
        filters=query.filters,
        mode=query.mode,
        unit=query.unit,
        fingerprint=query_round.fingerprint,
        is_background=True,
    )
    ranked = ranked_units(corpus, query, stop=min(horizon, HORIZON_LIMIT), round_id=own_round.pk)
    seed = secrets.randbits(62)
    tail, tail_stacks = draw_tail(corpus, query, ranked, tail_looks, seed=seed, round_id=own_round.pk)
    with transaction.atomic():
        LabelClass.objects.select_for_update(no_key=True).get(pk=label_class.pk)  # one audit at a time
        if has_open_audit(label_class, kind=Audit.Kind.RECALL):
            raise AuditRunning("An audit of this class is running: finish it or stop it first.")
        own_round.build, own_round.encoder = ranked.build, ranked.encoder
        own_round.save(update_fields=["build", "encoder"])
        frozen = freeze_ranking(own_round, label_class, ranked)
        look = _next_look(frozen.audits.all(), is_only_look=is_only_look)
        number = label_class.frozen_rankings.filter(pk__lte=frozen.pk).count()
        said, live = statuses_of(label_class, ranked.units, is_strict=True)
        undecided = np.flatnonzero(live & (said == Status.UNDECIDED))
        if not len(undecided):
            raise NothingToAudit("Nothing is undecided in that part of the ranking: choose a deeper horizon.")
        places = draw(undecided, looks, seed=seed)
        inside = [place_drawn(AuditDraw.Part.HORIZON, ranked, int(place), int(place)) for place in places]
        audit = Audit.objects.create(
            corpus=corpus,
            label_class=label_class,
            kind=Audit.Kind.RECALL,
            ranking=frozen,
            number=number,
            look=look,
            is_only_look=is_only_look,
            alpha=alpha_of_look(alpha_of_audit(ALPHA, number), look, is_only_look=is_only_look),
            looks=len(inside),
            tail_looks=len(tail),
            undecided=len(undecided),
            tail_stacks=tail_stacks,
            statuses=said.tobytes(),
            one_in=one_in,
            seed=seed,
            created_by=by,
        )
        _record(audit, inside + tail)
    return audit


@transaction.atomic
def audit_purity(
    *, batch: WeakBatch, looks: int, is_only_look: bool = True, one_in: int = ONE_IN, by: User
) -> Audit:
    """Draw `looks` of the stacks of a weak batch that nobody has answered since it was taken."""
    if batch.reverted_at is not None:
        raise NothingToAudit("This batch was taken back: there is nothing left of it to audit.")
    WeakBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    label_class = batch.label_class
    with connection.cursor() as cursor:
        cursor.execute(WEAK_UNITS, [batch.pk])
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    units = Units(rows[:, 0], rows[:, 1])
    said, _ = statuses_of(label_class, units, is_strict=True)
    undecided = np.flatnonzero(said == Status.UNDECIDED)
    if not len(undecided):
        raise NothingToAudit("Every stack of this batch was answered: nothing is left to draw from.")
    look = _next_look(Audit.objects.filter(weak_batch=batch), is_only_look=is_only_look)
    seed = secrets.randbits(62)
    ranked = Ranked(units, {}, len(units), "", "")
    drawn = [
        place_drawn(AuditDraw.Part.BATCH, ranked, int(place), int(place))
        for place in draw(undecided, looks, seed=seed)
    ]
    audit = Audit.objects.create(
        corpus=batch.corpus,
        label_class=label_class,
        kind=Audit.Kind.PURITY,
        weak_batch=batch,
        look=look,
        is_only_look=is_only_look,
        alpha=alpha_of_look(ALPHA, look, is_only_look=is_only_look),
        looks=len(drawn),
        undecided=len(undecided),
        one_in=one_in,
        seed=seed,
        created_by=by,
    )
    _record(audit, drawn)
    return audit


def stop_audit(audit: Audit, *, by: User, is_manager: bool) -> None:
    """Give an audit up, for ever: by who drew it, or a manager. Again: no change."""
    if audit.created_by_id != by.pk and not is_manager:
        raise PermissionDenied
    AuditStop.objects.get_or_create(audit=audit, defaults={"created_by": by})


def _class_of(query_round: QueryRound) -> LabelClass:
    label_class = query_round.label_class
    if label_class is None:
        raise BadQuery("class-needed", "This ranking was made without a class: choose one and rank again.")
    if label_class.retired_at is not None:
        raise BadQuery("retired-class", "This class was retired: bring it back or choose another.")
    return label_class


def _next_look(earlier, *, is_only_look: bool) -> int:  # type: ignore[no-untyped-def]
    """Which look it is; refused where the first was planned as the only one, or this one is."""
    last = earlier.aggregate(last=Max("look"))["last"]
    if last is None:
        return 1
    if is_only_look or earlier.filter(is_only_look=True).exists():
        raise LookedAlready(
            "This was audited before, planned as one look. A second one would need a new ranking or batch; "
            "plan several looks from the first on to look again."
        )
    return int(last) + 1


def _record(audit: Audit, drawn: list[Drawn]) -> None:
    """The draws of all parts in one random order: what is looked at first says nothing of where it lay."""
    units = Units(
        np.array([each.item for each in drawn], np.int64), np.array([each.stack for each in drawn], np.int64)
    )
    members = members_of(units)
    transaction.on_commit(lambda: wake(audit.label_class_id))
    order = draw(np.arange(len(drawn)), len(drawn), seed=audit.seed + 2)
    AuditDraw.objects.bulk_create(
        [
            AuditDraw(
                audit=audit,
                part=drawn[number].part,
                position=position,
                item_id=drawn[number].item,
                stack_id=drawn[number].stack or None,
                member_ids=members[drawn[number].item],
                rank=drawn[number].rank,
                box=drawn[number].box,
            )
            for position, number in enumerate(order.tolist())
        ],
        batch_size=5000,
    )
