"""Mixed queues: every group once, shares as asked for, limits within a window, what each preset promises."""

from collections import Counter

import numpy as np
import pytest

from indexing.compute.engine import Ranking
from indexing.compute.listing import Listing
from indexing.compute.mixture import Limits, Mixture
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import NO_FILTERS, Filters, prepare, select
from indexing.compute.streams import (
    HARD_DEPTH,
    boundary,
    decision_line,
    hard_negatives,
    unexplored,
)
from indexing.compute.vectors import exact_index
from tests.indexing.made import clustered

NUM, WIDTH = 1200, 32


def resident_of(vectors, *, per_stack=1, per_file=50):
    ids = np.arange(len(vectors)) + 100
    stacks = np.zeros(len(ids), np.int64) if per_stack == 1 else 9000 + np.arange(len(ids)) // per_stack
    items = Items(
        ids, 1 + np.arange(len(ids)) // per_file, stacks, np.zeros(len(ids)), np.zeros(len(ids), bool)
    )
    return prepare(Resident((Part(ids, exact_index(vectors)),), items, "e@1", WIDTH))


@pytest.fixture(scope="module")
def xb():
    return clustered(NUM, WIDTH, num_clusters=30)


@pytest.fixture(params=[1, 4], ids=["alone", "stacks of 4"])
def resident(request, xb):
    return resident_of(xb, per_stack=request.param)


def ranking_of(resident, query, **options):
    chosen = select(resident, NO_FILTERS, fold=options.get("fold", True))
    return Ranking(resident, query, chosen, is_exact=True, **options)


def mixture_of(resident, query, shares, *, limits=Limits(), fold=True, decided=((), ())):  # noqa: B008
    ranking = ranking_of(resident, query, fold=fold)
    accepted, rejected = (np.array(rows, np.int64) for rows in decided)
    made = {
        "boundary": lambda: boundary(ranking, accepted, rejected),
        "explore": lambda: unexplored(ranking, np.concatenate([accepted, rejected])),
        "hard": lambda: hard_negatives(ranking, rejected),
    }
    streams = {preset: made[preset]() for preset in shares if preset != "harvest"}
    return Mixture(
        resident,
        query,
        ranking.selection,
        fold=fold,
        base=ranking,
        streams=streams,
        shares=shares,
        limits=limits,
    )


DECIDED = ((0, 30, 60), (1, 31, 61))
MIX = {"harvest": 0.5, "boundary": 0.2, "explore": 0.2, "hard": 0.1}


def test_pages_hold_every_group_once_and_do_not_depend_on_their_size(resident, xb):
    whole = mixture_of(resident, xb[0], MIX, decided=DECIDED).page(0, NUM)
    paged = mixture_of(resident, xb[0], MIX, decided=DECIDED)
    pages = [hit for start in range(0, NUM, 70) for hit in paged.page(start, 70)]
    assert pages == whole
    groups = [hit.stack or -hit.item for hit in whole]
    assert len(groups) == len(set(groups)) == resident.by_stack.num_groups == paged.total


def test_the_shares_hold_from_the_first_tiles_on(resident, xb):
    mixed = mixture_of(resident, xb[0], MIX, decided=DECIDED)
    hits = mixed.page(0, 100)
    for number in (10, 40, 100):
        shares = Counter(mixed.preset_of(hit.item) for hit in hits[:number])
        for preset, share in MIX.items():
            assert abs(shares[preset] - share * number) <= 2


def test_the_same_again_is_the_same_queue(resident, xb):
    first, second = (mixture_of(resident, xb[0], MIX, decided=DECIDED).page(0, 300) for _ in range(2))
    assert first == second


def test_the_harvest_is_in_the_order_of_the_ranking(resident, xb):
    mixed = mixture_of(resident, xb[0], MIX, decided=DECIDED)
    harvested = [hit.item for hit in mixed.page(0, 200) if mixed.preset_of(hit.item) == "harvest"]
    order = {hit.item: place for place, hit in enumerate(ranking_of(resident, xb[0]).page(0, NUM))}
    places = [order[item] for item in harvested]
    assert places == sorted(places)


def test_no_media_file_has_more_than_its_limit_in_a_page_while_others_wait(xb):
    resident = resident_of(xb, per_file=100)
    mixed = mixture_of(resident, xb[0], {"harvest": 1.0}, limits=Limits(per_file=5))
    hits = mixed.page(0, NUM)
    files = [int(resident.media_files[hit.item - 100]) for hit in hits]
    assert max(Counter(files[:60]).values()) == 5
    assert len({hit.item for hit in hits}) == NUM
    assert Counter(files[:60]) == Counter(dict.fromkeys(range(1, 13), 5))


