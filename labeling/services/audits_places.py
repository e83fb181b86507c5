"""What an audit draws: places of a frozen ranking, and of the tail beyond its horizon."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeling.compute.audit_lines import Status, draw
from labeling.models import AuditDraw, LabelClass
from labeling.services.audits_frames import Ranked, Units, ranked_at, ranked_units, statuses_of
from labeling.services.rounds import Query
from labeling.services.tiles import Box
from sisyphus_web.accounts.models import Corpus

WHOLE_TAIL = 20_000  # up to here the tail is read whole, and only what is undecided in it counts


class Drawn(NamedTuple):
    part: AuditDraw.Part
    item: int
    stack: int
    rank: int
    box: Box | None


def place_drawn(part: AuditDraw.Part, ranked: Ranked, place: int, rank: int) -> Drawn:
    """A draw of what stands at `place` of the units, at `rank` of the whole ranking."""
    item, stack = int(ranked.units.items[place]), int(ranked.units.stacks[place])
    return Drawn(part, item, stack, rank, ranked.boxes.get(item))


def draw_tail(
    corpus: Corpus, query: Query, ranked: Ranked, looks: int, *, seed: int, round_id: int
) -> tuple[list[Drawn], int]:
    """Uniform draws of the undecided beyond the horizon, and how many stacks they stand for.

    A long tail is not read whole: places are drawn, and decided ones drawn again, so the number of its stacks
    is that of all of them, which can only raise the bound.
    """
    start, num_tail = len(ranked.units), ranked.total - len(ranked.units)
    if not looks or num_tail <= 0 or query.label_class is None:
        return [], max(0, num_tail)
    if num_tail <= WHOLE_TAIL:
        tail = ranked_units(corpus, query, start=start, stop=ranked.total, round_id=round_id)
        open_places = _undecided(query.label_class, tail)
        chosen = draw(open_places, looks, seed=seed + 1)
        return [
            place_drawn(AuditDraw.Part.TAIL, tail, int(place), start + int(place)) for place in chosen
        ], len(open_places)
    drawn: list[Drawn] = []
    places = draw(np.arange(start, ranked.total), 4 * looks, seed=seed + 1)
    while len(drawn) < looks and len(places):  # as many as are lacking, judged at once
        chosen, places = np.split(places, [looks - len(drawn)])
        drawn += _drawn_at(corpus, query, chosen, round_id=round_id)
    return drawn, num_tail


def _drawn_at(corpus: Corpus, query: Query, ranks: np.ndarray, *, round_id: int) -> list[Drawn]:
    """What is undecided of these places of the tail, in their order."""
    if query.label_class is None:
        return []
    found = [
        Drawn(AuditDraw.Part.TAIL, each.item, each.stack or 0, place, each.box)
        for place, each in ranked_at(corpus, query, ranks, round_id=round_id)
    ]
    units = Units(
        np.array([each.item for each in found], np.int64), np.array([each.stack for each in found], np.int64)
    )
    said, live = statuses_of(query.label_class, units, is_strict=True)
    return [found[place] for place in np.flatnonzero(live & (said == Status.UNDECIDED))]


def _undecided(label_class: LabelClass, ranked: Ranked) -> np.ndarray:
    said, live = statuses_of(label_class, ranked.units, is_strict=True)
    return np.flatnonzero(live & (said == Status.UNDECIDED))
