"""Pages of one ranking, while people answer and the corpus is replaced by a newer one."""

import numpy as np
import pytest

from indexing.compute.answers import Answers, Change, bytes_of_states
from indexing.compute.builds import open_build, write_build
from indexing.compute.engine import Ranking
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, select
from indexing.compute.vectors import exact_index
from tests.indexing.made import clustered

NUM, WIDTH = 2000, 32
SHOWN = bytes_of_states(("untouched", "weak"))


@pytest.fixture(scope="module")
def xb():
    """Every vector four times: whole pages of ties."""
    return np.repeat(clustered(NUM // 4, WIDTH, num_clusters=20), 4, axis=0)


@pytest.fixture(scope="module")
def build(xb, tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    write_build(
        folder,
        [(np.arange(NUM) + 1, xb)],
        encoder="e@1",
        weights_sha256="",
        shard_ids=[1],
        factories=lambda num, width: [f"PQ{width // 2}x4fs"],
    )
    return open_build(folder)


def items_of(ids, *, per_stack=1):
    stacks = np.zeros(len(ids), np.int64) if per_stack == 1 else 9000 + ids // per_stack
    return Items(ids, ids, stacks, np.zeros(len(ids)), np.zeros(len(ids), bool))


def shown(resident, answers, filters=None):
    said = answers.said_of(1, resident)
    return select(resident, filters or Filters(), fold=True, said=said, bytes_shown=SHOWN)


@pytest.fixture(params=[1, 3], ids=["alone", "stacks of 3"])
def resident(request, build):
    return Resident(
        (Part.of_build(build),), items_of(np.arange(NUM) + 1, per_stack=request.param), "e@1", WIDTH
    )


def groups_of(resident, items):
    return set(resident.by_stack.codes[resident.row_of_each(np.array(sorted(items)))].tolist())


@pytest.mark.parametrize("is_exact", [True, False])
def test_two_people_page_past_each_others_answers(resident, xb, is_exact):
    """Each of them sees every group once, or it was decided before its page came."""
    answers, decided = Answers(), set()
    rankings = [
        Ranking(resident, xb[8], shown(resident, answers), is_exact=is_exact),
        Ranking(resident, xb[8], shown(resident, answers), is_exact=is_exact),
    ]
    seen = [[], []]
    for offset in range(0, NUM + 100, 100):
        for ranking, items in zip(rankings, seen, strict=True):
            hits = ranking.page(offset, 100, resident=resident, still=shown(resident, answers))
            items += [hit.item for hit in hits]
            for hit in hits[::3]:
                answers.apply([Change(hit.item, 1, "reject")])
                decided.add(hit.item)
    for items in seen:
        codes = resident.by_stack.codes[resident.row_of_each(np.array(items))].tolist()
        assert len(codes) == len(set(codes))
        assert set(codes) | groups_of(resident, decided) == set(range(resident.by_stack.num_groups))


def test_answers_between_pages_leave_places_empty_and_move_none(resident, xb):
    answers = Answers()
    whole = Ranking(resident, xb[8], shown(resident, answers), is_exact=True).page(0, 60)
    ranking = Ranking(resident, xb[8], shown(resident, answers), is_exact=True)
    assert ranking.page(0, 20) == whole[:20]
    group = resident.by_stack.codes[resident.row_of_each(np.array([whole[25].item]))]
    members = resident.item_ids[np.isin(resident.by_stack.codes, group)].tolist()
    answers.apply([Change(item, 1, "accept") for item in members])
    answers.apply([Change(whole[3].item, 1, "accept")])
    later = ranking.page(20, 20, resident=resident, still=shown(resident, answers))
    assert [hit.item for hit in later] == [hit.item for hit in whole[20:40] if hit.item != whole[25].item]


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_ranking_goes_on_over_a_newer_corpus(resident, xb, is_exact):
    """What was given keeps its place, what is gone leaves its empty, what is new comes behind."""
    answers = Answers()
    answers.apply([Change(7, 1, "reject")])
    ranking = Ranking(resident, xb[8], shown(resident, answers), is_exact=is_exact)
    before = [hit.item for hit in ranking.page(0, 100)]
    gone = {before[10], before[60]} | set(range(1500, 1520))
    new_ids = np.arange(NUM, NUM + 50) + 1
    added = Part(new_ids, exact_index(np.repeat(xb[8:9], 50, axis=0)))
    ids = np.setdiff1d(np.arange(NUM + 50) + 1, list(gone))
    newer = Resident((*resident.parts, added), items_of(ids), "e@1", WIDTH)
    answers.apply([Change(7, 1, "")])  # taken back: it stays out of this ranking
    pages = []
    for offset in range(0, NUM + 100, 100):
        hits = ranking.page(offset, 100, resident=newer, still=shown(newer, answers))
        pages.append([hit.item for hit in hits])
    assert pages[0] == [item for item in before if item not in gone]
    seen = [item for page in pages for item in page]
    assert len(seen) == len(set(seen))
    given_groups = groups_of(resident, before)
    folded = {item for item in ids.tolist() if item <= NUM and groups_of(resident, [item]) <= given_groups}
    assert set(seen) >= set(ids.tolist()) - {7} - folded
    assert set(new_ids.tolist()) <= set(seen)


def test_an_older_corpus_asked_for_by_a_late_page_loses_nothing(resident, xb):
    """Two pages of one ranking may be asked for while the corpus is replaced, in either order."""
    answers = Answers()
    newer = Resident(
        (*resident.parts, Part(np.array([NUM + 1]), exact_index(xb[8:9]))),
        items_of(np.arange(NUM + 1) + 1),
        "e@1",
        WIDTH,
    )
    ranking = Ranking(resident, xb[8], shown(resident, answers), is_exact=True)
    first = [hit.item for hit in ranking.page(0, 50)]
    second = [hit.item for hit in ranking.page(50, NUM, resident=newer, still=shown(newer, answers))]
    assert NUM + 1 in second
    again = ranking.page(0, NUM + 50, resident=resident, still=shown(resident, answers))
    assert [hit.item for hit in again] == [item for item in first + second if item != NUM + 1]
    once_more = ranking.page(0, NUM + 50, resident=newer, still=shown(newer, answers))
    assert [hit.item for hit in once_more] == first + second


def test_counts_are_of_what_may_still_be_shown(build, xb):
    resident = Resident((Part.of_build(build),), items_of(np.arange(NUM) + 1, per_stack=3), "e@1", WIDTH)
    answers = Answers()
    ranking = Ranking(resident, xb[8], shown(resident, answers), is_exact=True)
    (hit,) = ranking.page(0, 1)
    assert hit.count == 3
    mates = resident.item_ids[resident.stacks == hit.stack]
    answers.apply([Change(int(mates[mates != hit.item][0]), 1, "reject")])
    (hit,) = ranking.page(0, 1, resident=resident, still=shown(resident, answers))
    assert hit.count == 2


@pytest.mark.parametrize("is_exact", [True, False])
def test_places_asked_for_one_by_one_hold_what_the_pages_hold(resident, xb, is_exact):
    answers = Answers()
    whole = Ranking(resident, xb[8], shown(resident, answers), is_exact=is_exact)
    pages = [whole.page(offset, 100, resident=resident) for offset in range(0, NUM, 100)]
    items = [hit.item for page in pages for hit in page]
    places = np.random.default_rng(5).permutation(NUM + 50)[:300]
    other = Ranking(resident, xb[8], shown(resident, answers), is_exact=True)
    for ranking in [whole, other] if is_exact else [whole]:
        hits, there = ranking.at(places, resident=resident)
        assert there.tolist() == [place for place in places.tolist() if place < len(items)]
        assert [hit.item for hit in hits] == [items[place] for place in there.tolist()]
    gone = items[int(there[0])]
    answers.apply([Change(gone, 1, "reject")])
    hits, kept = whole.at(there, resident=resident, still=shown(resident, answers))
    assert gone not in {hit.item for hit in hits}
    assert set(kept.tolist()) < set(there.tolist())
