"""Audit draws among the tiles of a ranking: which, where, and without a sign.

Of every `one_in` tiles one is a draw that waits. Draw number n of the list stands in block number n of the
ranking: the list is the one that waited when the ranking was made, in an order of each annotator's own, so
every page of the ranking finds it as the pages before did, whatever was answered meanwhile, and a restart
forgets nothing. A drawn stack that the page has anyway keeps its place. The page grows by its draws: the next
one begins where it would have begun without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.models import Item
from labeling.models import FrozenRanking, Lease
from labeling.services.audits_pending import Pending, draws_to_mix
from labeling.services.blending import lot_of, similarity_between
from labeling.services.derivation import items_off
from labeling.services.leases import claim_tiles, held_by_others
from labeling.services.tiles import Shown
from sisyphus_web.accounts.models import Membership, Role

if TYPE_CHECKING:
    from labeling.services.rounds import Page

UNDECIDED = {"untouched", "weak"}


def mix_in(page: Page, candidates: Sequence[Shown]) -> Sequence[Shown]:
    """The candidates with the draws that are due among them; the last hook: draws stay where they are put.

    A draw has the rank, similarity and reason of its neighbors, and is leased like them.
    """
    label_class, request = page.query.label_class, page.request
    if label_class is None or page.query.mode == "browse" or not request.fold or len(candidates) < 2:
        return candidates
    waiting = _waiting(page, draws_to_mix(label_class.pk, as_of=page.made.created_at))
    if not waiting:
        return candidates
    one_in = waiting[0].one_in
    blocks = range(request.offset // one_in, (request.offset + request.k) // one_in)
    were_due = {each.tile for each in waiting[: blocks.start]}  # on the pages before
    kept = [each for each in candidates if _tile(each) not in were_due]
    due = dict(enumerate(waiting[blocks.start : blocks.stop], blocks.start))
    if not kept:
        return kept
    draws = _free(page, due, shown={_tile(each) for each in kept})
    off = items_off(page.corpus, [each.item for each in draws.values() if each.stack is not None])
    draws = {block: each._replace(count=1) if each.item in off else each for block, each in draws.items()}
    mixed = _interleaved(kept, draws, blocks, one_in, seed=waiting[0].seed)
    return [each._replace(rank=request.offset + place) for place, each in enumerate(mixed)]


def _waiting(page: Page, draws: Sequence[Pending]) -> list[Pending]:
    """The draws that fit what is looked at, in this annotator's order; none for who may not answer."""
    if not draws or not _may_answer(page):
        return []
    filters = _narrowing(page.query.filters)
    states = set(page.query.filters.get("states") or UNDECIDED)
    allowed = _filters_of(draws)
    fitting = [
        each
        for each in draws
        if filters == allowed.get(each.ranking, {})
        and ("weak" in states if each.ranking is None else states >= UNDECIDED)
    ]
    fitting = _of_unit(fitting, page.query.unit)
    if not fitting:
        return []
    order = np.random.default_rng([fitting[0].seed, page.by.pk]).permutation(len(fitting))
    return [fitting[place] for place in order]


def _of_unit(draws: Sequence[Pending], unit: str) -> list[Pending]:
    """Those of the unit that is looked at: a clip among frames would stand out."""
    asked = Item.objects.filter(pk__in=[each.item for each in draws])
    kept = set(asked.of_unit(unit).values_list("pk", flat=True)) if draws else set()
    return [each for each in draws if each.item in kept]


def _free(page: Page, due: Mapping[int, Pending], *, shown: set[int]) -> dict[int, Pending]:
    """By block: the draws nobody has looked at, not `shown`, in nobody else's hands; held from now on."""
    label_class, request, by = page.query.label_class, page.request, page.by
    wanted = {block: each for block, each in due.items() if each.is_open and each.tile not in shown}
    if label_class is None or not wanted:
        return {}
    tiles = {each.tile for each in wanted.values()}
    if request.offset:  # at its own place on a page before
        own = Lease.objects.filter(label_class=label_class, annotator=by, page=request.page, tile__in=tiles)
        tiles -= set(own.values_list("tile", flat=True))
    if request.is_preview:
        tiles -= held_by_others(label_class, by=by)
    else:
        tiles = claim_tiles(label_class, tiles, by=by, page=request.page)
    return {block: each for block, each in wanted.items() if each.tile in tiles}


def _interleaved(
    kept: Sequence[Shown], draws: Mapping[int, Pending], blocks: range, one_in: int, *, seed: int
) -> list[Shown]:
    """The tiles, and in each block at a place of its own the draw due there; never before the first tile."""
    before_tile: dict[int, Pending] = {}  # by the tile that each comes before, in the order of blocks
    for block, each in draws.items():
        within = int(np.random.default_rng([seed, block]).integers(1, one_in + 1))
        before_tile[(block - blocks.start) * one_in + within] = each
    mixed: list[Shown] = []
    for place, tile in enumerate(kept):
        if place in before_tile:
            mixed.append(_as(mixed[-1], tile, before_tile[place]))
        mixed.append(tile)
    for place, each in sorted(before_tile.items()):
        if place >= len(kept):  # a page that is short
            mixed.append(_as(mixed[-1], mixed[-1], each))
    return mixed


def _as(before: Shown, after: Shown, draw: Pending) -> Shown:
    """The draw with the marks of the tiles it stands between."""
    similarity = similarity_between(before.similarity, after.similarity, lot_of("draw", draw.draw))
    return before._replace(
        item=draw.item, stack=draw.stack, count=draw.count, similarity=similarity, box=draw.box
    )


def _tile(shown: Shown) -> int:
    return shown.stack or -shown.item


def _narrowing(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in filters.items() if key != "states"}


def _filters_of(draws: Sequence[Pending]) -> dict[int | None, dict[str, Any]]:
    """By frozen ranking: what narrowed it. A draw is shown only where everything shown fulfils that."""
    rankings = {each.ranking for each in draws if each.ranking is not None}
    found = FrozenRanking.objects.filter(pk__in=rankings).values_list("pk", "query_round__filters")
    return {pk: _narrowing(filters) for pk, filters in found}


def _may_answer(page: Page) -> bool:
    mine = Membership.objects.filter(corpus=page.corpus, user=page.by)
    return mine.filter(role__in=(Role.ANNOTATOR, Role.MANAGER)).exists()
