"""Re-ranked rankings against a plain sort: the first rows by the reranker, all others as they were."""

import numpy as np
import pytest

from indexing.compute import reranked
from indexing.compute.engine import Ranking
from indexing.compute.regions import SCALE_PRIOR
from indexing.compute.reranked import RerankedRanking
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, prepare, select
from indexing.compute.vectors import exact_index
from tests.indexing.made import clustered

NUM, WIDTH, FIRST, SEEN = 1500, 32, 300, 60


class Odd:
    """Ranks by the third number of a vector."""

    num_bytes = 1000

    def similarities(self, vectors):
        return vectors[:, 2].copy()


class Seeing:
    """Orders what it sees by the fourth number of a vector."""

    num_bytes = 500

    def order(self, found):
        return np.argsort(-found[:, 3], kind="stable")


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(reranked, "SHORTLIST", FIRST)
    monkeypatch.setattr(reranked, "NEIGHBORHOOD", SEEN)


@pytest.fixture(scope="module")
def xb():
    return clustered(NUM, WIDTH, num_clusters=30).astype(np.float16).astype(np.float32)


def resident_of(xb, *, per_stack=1):
    ids = np.arange(len(xb)) + 100
    stacks = np.zeros(len(xb), np.int64) if per_stack == 1 else 9000 + np.arange(len(xb)) // per_stack
    items = Items(ids, ids, stacks, np.zeros(len(xb)), np.zeros(len(xb), bool))
    parts = (Part(ids[:900], exact_index(xb[:900])), Part(ids[900:], exact_index(xb[900:])))
    return prepare(Resident(parts, items, "e@1", WIDTH))


def ranking_of(resident, query, *, fold=True, shown=None, **more):
    filters = Filters() if shown is None else shown
    selection = select(resident, filters, fold=fold)
    again = {"reranker": Odd(), "neighborhood": None} | more
    return RerankedRanking(resident, query, selection, filters=filters, fold=fold, is_exact=True, **again)


def expected_rows(xb, query):
    near = np.argsort(-(xb @ query), kind="stable")
    first, rest = np.sort(near[:FIRST]), near[FIRST:]
    return np.concatenate([first[np.argsort(-xb[first, 2], kind="stable")], rest])


def test_the_first_rows_are_in_the_order_of_the_reranker_and_the_others_behind_them(xb):
    ranking = ranking_of(resident_of(xb), xb[7])
    pages = [ranking.page(offset, 100) for offset in range(0, NUM, 100)]
    hits = [hit for page in pages for hit in page]
    assert [hit.item - 100 for hit in hits] == expected_rows(xb, xb[7]).tolist()
    similarities = np.array([hit.similarity for hit in hits])
    assert (np.diff(similarities) <= 0).all()
    first = expected_rows(xb, xb[7])[:FIRST]
    np.testing.assert_allclose(similarities[:FIRST], xb[first, 2])


