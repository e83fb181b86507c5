"""Groups never cross splits, whatever is joined when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.compute.splits import SIDES, Media, plan_splits

SHARES = {"val_share": 0.2, "test_share": 0.2}


def media(pk, side="", *, is_exported=False, accepted=()):
    return Media(pk, f"{pk:064x}", side, is_exported, frozenset(accepted))


@given(
    st.lists(
        st.builds(
            lambda pk, side, is_exported: media(pk, side, is_exported=is_exported and bool(side)),
            st.integers(0, 40),
            st.sampled_from(["", *SIDES]),
            st.booleans(),
        ),
        unique_by=lambda each: each.id,
        max_size=30,
    ),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), max_size=40),
    st.integers(0, 5),
)
def test_joined_files_are_on_one_side_and_what_was_exported_never_moves(files, links, seed):
    plan = plan_splits(files, links, seed=seed, **SHARES)
    assert plan.sides.keys() | plan.left_out == {each.id for each in files}
    assert not plan.sides.keys() & plan.left_out
    for stack in {stack for stack, _ in links}:
        of_stack = {plan.sides[pk] for other, pk in links if other == stack and pk in plan.sides}
        assert len(of_stack) <= 1
    for each in files:
        if each.is_exported and each.id in plan.sides:
            assert plan.sides[each.id] == each.side


@given(st.permutations(list(range(12))), st.permutations([(0, 1), (0, 2), (1, 2), (1, 3), (2, 9)]))
def test_the_order_of_files_and_links_does_not_matter(order, links):
    files = [media(pk, accepted=[7]) for pk in order]
    expected = plan_splits([media(pk, accepted=[7]) for pk in range(12)], sorted(links), seed=3, **SHARES)
    assert plan_splits(files, links, seed=3, **SHARES) == expected


def test_a_side_is_kept_whatever_the_seed_and_the_shares():
    files = [media(pk) for pk in range(200)]
    first = plan_splits(files, [], seed=1, **SHARES)
    again = [media(pk, first.sides[pk]) for pk in range(200)]
    second = plan_splits(again, [], seed=2, val_share=0.5, test_share=0.1)
    assert second.sides == first.sides


def test_shares_are_about_met():
    plan = plan_splits([media(pk) for pk in range(5000)], [], seed=0, val_share=0.1, test_share=0.2)
    sides = list(plan.sides.values())
    assert sides.count("val") == pytest.approx(500, abs=80)
    assert sides.count("test") == pytest.approx(1000, abs=100)


def test_a_file_joined_to_an_old_group_goes_to_its_side():
    for side in SIDES:
        plan = plan_splits([media(1, side), media(2)], [(9, 1), (9, 2)], seed=0, **SHARES)
        assert plan.sides == {1: side, 2: side}


def test_of_two_joined_groups_the_smaller_goes_with_the_larger():
    files = [media(1, "test"), media(2, "train"), media(3, "train")]
    plan = plan_splits(files, [(9, 1), (9, 2), (9, 3)], seed=0, **SHARES)
    assert set(plan.sides.values()) == {"train"}


def test_what_was_exported_stays_even_if_it_is_smaller():
    files = [media(1, "test", is_exported=True), media(2, "train"), media(3, "train")]
    plan = plan_splits(files, [(9, 1), (9, 2), (9, 3)], seed=0, **SHARES)
    assert set(plan.sides.values()) == {"test"}


def test_where_both_were_exported_the_smaller_is_left_out():
    files = [
        media(1, "test", is_exported=True),
        media(2, "train", is_exported=True),
        media(3, "train", is_exported=True),
        media(4),
    ]
    plan = plan_splits(files, [(9, pk) for pk in (1, 2, 3, 4)], seed=0, **SHARES)
    assert plan.left_out == {1}
    assert plan.sides == {2: "train", 3: "train", 4: "train"}


def test_each_side_gets_an_example_of_a_class_where_there_are_enough():
    for seed in range(40):
        plan = plan_splits([media(pk, accepted=[1]) for pk in range(3)], [], seed=seed, **SHARES)
        assert set(plan.sides.values()) == set(SIDES)
        alone = plan_splits([media(0, accepted=[1]), media(1, accepted=[1])], [], seed=seed, **SHARES)
        assert "train" in alone.sides.values()


def test_no_old_group_is_moved_to_give_a_side_an_example():
    plan = plan_splits([media(pk, "train", accepted=[1]) for pk in range(9)], [], seed=0, **SHARES)
    assert set(plan.sides.values()) == {"train"}


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.6, 0.4), (1.0, 0.0)])
def test_shares_that_leave_nothing_for_train_are_refused(shares):
    with pytest.raises(ValueError, match="leave some for train"):
        plan_splits([], [], val_share=shares[0], test_share=shares[1], seed=0)
