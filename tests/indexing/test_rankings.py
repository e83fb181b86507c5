"""What the search service keeps for further pages, and what it lets go."""

import gc
import weakref

import numpy as np
import pytest

from indexing.compute.engine import Ranking
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, select
from indexing.compute.vectors import exact_index
from indexing.search_service import rankings
from indexing.search_service.rankings import Kept, Rankings
from tests.indexing.made import clustered

WIDTH = 16


def a_resident(num=50, encoder="e@1"):
    ids = np.arange(num) + 1
    items = Items(ids, ids, np.zeros(num, np.int64), np.zeros(num), np.zeros(num, bool))
    return Resident((Part(ids, exact_index(clustered(num, WIDTH))),), items, encoder, WIDTH)


def a_ranking(resident, filters=None):
    filters = filters or Filters()
    selection = select(resident, filters, fold=True)
    return Ranking(resident, np.ones(WIDTH, np.float32), selection, filters=filters)


@pytest.fixture
def resident():
    return a_resident()


@pytest.fixture
def kept():
    return Rankings()


def test_a_round_finds_its_own_ranking_of_its_own_question(kept, resident):
    first, second = (Kept(1, a_ranking(resident), None) for _ in range(2))
    kept.keep(1, b"cars", first), kept.keep(2, b"cars", second)
    assert kept.of(1, b"cars") is first
    assert kept.of(2, b"cars") is second
    assert kept.of(1, b"trucks") is None
    assert kept.of(3, b"cars") is None
    assert kept.of(None, b"cars") is None


def test_the_ranking_that_was_paged_longest_ago_goes_first(kept, resident, monkeypatch):
    monkeypatch.setattr(rankings, "KEPT_RANKINGS", 2)
    for number in (1, 2):
        kept.keep(number, b"", Kept(1, a_ranking(resident), None))
    kept.of(1, b"")
    kept.keep(3, b"", Kept(1, a_ranking(resident), None))
    assert [kept.of(number, b"") is not None for number in (1, 2, 3)] == [True, False, True]


def test_what_is_large_is_bounded_in_bytes(kept, resident, monkeypatch):
    monkeypatch.setattr(rankings, "KEPT_AT_LEAST", 2)
    monkeypatch.setattr(rankings, "KEPT_BYTES", 3 * a_ranking(resident, Filters(start_seconds=0.0)).num_bytes)
    for number in range(10):
        kept.keep(number, b"", Kept(1, a_ranking(resident, Filters(start_seconds=0.0)), None))
    kept.keep_up({1: resident})
    assert [number for number in range(10) if kept.of(number, b"")] == [7, 8, 9]


def test_what_cannot_go_on_is_let_go_and_old_vectors_with_it(kept):
    old = a_resident()
    gone = weakref.ref(old)
    for number, corpus in enumerate((1, 2, 3)):
        kept.keep(number, b"", Kept(corpus, a_ranking(old), None))
    del old
    kept.keep_up({1: a_resident(60), 2: a_resident(60, encoder="other@1")})  # corpus 3 was deleted
    assert [kept.of(number, b"") is not None for number in range(3)] == [True, False, False]
    gc.collect()
    assert gone() is None


def test_a_ranking_nobody_pages_is_forgotten(kept, resident, monkeypatch):
    kept.keep(1, b"", Kept(1, a_ranking(resident), None))
    kept.keep_up({1: resident})
    assert kept.of(1, b"") is not None
    monkeypatch.setattr(rankings, "KEPT_SECONDS", -1.0)
    kept.keep_up({1: resident})
    assert kept.of(1, b"") is None
