"""How near every item is to what was learned of a class: what the map is colored by."""

from __future__ import annotations

import numpy as np

from indexing.compute.reranked import SHORTLIST, in_order
from indexing.compute.residents import Resident
from indexing.compute.vectors import Found
from indexing.search import Scores
from indexing.search_service.ranker import Ranker
from indexing.search_service.requests import RankRequest

NUM_LEVELS = 32
BLOCK_ROWS = 65_536
LOWEST_SHARE = 0.02  # items below are one level: the far end says nothing, and would take half of the scale


def scores(ranker: Ranker, request: RankRequest) -> Scores:
    """A level of every live item with a feature, whole frames only, in order of the item's id.

    Answers committed before the call count; Refusal where nothing was learned. It is as near as a ranking of
    all of them, not folded, says. Every vector is read once, and those of the nearest again.
    """
    followed = ranker.corpora.followed(request.corpus, request.unit)
    resident = followed.sync()
    with followed.lock:
        said = followed.answers.said_of(request.label_class, resident)
    known = followed.classifiers, followed.ledger.boxes
    query = ranker.queries.query(request, resident, lambda _: said, *known)
    rows = np.flatnonzero(resident.live[: resident.num_whole])
    near = _similarities(resident, rows, query.vector)
    first = np.argsort(-near, kind="stable")[:SHORTLIST]
    if len(first) and (query.reranker is not None or query.neighborhood is not None):
        found, groups = Found(rows[first], near[first]), resident.groups(fold=False)
        found = in_order(found, resident, groups, query.reranker, query.neighborhood)
        near = np.minimum(near, found.similarities[-1])
        near[np.searchsorted(rows, found.rows)] = found.similarities
    order = np.argsort(resident.item_ids[rows], kind="stable")
    rows, near = rows[order], near[order]
    low, high = (float(np.quantile(near, LOWEST_SHARE)), float(near.max())) if len(near) else (0.0, 0.0)
    scale = (NUM_LEVELS - 1) / max(high - low, 1e-6)
    levels = np.rint(np.clip((near - low) * scale, 0, NUM_LEVELS - 1)).astype(np.uint8)
    return Scores(resident.item_ids[rows].astype("<i8").tobytes(), levels.tobytes(), low, high)


def _similarities(resident: Resident, rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(n,) float32; the vectors pass through memory in blocks."""
    near = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        near[start : start + len(block)] = resident.similarities_of(block, vector)
    return near
