"""What may be mixed into a ranking: its boundary, the unexplored, hard negatives. All deterministic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from indexing.compute.engine import Ranking
from indexing.compute.residents import NO_ROW, Resident

BOUNDARY_DEPTH = 20_000  # groups of the ranking that the decision line is looked for in
NUM_BOUNDARY = 1_000
HARD_DEPTH = 2_000  # of the ranking: a hard negative ranks high
NUM_HARD = 500
NUM_SCORED = 2_000
NUM_SAMPLED = 1_500  # items that stand for the corpus; their comparison with one another is the cost
NUM_EXPLORED = 300
MOST_DECIDED = 500  # of each answer, evenly taken
NUM_DENSITY = 5  # nearest of the sample that say whether an item is alone
ALONE = 0.2  # this share of the sample, the most solitary, is left out: noise is far from everything too
SAMPLE_SEED = 11


class Stream(NamedTuple):
    """Items in the order in which a preset proposes them; `note` says why there are none."""

    items: np.ndarray  # (n,) int64
    similarities: np.ndarray  # (n,) float32, to the query
    note: str = ""


def empty(note: str) -> Stream:
    return Stream(np.zeros(0, np.int64), np.zeros(0, np.float32), note)


def boundary(ranking: Ranking, accepted: np.ndarray, rejected: np.ndarray) -> Stream:
    """What is nearest to the decision line of the ranking's query, of the groups within BOUNDARY_DEPTH.

    `accepted` and `rejected` are rows, one of each item; the line is the similarity that parts them best.
    """
    if len(accepted) == 0 or len(rejected) == 0:
        return empty("The boundary needs something accepted and something rejected first.")
    resident, query = ranking.resident, ranking.query
    near, far = (resident.nearest_rows(resident.item_ids[rows], query) for rows in (accepted, rejected))
    line = decision_line(ranking.values_of(near), ranking.values_of(far))
    depth = 1_000
    while True:
        ranking.deepen(depth)
        items, similarities = ranking.given()
        crossing = int(np.count_nonzero(similarities >= line))
        if len(items) < depth or depth >= BOUNDARY_DEPTH or len(items) >= 2 * crossing + NUM_BOUNDARY:
            break
        depth = min(BOUNDARY_DEPTH, 2 * depth)
    nearest = np.argsort(np.abs(similarities - line), kind="stable")[:NUM_BOUNDARY]
    return Stream(items[nearest], similarities[nearest])


def scored(ranking: Ranking, item_ids: np.ndarray, values: np.ndarray, *, near: float | None) -> Stream:
    """Items that may be shown by their score (n,) float32: the best first, or the nearest to `near`."""
    resident = ranking.resident
    rows = resident.row_of_each(item_ids)
    there = rows != NO_ROW
    there[there] = ranking.selection.allows(rows[there])
    item_ids, rows, values = item_ids[there], rows[there], values[there]
    key = -values if near is None else np.abs(values - np.float32(near))
    first = np.lexsort((item_ids, key))[:NUM_SCORED]
    return Stream(item_ids[first], resident.similarities_of(rows[first], ranking.query))


def decision_line(accepted: np.ndarray, rejected: np.ndarray) -> float:
    """The similarity with the least balanced error: share of accepted below + share of rejected above.

    Half-way between two neighboring similarities; of equally good ones, the middle.
    """
    values = np.unique(np.concatenate([accepted, rejected]).astype(np.float64))
    lines = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    missed = np.searchsorted(np.sort(accepted), lines) / len(accepted)
    passed = 1 - np.searchsorted(np.sort(rejected), lines) / len(rejected)
    error = missed + passed
    best = lines[error <= error.min() + 1e-12]
    return float(best[len(best) // 2])


def hard_negatives(ranking: Ranking, rejected: np.ndarray) -> Stream:
    """Of the first HARD_DEPTH groups, those nearest to something rejected (rows), nearest first."""
    if len(rejected) == 0:
        return empty("Hard negatives need something rejected first.")
    ranking.deepen(HARD_DEPTH)
    items, similarities = ranking.given()
    items, similarities = items[:HARD_DEPTH], similarities[:HARD_DEPTH]
    resident = ranking.resident
    vectors = resident.vectors_of(resident.row_of_each(items))
    nearness = (vectors @ resident.vectors_of(_thinned(rejected)).T).max(axis=1)
    nearest = np.argsort(-nearness, kind="stable")[:NUM_HARD]
    return Stream(items[nearest], similarities[nearest])


def unexplored(ranking: Ranking, decided: np.ndarray) -> Stream:
    """Heads of clusters far from everything decided (rows) and from the query: farthest first.

    Of a sample of what may be shown, each next head is the one whose nearest neighbor among the decided and
    the earlier heads is farthest (Gonzalez 1985); the most solitary of the sample do not take part.
    """
    resident, query = ranking.resident, ranking.query
    rows = _sampled(ranking, resident)
    if len(rows) == 0:
        return empty("There is nothing left to explore.")
    vectors = resident.vectors_of(rows)
    to_query = vectors @ query
    among = vectors @ vectors.T
    if len(rows) > 2 * NUM_DENSITY:
        np.fill_diagonal(among, -1.0)
        density = np.partition(among, -NUM_DENSITY, axis=1)[:, -NUM_DENSITY:].mean(axis=1)
        np.fill_diagonal(among, 1.0)
        is_alone = density < np.quantile(density, ALONE)
    else:
        is_alone = np.zeros(len(rows), bool)
    nearest = to_query.copy()
    if len(decided):
        nearest = np.maximum(nearest, (vectors @ resident.vectors_of(_thinned(decided)).T).max(axis=1))
    nearest[is_alone] = np.inf
    heads = []
    for _ in range(min(NUM_EXPLORED, int(np.count_nonzero(~is_alone)))):
        head = int(nearest.argmin())
        heads.append(head)
        nearest = np.maximum(nearest, among[head])
        nearest[head] = np.inf
    return Stream(resident.item_ids[rows[heads]], to_query[heads])


def _sampled(ranking: Ranking, resident: Resident) -> np.ndarray:
    """Some rows that may be shown, one of each group, ascending; the same for the same corpus."""
    chosen = ranking.selection
    if chosen.num_rows <= NUM_SAMPLED or chosen.only is not None:
        rows = np.concatenate(
            [
                np.flatnonzero(chosen.mask(start, stop)) + start
                for start, stop in zip(resident.starts, resident.starts[1:], strict=False)
            ]
        )
        rows = rows[rows < resident.num_whole]
        rows = rows[:: max(1, len(rows) // NUM_SAMPLED)]
    else:
        share = chosen.num_rows / len(resident.item_ids)
        number = int(2 * NUM_SAMPLED / share)
        rows = np.unique(np.random.default_rng(SAMPLE_SEED).integers(0, resident.num_whole, number))
        rows = rows[chosen.allows(rows)]
        rows = rows[:: max(1, len(rows) // NUM_SAMPLED)]
    return rows[resident.groups(fold=ranking.fold).first_of_each(rows)]


def _thinned(rows: np.ndarray) -> np.ndarray:
    if len(rows) <= MOST_DECIDED:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_DECIDED).astype(np.int64)]
