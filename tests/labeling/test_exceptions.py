"""The stack as the unit: members as shown, exceptions that leave, undo that brings them back."""

from uuid import uuid4

import pytest

from indexing.models import Item, Stack
from labeling.models import Verdict
from labeling.services.datasets import create_version
from labeling.services.projection import projection_differences
from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record, state_of

pytestmark = pytest.mark.django_db


def undo(corpus, by, batch):
    return undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=by, is_manager=False)


def stacks_of(items):
    return [item.stack_id for item in Item.objects.filter(pk__in=[each.pk for each in items]).order_by("pk")]


def test_a_member_that_joined_after_the_tile_was_shown_is_not_answered(corpus, ann, cat):
    first, second, late = items_of(corpus, 3, in_stack=True)
    Stack.objects.update(revision=1)
    Item.objects.filter(pk=late.pk).update(stack_revision=1)
    record(corpus, ann, operation(first, cat, stack=first.stack_id, stack_revision=0))
    assert Verdict.objects.get().member_ids == [second.pk]
    record(
        corpus, ann, operation(first, cat, "reject", base_version=1, stack=first.stack_id, stack_revision=1)
    )
    assert Verdict.objects.latest("id").member_ids == [second.pk, late.pk]


def test_an_answer_against_the_derived_one_takes_the_member_out(corpus, ann, cat):
    items = items_of(corpus, 4, in_stack=True)
    shown = items[0].stack_id
    record(corpus, ann, operation(items[0], cat, stack=shown))
    record(corpus, ann, operation(items[2], cat, "reject"))
    first, second, exception, fourth = stacks_of(items)
    assert first == second == fourth == shown != exception
    assert Stack.objects.get(pk=exception).split_from_id == shown
    assert [state_of(item, cat).answer for item in items] == ["accept", "accept", "reject", "accept"]
    assert Verdict.objects.latest("id").left_stack == shown


def test_members_that_leave_by_one_key_stay_together_and_come_back_together(corpus, ann, cat):
    items = items_of(corpus, 6, in_stack=True)
    shown, batch = items[0].stack_id, uuid4()
    record(corpus, ann, operation(items[0], cat, stack=shown))
    record(corpus, ann, *(operation(each, cat, "reject", batch=batch) for each in items[3:5]))
    record(corpus, ann, operation(items[5], cat, "reject"))
    *stayed, fourth, fifth, sixth = stacks_of(items)
    assert stayed == [shown] * 3
    assert fourth == fifth != sixth
    assert {each.split_from_id for each in Stack.objects.filter(pk__in=[fourth, sixth])} == {shown}
    undone = undo(corpus, ann, batch)
    assert stacks_of(items) == [shown] * 5 + [sixth]
    undo(corpus, ann, undone.batch)
    assert stacks_of(items) == [shown] * 3 + [fourth, fourth, sixth]
    assert projection_differences(corpus) == []


def test_one_that_confirms_stays(corpus, ann, cat):
    first, second = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(first, cat, stack=first.stack_id))
    record(corpus, ann, operation(second, cat, "accept", base_version=1))
    assert stacks_of([first, second]) == [first.stack_id] * 2
    assert not state_of(second, cat).is_derived


def test_undo_brings_the_exception_back_and_redo_takes_it_out_again(corpus, ann, cat):
    items = items_of(corpus, 3, in_stack=True)
    shown = items[0].stack_id
    batch = uuid4()
    record(corpus, ann, operation(items[0], cat, stack=shown))
    record(corpus, ann, operation(items[1], cat, "reject", batch=batch))
    alone = stacks_of(items)[1]
    undone = undo(corpus, ann, batch)
    assert stacks_of(items) == [shown] * 3
    assert (state_of(items[1], cat).answer, state_of(items[1], cat).is_derived) == ("accept", True)
    redone = undo(corpus, ann, undone.batch)
    assert stacks_of(items) == [shown, alone, shown]
    assert state_of(items[1], cat).answer == "reject"
    undo(corpus, ann, redone.batch)
    assert stacks_of(items) == [shown] * 3
    assert projection_differences(corpus) == []


def test_a_stack_and_its_exception_are_one_group_for_splits(corpus, ann, cat):
    """Photos of one stack are near copies, also where one of them was answered otherwise."""
    for _ in range(12):
        first, exception = items_of(corpus, 2, in_stack=True)
        record(corpus, ann, operation(first, cat, stack=first.stack_id))
        record(corpus, ann, operation(exception, cat, "reject"))
    version = create_version(corpus=corpus, label_classes=[cat], val_share=0.3, test_share=0.3, by=ann)
    sides = {entry.item_id: entry.split for entry in version.entries.all()}
    for stack in Stack.objects.filter(split_from__isnull=False):
        items = Item.objects.filter(stack__in=[stack.pk, stack.split_from_id])
        assert len({sides[item.pk] for item in items}) == 1
    assert len(set(sides.values())) > 1