def test_a_limit_takes_nothing_away_where_there_is_one_media_file_only(xb):
    resident = resident_of(xb, per_file=NUM)
    mixed = mixture_of(resident, xb[0], {"harvest": 1.0}, limits=Limits(per_file=3))
    assert sorted(hit.item for hit in mixed.page(0, NUM)) == list(range(100, 100 + NUM))


def test_a_stack_that_is_not_folded_has_its_limit(xb):
    resident = resident_of(xb, per_stack=12)
    mixed = mixture_of(resident, xb[0], {"harvest": 1.0}, limits=Limits(per_stack=2), fold=False)
    hits = mixed.page(0, 150)
    assert max(Counter(hit.stack for hit in hits).values()) == 2


def test_a_preset_that_runs_out_leaves_its_share_to_the_others(xb):
    resident = resident_of(xb[:40])
    mixed = mixture_of(resident, xb[0], {"harvest": 0.1, "explore": 0.9}, decided=((0,), (1,)))
    assert len(mixed.page(0, 40)) == 40


def test_what_is_new_comes_behind_what_was_given(xb):
    mixed = mixture_of(resident_of(xb[:600]), xb[0], MIX, decided=DECIDED, limits=Limits(per_file=9))
    before = mixed.page(0, 150)
    mixed.move_to(resident_of(xb))
    assert mixed.page(0, 150) == before
    everything = mixed.page(0, NUM)
    assert len({hit.item for hit in everything}) == len(everything) == NUM


def test_the_boundary_is_nearest_to_the_line_of_the_whole_corpus(xb):
    resident, query = resident_of(xb), xb[0]
    accepted, rejected = np.array([0, 30, 60]), np.array([1, 2, 90])
    found = boundary(ranking_of(resident, query), accepted, rejected)
    similarities = xb.astype(np.float16).astype(np.float32) @ query
    line = decision_line(similarities[accepted], similarities[rejected])
    wanted = np.sort(np.abs(similarities - line))[: len(found.items)]
    assert np.abs(np.abs(found.similarities - line) - wanted).max() < 2e-3


def test_the_line_parts_accepted_from_rejected_with_the_least_balanced_error():
    assert decision_line(np.array([0.9, 0.8]), np.array([0.2, 0.1])) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    accepted, rejected = rng.normal(0.6, 0.2, 30), rng.normal(0.2, 0.2, 50)
    line = decision_line(accepted, rejected)
    error = (accepted < line).mean() + (rejected >= line).mean()
    every = [(accepted < t).mean() + (rejected >= t).mean() for t in np.linspace(-1, 2, 5000)]
    assert error <= min(every) + 1e-9


def test_hard_negatives_rank_high_and_are_near_something_rejected(xb):
    resident, query = resident_of(xb), xb[0]
    rejected = np.array([5, 35])
    found = hard_negatives(ranking_of(resident, query), rejected)
    rows = found.items - 100
    top = np.argsort(-(xb @ query))[:HARD_DEPTH]
    assert set(rows.tolist()) <= set(top.tolist())
    nearness = (xb[rows] @ xb[rejected].T).max(axis=1)
    assert (np.diff(nearness) <= 2e-3).all()


def test_exploring_goes_to_clusters_that_nobody_has_decided_in(xb):
    resident = resident_of(xb)
    decided = np.flatnonzero(np.arange(NUM) % 30 < 15)  # half of the thirty clusters
    found = unexplored(ranking_of(resident, xb[0]), decided)
    clusters = (found.items - 100) % 30
    assert set(clusters[:15].tolist()) == set(range(15, 30))


@pytest.mark.parametrize(
    ("decided", "preset", "sentence"),
    [
        (((), (1,)), "boundary", "something accepted and something rejected"),
        (((0,), ()), "hard", "something rejected first"),
    ],
)
def test_a_preset_without_answers_to_go_by_says_so(xb, decided, preset, sentence):
    mixed = mixture_of(resident_of(xb), xb[0], {"harvest": 0.5, preset: 0.5}, decided=decided)
    stream = mixed.streams[preset]
    assert len(stream.items) == 0
    assert sentence in stream.note
    assert len(mixed.page(0, 50)) == 50


def test_a_corpus_as_it_lies_is_in_order_and_whole(resident, xb):
    filters = Filters(media_files=frozenset({2, 3}))
    listing = Listing(resident, xb[0] * 0, select(resident, filters, fold=True), filters=filters)
    hits = listing.page(0, 30) + listing.page(30, NUM)
    items = [hit.item for hit in hits]
    assert items == sorted(items)
    assert (
        len(items) == listing.total == len({resident.by_stack.codes[item - 100] for item in range(150, 250)})
    )
    assert {int(resident.media_files[item - 100]) for item in items} <= {2, 3}
