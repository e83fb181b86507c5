"""The frozen order that an audit is drawn from; the same order again is the same row."""

from __future__ import annotations

from django.db.models import Q

from labeling.models import FrozenRanking, LabelClass, QueryRound
from labeling.services.audits_frames import Ranked, Units
from sisyphus_web.jobs.errors import JobError


class LookedAlready(JobError):
    code = "looked-already"


def freeze_ranking(own_round: QueryRound, label_class: LabelClass, ranked: Ranked) -> FrozenRanking:
    """The row of this order, one that is there already where nothing has changed since.

    Another horizon of the same order would be the same question, asked until the answer is liked: refused.
    """
    units = ranked.units
    first = {"item_ids__0_50": units.items[:50].tolist(), "stack_ids__0_50": units.stacks[:50].tolist()}
    alike = FrozenRanking.objects.filter(label_class=label_class).order_by("-pk")
    if len(units) >= 50:  # others begin otherwise, and may be of 200 000 stacks each
        alike = alike.filter(Q(**first) | Q(item_ids__len__lt=50))
    for known in alike.iterator(chunk_size=1):
        length = min(len(known.item_ids), len(units))
        if len(known.item_ids) == len(units):
            if known.sha256 == units.sha256():
                return known
        elif Units.of_ranking(known).sha256(length) == units.sha256(length):
            raise LookedAlready(
                "This ranking was audited with another horizon: use that one, or rank again by more answers."
            )
    return FrozenRanking.objects.create(
        corpus=own_round.corpus,
        label_class=label_class,
        query_round=own_round,
        build=ranked.build,
        encoder=ranked.encoder,
        item_ids=units.items.tolist(),
        stack_ids=units.stacks.tolist(),
        num_ranked=ranked.total,
        sha256=units.sha256(),
    )
