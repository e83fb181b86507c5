"""What a ranking may show, kept as a short list of what it may not, equals a plain mask over all rows."""

import numpy as np
import pytest

from indexing.compute.answers import NOTHING_SAID, STATES, Answers, Change, Weak, bytes_of_states
from indexing.compute.newest import Newest
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, select
from indexing.compute.sorted_rows import ascending, inside, num_within, places_of
from indexing.compute.vectors import exact_index

NUM, WIDTH = 600, 8


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(params=["in order", "late and double"])
def resident(request):
    """In stacks of 3; or of which some were encoded late, and every tenth item has two vectors."""
    ids = 100 + np.arange(NUM)
    of_rows = ids
    if request.param == "late and double":
        of_rows = rng(1).permutation(np.concatenate([ids, ids[::10]]))
    vectors = rng(2).standard_normal((len(of_rows), WIDTH)).astype(np.float32)
    halves = np.array_split(np.arange(len(of_rows)), 2)
    parts = tuple(Part(of_rows[half], exact_index(vectors[half])) for half in halves)
    stacks = np.where(np.arange(NUM) % 5 == 0, 0, 9000 + np.arange(NUM) // 3)
    seconds = np.arange(NUM) % 50 * 1.0
    return Resident(
        parts, Items(ids, 1 + np.arange(NUM) // 20, stacks, seconds, np.arange(NUM) % 2 == 0), "e@1", WIDTH
    )


def some_answers(seed):
    answers, state = Answers(), {}
    random = rng(seed)
    for item in random.choice(NUM + 40, 150, replace=False) + 80:  # some are not of this corpus
        answer = str(random.choice(["accept", "reject", "unsure"]))
        answers.apply([Change(int(item), 1, answer)])
        state[int(item)] = answer
    weak = [int(item) for item in random.choice(NUM, 60, replace=False) + 100]
    answers.set_weak([Weak(item, 1) for item in weak])
    return answers, dict.fromkeys(weak, "weak") | state


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize(
    "states", [("untouched", "weak"), ("untouched",), ("accept",), ("reject", "weak"), STATES]
)
@pytest.mark.parametrize(
    "filters", [Filters(), Filters(is_video=True, start_seconds=10.0), Filters(media_files=frozenset({2, 9}))]
)
def test_a_selection_is_a_plain_mask(resident, states, filters, fold):
    answers, state = some_answers(3)
    gone = np.sort(rng(4).choice(len(resident.item_ids), 30, replace=False))
    chosen = select(
        resident,
        filters,
        fold=fold,
        said=answers.said_of(1, resident),
        bytes_shown=bytes_of_states(states),
        gone=gone,
    )
    mask = np.array([state.get(item, "untouched") in states for item in resident.item_ids.tolist()])
    mask &= filters.mask(resident)
    mask[gone] = False
    rows = np.arange(len(mask))
    np.testing.assert_array_equal(chosen.allows(rows), mask)
    groups = resident.groups(fold=fold)
    assert (chosen.num_rows, chosen.num_groups) == (mask.sum(), len(np.unique(groups.codes[mask])))
    for number, (start, stop) in enumerate(zip(resident.starts, resident.starts[1:], strict=False)):
        np.testing.assert_array_equal(chosen.mask(start, stop), mask[start:stop])
        assert chosen.num_rows_of(number, start, stop) == mask[start:stop].sum()


def test_the_same_question_gives_the_same_selection_until_somebody_answers(resident):
    answers, _ = some_answers(5)
    shown = bytes_of_states(("untouched", "weak"))

    def chosen():
        return select(resident, Filters(), fold=True, said=answers.said_of(1, resident), bytes_shown=shown)

    before = chosen()
    assert chosen() is before
    answers.apply([Change(100, 1, ""), Change(101, 1, "")])
    answers.apply([Change(102, 2, "accept")])  # of another class
    answers.apply([Change(101, 1, "accept")])
    after = chosen()
    assert after is not before
    assert not after.allows(resident.all_rows_of(np.array([101]))[0]).any()
    assert answers.said_of(7, resident) is NOTHING_SAID


def test_what_was_given_out_does_not_change_with_later_answers(resident):
    answers, _ = some_answers(6)
    said = answers.said_of(1, resident)
    rows, bytes_ = said.rows.copy(), said.bytes.copy()
    answers.apply([Change(item, 1, "reject") for item in range(100, 300)])
    assert len(answers.said_of(1, resident).rows) > len(rows)
    np.testing.assert_array_equal(said.rows, rows)
    np.testing.assert_array_equal(said.bytes, bytes_)


def test_all_rows_of_an_item_are_found(resident):
    asked = np.array([103, 50, 110, 100, 5000, 110])
    rows, of_item = resident.all_rows_of(asked)
    for place, item in enumerate(asked.tolist()):
        np.testing.assert_array_equal(
            np.sort(rows[of_item == place]), np.flatnonzero(resident.item_ids == item)
        )
    for item, row in zip(asked.tolist(), resident.row_of_each(asked).tolist(), strict=True):
        assert row == next(iter(np.flatnonzero(resident.item_ids == item)), -1)


def test_lists_of_rows_are_asked_by_bisection():
    among = np.array([3, 5, 9])
    at, is_there = places_of(np.array([7, 3, 9, 100]), among)
    assert is_there.tolist() == [False, True, True, False]
    assert at[is_there].tolist() == [0, 2]
    assert (num_within(among, 4, 9), inside(among, 4, 10).tolist()) == (1, [1, 5])
    assert ascending(np.array([5, 3, 5])).tolist() == [3, 5]


def test_a_store_of_the_newest_forgets_what_was_used_longest_ago():
    kept = Newest(2)
    kept.put("a", 1), kept.put("b", 2)
    assert kept.put("a", 9) == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