@pytest.mark.parametrize("at_once", [NUM, 40])
def test_a_stack_has_the_place_of_its_best_row(xb, at_once):
    ranking = ranking_of(resident_of(xb, per_stack=4), xb[7])
    hits = [hit for offset in range(0, NUM // 4, at_once) for hit in ranking.page(offset, at_once)]
    expected, seen = [], set()
    for row in expected_rows(xb, xb[7]).tolist():
        if row // 4 not in seen:
            seen.add(row // 4)
            expected.append(row + 100)
    assert [hit.item for hit in hits] == expected
    assert {hit.count for hit in hits} == {4}


def test_a_newer_resident_keeps_the_places_given_and_misses_nothing(xb):
    before, after = resident_of(xb[:1200]), resident_of(xb)
    ranking = ranking_of(before, xb[7])
    given = [hit.item for hit in ranking.page(0, 50)]
    ranking.move_to(after)
    assert [hit.item for hit in ranking.page(0, 50)] == given
    everything = [hit.item for hit in ranking.page(0, NUM)]
    assert sorted(everything) == (np.arange(NUM) + 100).tolist()
    similarities = [hit.similarity for hit in ranking.page(0, NUM)]
    assert (np.diff(similarities) <= 0).all()


def test_similarities_stay_within_those_of_unit_vectors_and_the_order_is_kept(xb):
    ranking = ranking_of(resident_of(xb), xb[7])
    ranking.reranker = type("Steep", (Odd,), {"similarities": lambda self, x: 20 * x[:, 2]})()
    hits = ranking.page(0, FIRST)
    assert [hit.item - 100 for hit in hits] == expected_rows(xb, xb[7])[:FIRST].tolist()
    assert (hits[0].similarity, hits[-1].similarity) == (1.0, -1.0)


def test_few_or_no_rows_are_ranked_too(xb):
    resident = resident_of(xb)
    some = Filters(media_files=frozenset(range(100, 110)))
    hits = ranking_of(resident, xb[7], shown=some).page(0, 50)
    assert [hit.item - 100 for hit in hits] == np.argsort(-xb[:10, 2], kind="stable").tolist()
    empty = resident_of(xb[:0])
    assert ranking_of(empty, xb[7]).page(0, 50) == []


def test_a_tile_counts_less_than_a_whole_frame(xb):
    ids = np.arange(200) + 100
    items = Items(ids, ids, np.zeros(200, np.int64), np.zeros(200), np.zeros(200, bool))
    whole = Part(ids, exact_index(xb[:200]))
    tiles = Part(np.repeat(ids, 2), exact_index(xb[200:600]), slots=np.tile([1, 2], 200).astype(np.int16))
    resident = prepare(Resident((whole, tiles), items, "e@1", WIDTH))
    ranking = ranking_of(resident, xb[7])
    values = np.concatenate([xb[:200, 2], xb[200:600, 2] - np.float32(SCALE_PRIOR)])
    reached = np.argsort(
        -np.concatenate([xb[:200] @ xb[7], xb[200:600] @ xb[7] - SCALE_PRIOR]), kind="stable"
    )
    item_of = np.concatenate([ids, np.repeat(ids, 2)])
    first = reached[:FIRST]
    best = {}
    for row in first[np.argsort(-values[first], kind="stable")].tolist():
        best.setdefault(int(item_of[row]), float(values[row]))
    hits = ranking.page(0, len(best))
    assert {hit.item: hit.similarity for hit in hits} == pytest.approx(best)


def test_what_it_holds_is_counted(xb):
    resident = resident_of(xb)
    selection = select(resident, Filters(), fold=True)
    plain = Ranking(resident, xb[7], selection, is_exact=True)
    ranking = ranking_of(resident, xb[7], neighborhood=Seeing())
    assert ranking.num_bytes == plain.num_bytes + 1500
    ranking.page(0, 10)
    plain.page(0, NUM)
    assert ranking.num_bytes < plain.num_bytes  # what was large is let go


@pytest.mark.parametrize("per_stack", [1, 4])
@pytest.mark.parametrize("place", [0, 5, 120, FIRST - 1, FIRST + 40, 1200])
def test_a_limit_cuts_the_order_where_it_is_shown(xb, place, per_stack):
    """What is above a line is what stands above it, among the first or behind them."""
    resident = resident_of(xb, per_stack=per_stack)
    shown = ranking_of(resident, xb[7]).page(0, NUM)
    limit = shown[min(place, len(shown) - 1)].similarity
    ranking = ranking_of(resident, xb[7], min_similarity=limit)
    assert ranking.page(0, NUM) == [hit for hit in shown if hit.similarity >= limit]
    assert ranking.total == len(ranking.page(0, NUM))


@pytest.mark.parametrize("how", [{}, {"reranker": None}])
def test_the_first_of_them_change_places_as_their_neighborhood_says(xb, how):
    resident = resident_of(xb)
    before = ranking_of(resident, xb[7], **how).page(0, NUM)
    after = ranking_of(resident, xb[7], neighborhood=Seeing(), **how).page(0, NUM)
    seen = [hit.item for hit in before[:SEEN]]
    assert [hit.item for hit in after[:SEEN]] == sorted(seen, key=lambda item: -xb[item - 100, 3])
    assert after[SEEN:] == before[SEEN:]
    assert [hit.similarity for hit in after] == [hit.similarity for hit in before]


@pytest.mark.parametrize("place", [3, SEEN - 1, SEEN + 5])
@pytest.mark.parametrize("per_stack", [1, 4])
def test_stacks_change_places_as_one_and_a_limit_still_cuts_where_it_is_shown(xb, per_stack, place):
    resident = resident_of(xb, per_stack=per_stack)
    before = ranking_of(resident, xb[7]).page(0, NUM)
    shown = ranking_of(resident, xb[7], neighborhood=Seeing()).page(0, NUM)
    seen = [hit.item for hit in before[:SEEN]]
    assert [hit.item for hit in shown[:SEEN]] == sorted(seen, key=lambda item: -xb[item - 100, 3])
    assert sorted(hit.stack or hit.item for hit in shown) == sorted(hit.stack or hit.item for hit in before)
    similarities = np.array([hit.similarity for hit in shown])
    assert (np.diff(similarities) <= 0).all()
    limit = shown[place].similarity
    cut = ranking_of(resident, xb[7], neighborhood=Seeing(), min_similarity=limit)
    assert cut.page(0, NUM) == [hit for hit in shown if hit.similarity >= limit]


def test_a_neighborhood_that_knows_nothing_better_moves_nothing(xb):
    resident = resident_of(xb)
    unsure = type("Unsure", (Seeing,), {"order": lambda self, found: None})()
    before = ranking_of(resident, xb[7]).page(0, 100)
    assert ranking_of(resident, xb[7], neighborhood=unsure).page(0, 100) == before
    assert ranking_of(resident_of(xb[:0]), xb[7], neighborhood=Seeing()).page(0, 9) == []
    alone = Filters(media_files=frozenset([107]))
    assert len(ranking_of(resident, xb[7], shown=alone, neighborhood=Seeing()).page(0, 9)) == 1
