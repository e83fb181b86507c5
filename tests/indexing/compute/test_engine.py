"""Every ranking is compared with a plain sort over all vectors."""

import numpy as np
import pytest

from indexing.compute.answers import Answers, Change, Weak, bytes_of_states
from indexing.compute.builds import open_build, write_build
from indexing.compute.engine import Ranking
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, prepare, select
from indexing.compute.vectors import exact_index
from tests.indexing.made import clustered

NUM, WIDTH = 4000, 64
CODES_FROM_1 = lambda num, width: [f"PQ{width // 2}x4fs"]  # noqa: E731 - a build by codes, however small
SHOWN = bytes_of_states(("untouched", "weak"))


def items_of(num, *, per_stack=1):
    ids = np.arange(num) + 100
    stacks = np.zeros(num, np.int64) if per_stack == 1 else 9000 + np.arange(num) // per_stack
    return Items(ids, 1 + np.arange(num) // 50, stacks, np.arange(num) % 50 * 1.0, np.arange(num) % 2 == 0)


@pytest.fixture(scope="module")
def xb():
    return clustered(NUM, WIDTH, num_clusters=40)


@pytest.fixture(scope="module")
def build(xb, tmp_path_factory):
    """Of the first three quarters, by codes."""
    folder = tmp_path_factory.mktemp("build")
    ids = np.arange(NUM) + 100
    write_build(
        folder,
        [(ids[:3000], xb[:3000])],
        encoder="e@1",
        weights_sha256="",
        shard_ids=[1],
        factories=CODES_FROM_1,
    )
    return open_build(folder)


@pytest.fixture(scope="module", params=["build and delta", "delta"])
def parts(request, xb, build):
    ids = np.arange(NUM) + 100
    if request.param == "delta":
        return (Part(ids[:2500], exact_index(xb[:2500])), Part(ids[2500:], exact_index(xb[2500:])))
    return (Part.of_build(build), Part(ids[3000:], exact_index(xb[3000:])))


@pytest.fixture(params=[1, 4], ids=["alone", "stacks of 4"])
def resident(request, parts):
    return prepare(Resident(parts, items_of(NUM, per_stack=request.param), "e@1", WIDTH))


def plain(resident, xb, query, mask, *, fold=True):
    """(item, count) of every group, nearest first, by sorting everything."""
    similarities = xb.astype(np.float16).astype(np.float32) @ query
    order = np.argsort(-similarities, kind="stable")
    best, counts = {}, {}
    for row in order[mask[order]].tolist():
        stack = int(resident.stacks[row])
        key = stack if fold and stack else -row - 1
        best.setdefault(key, int(resident.item_ids[row]))
        counts[key] = counts.get(key, 0) + 1
    return [(item, counts[key]) for key, item in best.items()]


def pairs(hits):
    return [(hit.item, hit.count) for hit in hits]


def recall(hits, true):
    return len(set(pairs(hits)) & set(true)) / len(true)


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_ranking_is_that_of_a_plain_sort(resident, xb, is_exact):
    for row in (0, 1999, 3999):
        ranking = Ranking(resident, xb[row], select(resident, Filters(), fold=True), is_exact=is_exact)
        hits = ranking.page(0, 100)
        true = plain(resident, xb, xb[row], np.ones(NUM, bool))
        assert recall(hits, true[:100]) >= (1 if is_exact else 0.97)
        assert hits[0].item == 100 + row
        assert ranking.total == len(true)
        assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)


@pytest.mark.parametrize("is_exact", [True, False])
def test_pages_put_together_are_the_whole_ranking_once(resident, xb, is_exact):
    ranking = Ranking(resident, xb[7], select(resident, Filters(), fold=True), is_exact=is_exact)
    sizes = [10, 90, 150, 700, 5000]
    hits, offset = [], 0
    for k in sizes:
        hits += ranking.page(offset, k)
        offset += k
    assert len(hits) == ranking.total
    assert len({hit.item for hit in hits}) == len(hits)
    if is_exact:
        true = plain(resident, xb, xb[7], np.ones(NUM, bool))
        assert sorted(pairs(hits)) == sorted(true)
        half = dict(
            zip(resident.item_ids.tolist(), xb.astype(np.float16).astype(np.float32) @ xb[7], strict=True)
        )
        # Sums of products differ in their last digits, so places may be swapped where there is a tie.
        np.testing.assert_allclose(
            [half[item] for item, _ in pairs(hits)], [half[item] for item, _ in true], atol=1e-4
        )


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        (Filters(is_video=True), lambda r: r.is_video),
        (Filters(media_files=frozenset({3, 4, 70})), lambda r: np.isin(r.media_files, [3, 4, 70])),
        (Filters(start_seconds=10, stop_seconds=12), lambda r: (r.pts_seconds >= 10) & (r.pts_seconds < 12)),
        (Filters(is_video=False, start_seconds=40), lambda r: ~r.is_video & (r.pts_seconds >= 40)),
    ],
)
def test_filters_are_those_of_a_plain_mask(resident, xb, filters, holds):
    ranking = Ranking(resident, xb[50], select(resident, filters, fold=True))
    true = plain(resident, xb, xb[50], holds(resident))
    hits = ranking.page(0, 60)
    assert ranking.total == len(true)
    assert recall(hits, true[:60]) >= 0.97


