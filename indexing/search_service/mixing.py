"""From the shares somebody asked for to a queue: the streams that have something, and why others have not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from indexing.compute.answers import Said
from indexing.compute.engine import Ranking
from indexing.compute.mixture import HARVEST, Limits, Mixture
from indexing.compute.streams import Stream, boundary, empty, hard_negatives, scored, unexplored
from indexing.search_service.classifiers import Classifiers
from indexing.search_service.learning import rows_of_items
from indexing.search_service.requests import Mix, RankRequest


class Mixed(NamedTuple):
    ranking: Ranking
    shares: dict[str, float]  # in effect
    notes: list[str]


def mixture_of(
    ranking: Ranking, request: RankRequest, asked: Mix, said: Said, classifiers: Classifiers
) -> Mixed:
    """The ranking with the asked presets mixed into it; itself where that changes nothing.

    A preset that has nothing to give leaves its share to the others, and says why.
    """
    accepted, rejected, decided = (
        rows_of_items(rows, ranking.resident)
        for rows in (said.rows_with("accept"), said.rows_with("reject"), said.rows[(said.bytes & 3) != 0])
    )
    makers = {
        "boundary": lambda: boundary(ranking, accepted, rejected),
        "explore": lambda: unexplored(ranking, decided),
        "hard": lambda: hard_negatives(ranking, rejected),
        "classifier": lambda: _by_classifier(ranking, classifiers, request, is_uncertain=False),
        "uncertain": lambda: _by_classifier(ranking, classifiers, request, is_uncertain=True),
    }
    made = {preset: make() for preset, make in makers.items() if getattr(asked, preset) > 0}
    streams = {preset: _at_least(stream, ranking.min_similarity) for preset, stream in made.items()}
    notes = [stream.note for stream in streams.values() if stream.note]
    shares = {HARVEST: asked.harvest} | {
        preset: getattr(asked, preset) for preset, stream in streams.items() if len(stream.items)
    }
    total = sum(shares.values())
    shares = {preset: share / total for preset, share in shares.items()} if total else {HARVEST: 1.0}
    limits = Limits(asked.per_file, asked.per_stack)
    if limits == Limits() and shares[HARVEST] == 1.0:
        return Mixed(ranking, {}, notes)
    mixture = Mixture(
        ranking.resident,
        ranking.query,
        ranking.selection,
        filters=ranking.filters,
        fold=ranking.fold,
        is_exact=ranking.is_exact,
        min_similarity=ranking.min_similarity,
        base=ranking,
        streams={preset: streams[preset] for preset in shares if preset != HARVEST},
        shares=shares,
        limits=limits,
    )
    return Mixed(mixture, {preset: round(share, 4) for preset, share in shares.items()}, notes)


def _by_classifier(
    ranking: Ranking, classifiers: Classifiers, request: RankRequest, *, is_uncertain: bool
) -> Stream:
    """What the live classifier of the class proposes: its best, or what is nearest to its operating point."""
    label_class = request.label_class
    known = None if label_class is None else classifiers.proposing(label_class, request.unit)
    if known is None or label_class is None:
        return empty("There is no live classifier of this class: train one first.")
    try:
        item_ids, values = classifiers.scores(known.classifier, label_class)
    except LookupError as error:
        return empty(f"{error}.")
    return scored(ranking, item_ids, values, near=known.threshold if is_uncertain else None)


def _at_least(stream: Stream, min_similarity: float | None) -> Stream:
    if min_similarity is None:
        return stream
    is_near = stream.similarities >= np.float32(min_similarity)
    return stream._replace(items=stream.items[is_near], similarities=stream.similarities[is_near])
