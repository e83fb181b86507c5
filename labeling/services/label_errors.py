"""Answers that are likely wrong, the likeliest first: what a second look should begin with."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from indexing import search
from indexing.models import Item
from indexing.services.features import units_of
from labeling.compute.errors import MIN_ANSWERS
from labeling.models import CurrentVerdict, LabelClass
from labeling.services.tiles import Shown, Tile, describe_tiles

LIKELY_FROM = 0.5  # probability that the other answer is the right one


class Suspect(Tile, kw_only=True):
    """A tile with its answer; `probability` is how likely "accept" is by what was said of others."""

    probability: float
    reason: str


class LabelErrors(msgspec.Struct):
    """Tiles, the most suspicious first, one per stack; `note` says why there are none.

    `num_judged` answers were compared. `num_reviewed` of them were given in review: they teach, and are not
    listed. Of the others `num_likely` are contradicted.
    """

    results: list[Suspect]
    next: str | None
    num_judged: int
    num_likely: int
    num_reviewed: int
    note: str


class _Judged(NamedTuple):
    item: int
    probability: float
    suspicion: float


def label_errors(label_class: LabelClass, *, offset: int = 0, limit: int = 200) -> LabelErrors:
    """A page of the accepted and rejected of `label_class` in the order in which they should be checked.

    What was answered in review, with the same answer or another, is not listed again.

    Raises SearchUnavailable while the search service, which holds the features, is away.
    """
    corpus = label_class.corpus
    units = units_of(corpus)
    if not units:
        return LabelErrors([], None, 0, 0, 0, "Nothing of this corpus has been encoded yet.")
    judged = [
        _Judged(item, probability, 1 - probability if is_accepted else probability)
        for answer in (search.judge(corpus, label_class_id=label_class.pk, unit=unit) for unit in units)
        for item, is_accepted, probability in zip(
            answer.items, answer.is_accepted, answer.probabilities, strict=True
        )
        if probability is not None
    ]
    if not judged:
        note = (
            f"At least {MIN_ANSWERS} accepted and {MIN_ANSWERS} rejected items are needed to compare answers."
        )
        return LabelErrors([], None, 0, 0, 0, note)
    reviewed = _reviewed(label_class)
    num_judged = len(judged)
    judged = [each for each in judged if each.item not in reviewed]
    judged.sort(key=lambda each: (-each.suspicion, each.item))
    firsts, counts = _folded(judged)
    page = firsts[offset : offset + limit]
    shown = [Shown(each.item, None, counts[each.item], None, offset + n) for n, each in enumerate(page)]
    by_item = {each.item: each for each in page}
    tiles = describe_tiles(corpus, shown, label_class_id=label_class.pk)
    return LabelErrors(
        results=[_suspect(tile, by_item[tile.item]) for tile in tiles],
        next=str(offset + limit) if offset + limit < len(firsts) else None,
        num_judged=num_judged,
        num_likely=sum(each.suspicion >= LIKELY_FROM for each in judged),
        num_reviewed=num_judged - len(judged),
        note="",
    )


def _reviewed(label_class: LabelClass) -> set[int]:
    """Items whose answer was given in review: who looked there again has said what is right."""
    states = CurrentVerdict.objects.filter(
        label_class=label_class, is_derived=False, verdict__mode="review", verdict__is_blind=False
    )
    return set(states.values_list("item", flat=True))


def _folded(judged: list[_Judged]) -> tuple[list[_Judged], dict[int, int]]:
    """(the most suspicious of every stack, in order; how many of its stack each stands for)."""
    stack_of = dict(
        Item.objects.filter(pk__in=[each.item for each in judged], stack__isnull=False).values_list(
            "pk", "stack_id"
        )
    )
    first_of: dict[int, int] = {}
    firsts: list[_Judged] = []
    counts: dict[int, int] = {}
    for each in judged:
        group = stack_of.get(each.item, -each.item)
        first = first_of.setdefault(group, each.item)
        if first == each.item:
            firsts.append(each)
        counts[first] = counts.get(first, 0) + 1
    return firsts, counts


def _suspect(tile: Tile, judged: _Judged) -> Suspect:
    fields = {name: getattr(tile, name) for name in tile.__struct_fields__}
    share = f"{judged.probability:.0%}"
    said = "accepted" if tile.answer == "accept" else "rejected"
    reason = (
        f"{said}, but similar items were answered otherwise: {share} likely to be accepted"
        if judged.suspicion >= LIKELY_FROM
        else f"{said}, as similar items were: {share} likely to be accepted"
    )
    return Suspect(**fields, probability=judged.probability, reason=reason)