def test_min_similarity_is_a_cut_through_the_whole_ranking(resident, xb):
    ranking = Ranking(resident, xb[5], select(resident, Filters(), fold=True), min_similarity=0.5)
    hits = ranking.page(0, 5000)
    everything = Ranking(resident, xb[5], select(resident, Filters(), fold=True), is_exact=True).page(0, 5000)
    assert [hit.item for hit in hits] == [hit.item for hit in everything if hit.similarity >= 0.5]
    assert ranking.total == len(hits)


def test_many_decided_neighbors_do_not_hide_the_others(resident, xb):
    """The two thousand nearest are decided: what is left is found all the same."""
    near = np.argsort(-(xb @ xb[8]))[:2000]
    answers = Answers()
    answers.apply(Change(int(row) + 100, 1, "reject") for row in near)
    answers.apply([Change(100 + int(near[0]), 1, "")])  # one of them was taken back
    selection = select(resident, Filters(), fold=True, said=answers.said_of(1, resident), bytes_shown=SHOWN)
    mask = np.ones(NUM, bool)
    mask[near[1:]] = False
    ranking = Ranking(resident, xb[8], selection)
    true = plain(resident, xb, xb[8], mask)
    assert ranking.total == len(true)
    assert recall(ranking.page(0, 50), true[:50]) >= 0.97


def test_states_select_by_what_was_said(resident, xb):
    answers = Answers()
    answers.apply([Change(100, 1, "accept"), Change(101, 1, "reject"), Change(102, 1, "unsure", True)])
    answers.set_weak([Weak(103, 1), Weak(100, 1)])
    by_state = {"accept": {100}, "reject": {101}, "unsure": {102}, "weak": {103}}
    for state, items in by_state.items():
        selection = select(
            resident,
            Filters(),
            fold=False,
            said=answers.said_of(1, resident),
            bytes_shown=bytes_of_states([state]),
        )
        assert {hit.item for hit in Ranking(resident, xb[0], selection, fold=False).page(0, 10)} == items
    answers.set_weak([])
    answers.apply([Change(100, 1, "")])
    assert answers.said_of(1, resident).rows.tolist() == [1, 2]
    assert len(answers.said_of(2, resident).rows) == 0


def test_answers_that_change_are_those_read_anew(parts):
    """What was changed bit by bit equals what a fresh reader would make of it."""
    resident = Resident(parts, items_of(NUM), "e@1", WIDTH)
    rng = np.random.default_rng(0)
    followed, said = Answers(), {}
    for _ in range(300):
        change = Change(
            int(rng.integers(90, 4200)), int(rng.integers(1, 3)), str(rng.choice(["", "accept", "reject"]))
        )
        followed.said_of(change.label_class, resident)
        followed.apply([change])
        said[change.item, change.label_class] = change
    fresh = Answers()
    fresh.apply(said.values())
    for label_class in (1, 2):
        kept, anew = followed.said_of(label_class, resident), fresh.said_of(label_class, resident)
        np.testing.assert_array_equal(kept.rows, anew.rows)
        np.testing.assert_array_equal(kept.bytes, anew.bytes)


def test_deleted_items_are_masked_though_the_build_holds_them(parts, xb):
    resident = prepare(Resident(parts, items_of(NUM).without(np.arange(100, 600)), "e@1", WIDTH))
    ranking = Ranking(resident, xb[3], select(resident, Filters(), fold=True))
    assert ranking.total == NUM - 500
    assert min(hit.item for hit in ranking.page(0, 4000)) == 600


def test_an_item_with_two_vectors_is_one_tile(xb):
    ids = np.array([1, 1, 2, 3])
    items = Items(
        np.array([1, 2, 3]), *(np.zeros(3, np.int64) for _ in range(2)), np.zeros(3), np.zeros(3, bool)
    )
    resident = Resident((Part(ids, exact_index(xb[[0, 40, 1, 2]])),), items, "e@1", WIDTH)
    hits = Ranking(resident, xb[40], select(resident, Filters(), fold=True)).page(0, 10)
    assert hits[0].item == 1
    assert sorted(hit.item for hit in hits) == [1, 2, 3]
    assert {hit.count for hit in hits} == {1}


def test_an_empty_corpus_has_an_empty_ranking():
    items = Items(*(np.zeros(0, np.int64) for _ in range(3)), np.zeros(0), np.zeros(0, bool))
    resident = Resident((), items, "e@1", WIDTH)
    ranking = Ranking(resident, np.ones(WIDTH, np.float32), select(resident, Filters(), fold=True))
    assert (ranking.page(0, 10), ranking.total) == ([], 0)


def test_an_unknown_state_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match="untouched, weak, accept"):
        bytes_of_states(["maybe"])
