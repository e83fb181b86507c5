"""Filters as they are asked for, into what a selection is made by."""

from __future__ import annotations

import numpy as np

from indexing.compute.answers import MARKS
from indexing.compute.selections import Filters, ItemSet
from indexing.models import MapRegion
from indexing.search_service import marks
from indexing.search_service.classifiers import scores_of
from indexing.search_service.corpora import Followed
from indexing.search_service.errors import Refusal
from indexing.search_service.requests import Asked, ScoreRange
from indexing.services.projections import MapUnreadable, items_of_region

SPLITS = ("train", "val", "test")
OF_LEDGER = ("verdict", "weak", "dispute")
KINDS = ("image", "video")


def filters_of(asked: Asked, followed: Followed) -> Filters:
    """The filters; PostgreSQL is asked only for what is not in memory. Refusal for what is not known."""
    media_files, not_media_files = _media_files(asked, followed)
    kinds = set(asked.kinds or KINDS)
    items: list[ItemSet] = []
    has_stack = None
    for facts, is_wanted in ((asked.has, True), (asked.has_not, False)):
        for fact in facts or ():
            if fact in KINDS:
                kinds &= {fact} if is_wanted else set(KINDS) - {fact}
            elif fact == "stack":
                if has_stack not in (None, is_wanted):
                    items.append(_set([]))  # with a stack and without one
                has_stack = is_wanted
            elif fact == "box":
                items.append(_set(marks.items_with_box(followed.corpus_id), is_wanted=is_wanted))
            elif fact in OF_LEDGER:
                items.append(_set(followed.ledger.items_with(fact), is_wanted=is_wanted))
            else:
                raise Refusal("bad-filter", f"There is no has:{fact}.")
    for regions, is_wanted in ((asked.map_regions, True), (asked.not_map_regions, False)):
        if regions:
            items.append(ItemSet(_inside(followed.corpus_id, regions), is_wanted))
    for listed, is_wanted in ((asked.items, True), (asked.not_items, False)):
        if listed:
            items.append(_set(sorted(set(listed)), is_wanted=is_wanted))
    for within in asked.scores or ():
        items.append(ItemSet(_scored(within, followed)))
    for classes, is_wanted in ((asked.classes, True), (asked.not_classes, False)):
        for label_class in classes or ():
            with followed.lock:
                accepted = followed.answers.accepted(label_class)
            items.append(_set(accepted, is_wanted=is_wanted))
    if not kinds:
        items.append(_set([]))
    return Filters(
        is_video=None if len(kinds) != 1 else "video" in kinds,
        media_files=media_files,
        not_media_files=not_media_files,
        start_seconds=asked.start_seconds,
        stop_seconds=asked.stop_seconds,
        has_stack=has_stack,
        items=tuple(items),
    )


def _scored(within: ScoreRange, followed: Followed) -> np.ndarray:
    """(n,) int64: the items whose score is within the range, ascending; none without a score."""
    item_ids, values = scores_of(within.classifier, within.label_class, followed.classifiers)
    kept = np.ones(len(values), bool)
    if within.at_least is not None:
        kept &= values >= np.float32(within.at_least)
    if within.below is not None:
        kept &= values < np.float32(within.below)
    return item_ids[kept]


def needs_answers(asked: Asked) -> bool:
    """Whether the filters depend on what people said a moment ago."""
    return any((asked.classes, asked.not_classes, asked.has, asked.has_not, marks_of(asked)))


def marks_of(asked: Asked) -> set[str]:
    """The marks beside the answer that the filters ask about, wanted or not."""
    return {*(asked.states or ()), *(asked.not_states or ())} & MARKS.keys()


def _media_files(asked: Asked, followed: Followed) -> tuple[frozenset[int] | None, frozenset[int]]:
    """(media files that are wanted, None: any; those that are not)."""
    corpus = followed.corpus_id
    wanted: list[frozenset[int]] = []
    unwanted: set[int] = set()
    for ids, patterns, is_wanted in (
        (asked.media_files, asked.files, True),
        (asked.not_media_files, asked.not_files, False),
    ):
        if ids is None and patterns is None:
            continue
        named = frozenset(ids or ()) | (
            marks.media_files_named(corpus, patterns) if patterns else frozenset()
        )
        if is_wanted:
            wanted.append(named)
        else:
            unwanted |= named
    if asked.sources is not None:
        wanted.append(marks.media_files_of(corpus, asked.sources))
    if asked.not_sources:
        unwanted |= marks.media_files_of(corpus, asked.not_sources)
    if asked.splits is not None and set(asked.splits) != {*SPLITS, "none"}:
        if "none" in asked.splits:
            left_out = [split for split in SPLITS if split not in asked.splits]
            unwanted |= set(followed.ledger.media_files_on(left_out))
        else:
            wanted.append(frozenset(followed.ledger.media_files_on(asked.splits)))
    both = frozenset.intersection(*wanted) if wanted else None
    return both, frozenset(unwanted)


def _inside(corpus_id: int, regions: list[int]) -> np.ndarray:
    """(n,) int64: the items within any of these lassos, ascending."""
    found = MapRegion.objects.filter(corpus=corpus_id, pk__in=regions)
    try:
        inside = [items_of_region(region) for region in found]
    except MapUnreadable as error:
        raise Refusal("map-unreadable", str(error)) from error
    return np.unique(np.concatenate([np.empty(0, np.int64), *inside]))


def _set(items: list[int], *, is_wanted: bool = True) -> ItemSet:
    return ItemSet(np.array(items, np.int64), is_wanted)
