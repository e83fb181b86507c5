"""What is learned from answers, and what they say of a ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from indexing.compute.answers import Said
from indexing.compute.regions import Box
from indexing.compute.reranked import Neighborhood, Reranker
from indexing.compute.residents import Resident
from indexing.search_service.errors import Refusal
from indexing.search_service.requests import RankRequest

NUM_UNDECIDED = 200  # sampled as weak negatives: enough to stand for the corpus, cheap to fit
MIN_MEDIA_FILES = 3  # of accepted items, to judge a model by media file; with fewer, by stack
SAMPLES_SEED = 7
MOST_TOLD = 500  # answers of a kind that a calibration rests on


class Fitted(Protocol):
    """What comes out of learning from answers."""

    @property
    def vector(self) -> np.ndarray: ...
    @property
    def blend(self) -> float: ...
    @property
    def is_model(self) -> bool: ...
    @property
    def left_out(self) -> Told | None: ...
    @property
    def reranker(self) -> Reranker | None: ...
    @property
    def neighborhood(self) -> Neighborhood | None: ...


class Told(Protocol):
    """Answers, with the similarities that the query would give them had it not learned from them."""

    @property
    def similarities(self) -> np.ndarray: ...
    @property
    def is_accepted(self) -> np.ndarray: ...
    @property
    def weights(self) -> np.ndarray | None: ...


Fit = Callable[..., Fitted]


class Query(NamedTuple):
    """What a ranking compares with."""

    vector: np.ndarray  # (D,) float32, length 1
    blend: float | None  # share of it that was learned; None: nothing was asked to be learned
    is_model: bool = False  # fitted, and judged; else a prototype at most
    told: Told | None = None  # None: nothing may be said, or not known yet
    reranker: Reranker | None = None  # orders anew what is nearest to `vector`
    neighborhood: Neighborhood | None = None  # and this the first of it


def learned(
    fit: Fit,
    start: np.ndarray | None,
    resident: Resident,
    said: Said,
    boxes_of: Callable[[list[int]], Mapping[int, Box]],
) -> Query:
    """What the answers of a class make of `start` (D,), which may be None; Refusal where that is nothing.

    `boxes_of` says which part of some items their answers are about.
    """
    positives, negatives = (
        rows_of_items(said.rows_with(answer), resident) for answer in ("accept", "reject")
    )
    if start is None and len(positives) == 0:
        raise Refusal("nothing-accepted", "Accept at least one item first, or give an example.", status=409)
    of_group = resident.media_files
    if len(np.unique(of_group[positives])) < MIN_MEDIA_FILES:
        of_group = resident.by_stack.codes
    sampled = _sample(said, resident.live[: resident.num_whole])
    length = 0.0 if start is None else float(np.linalg.norm(start))
    if start is not None and length > 0 and resident.has_tiles:
        # What was said of an item was said of the part that was outlined, or that the start query finds.
        positives, negatives, sampled = (
            resident.nearest_rows(resident.item_ids[rows], start / length)
            for rows in (positives, negatives, sampled)
        )
    if resident.has_tiles:
        boxes = boxes_of(resident.item_ids[np.concatenate([positives, negatives])].tolist())
        positives, negatives = (resident.rows_like(rows, boxes) for rows in (positives, negatives))
    try:
        fitted = fit(
            start,
            resident.vectors_of(positives),
            resident.vectors_of(negatives),
            resident.vectors_of(sampled),
            positive_groups=of_group[positives],
            negative_groups=of_group[negatives],
        )
    except ValueError as error:
        raise Refusal("terms-cancel-out", str(error)) from error
    vector = np.asarray(fitted.vector, np.float32)
    return Query(
        vector, float(fitted.blend), fitted.is_model, fitted.left_out, fitted.reranker, fitted.neighborhood
    )


class Answered(NamedTuple):
    """Answers with the similarities that a query gives them which was not learned from them."""

    similarities: np.ndarray
    is_accepted: np.ndarray
    weights: np.ndarray | None = None


def answered(request: RankRequest, query: Query, resident: Resident, said: Said) -> Told | None:
    """The answers of a class as `query` ranks them; None where it was made of them.

    The examples themselves are left out: how near they are to the query says nothing.
    """
    if request.mode == "learned":
        return query.told
    if any(term.kind == "class" for term in request.terms):
        return None
    found, weights = [], []
    for answer in ("accept", "reject"):
        rows = rows_of_items(said.rows_with(answer), resident)
        rows = rows[resident.live[rows]]
        examples = [term.item for term in request.terms if term.item is not None]
        rows = rows[~np.isin(resident.item_ids[rows], examples)]
        every = 1 + len(rows) // MOST_TOLD
        found.append(rows[::every])
        weights.append(np.full(len(found[-1]), float(every)))
    rows = np.concatenate(found)
    if resident.has_tiles:
        rows = resident.nearest_rows(resident.item_ids[rows], query.vector)
    sizes = [len(each) for each in found]
    near = resident.similarities_of(rows, query.vector)
    return Answered(near, np.repeat([True, False], sizes), np.concatenate(weights))


def rows_of_items(rows: np.ndarray, resident: Resident) -> np.ndarray:
    """Of the rows of items, the first of each."""
    is_first = resident.by_item.is_first
    return rows if is_first is None else rows[is_first[rows]]


def _sample(said: Said, live: np.ndarray) -> np.ndarray:
    """Some live rows of whole items without an answer, the same for the same corpus."""
    if len(live) == 0:
        return np.zeros(0, np.int64)
    rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(live), 2 * NUM_UNDECIDED)
    return np.unique(rows[live[rows] & (said.at(rows) == 0)][:NUM_UNDECIDED])
