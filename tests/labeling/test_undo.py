"""Undo is one more event: whole batches, only what still counts, only one's own."""

from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied

from labeling.models import LabelClass, Verdict
from labeling.services.projection import projection_differences
from labeling.services.undo import undo_batch
from sisyphus_web.accounts import services
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record, state_of


def undo(corpus, by, batch, *, operation_id=None, is_manager=False):
    return undo_batch(
        corpus=corpus, batch=batch, operation_id=operation_id or uuid4(), by=by, is_manager=is_manager
    )


def test_undo_brings_back_what_counted_before(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, ann, operation(item, cat, "unsure"))
    record(corpus, ann, operation(item, cat, "accept", base_version=1, batch=batch))
    undone = undo(corpus, ann, batch)
    assert [(each.item, each.answer, each.version) for each in undone.undone] == [(item.pk, "unsure", 3)]
    assert Verdict.objects.count() == 3


def test_undo_of_the_undo_is_redo(corpus, ann, cat):
    items = items_of(corpus, 3, in_stack=True)
    batch = uuid4()
    record(corpus, ann, operation(items[0], cat, stack=items[0].stack_id, batch=batch))
    first = undo(corpus, ann, batch)
    assert {state_of(item, cat).answer for item in items} == {""}
    second = undo(corpus, ann, first.batch)
    assert {each.answer for each in second.undone} == {"accept"}
    assert [state_of(item, cat).is_derived for item in items] == [False, True, True]
    undo(corpus, ann, second.batch)
    assert {state_of(item, cat).answer for item in items} == {""}
    assert projection_differences(corpus) == []


def test_undo_sent_twice_is_done_once(corpus, ann, cat):
    items = items_of(corpus, 3)
    batch, operation_id = uuid4(), uuid4()
    record(corpus, ann, *(operation(item, cat, batch=batch) for item in items))
    first = undo(corpus, ann, batch, operation_id=operation_id)
    again = undo(corpus, ann, batch, operation_id=operation_id)
    assert first == again
    assert Verdict.objects.count() == 6


def test_an_operation_id_of_another_corpus_undoes_here_all_the_same(corpus, ann, mia, cat):
    elsewhere = services.create_corpus(name="elsewhere", created_by=ann)
    dog = LabelClass.objects.create(corpus=elsewhere, name="dog", created_by=ann)
    batch, operation_id = uuid4(), uuid4()
    for place, label_class in ((elsewhere, dog), (corpus, cat)):
        (item,) = items_of(place, 1)
        record(place, ann, operation(item, label_class, batch=batch))
        undone = undo(place, ann, batch, operation_id=operation_id)
        assert [each.item for each in undone.undone] == [item.pk]


def test_undo_keeps_what_was_answered_since_and_says_so(corpus, ann, mia, cat):
    items = items_of(corpus, 3)
    batch = uuid4()
    record(corpus, ann, *(operation(item, cat, batch=batch) for item in items))
    record(corpus, mia, operation(items[0], cat, "reject", base_version=1))
    undone = undo(corpus, ann, batch)
    assert undone.kept == 1
    assert [each.item for each in undone.undone] == [items[1].pk, items[2].pk]
    assert state_of(items[0], cat).answer == "reject"


def test_members_that_counted_differently_before_get_their_own_answer_back(corpus, ann, cat):
    first, second, third = items_of(corpus, 3, in_stack=True)
    stack = first.stack_id
    record(corpus, ann, operation(first, cat, "reject", stack=stack))
    third.stack = None
    third.save()
    record(corpus, ann, operation(third, cat, "unsure", base_version=1))
    third.stack_id = stack
    third.save()
    batch = uuid4()
    record(corpus, ann, operation(second, cat, "accept", base_version=1, stack=stack, batch=batch))
    undo(corpus, ann, batch)
    answers = [
        (state_of(item, cat).answer, state_of(item, cat).is_derived) for item in (first, second, third)
    ]
    assert answers == [("reject", False), ("reject", True), ("unsure", False)]
    assert projection_differences(corpus) == []


def test_two_answers_to_one_item_in_one_batch_are_undone_together(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(
        corpus,
        ann,
        operation(item, cat, "accept", batch=batch),
        operation(item, cat, "reject", base_version=1, batch=batch),
    )
    undone = undo(corpus, ann, batch)
    assert (undone.kept, state_of(item, cat).answer) == (0, "")
    undo(corpus, ann, undone.batch)
    assert state_of(item, cat).answer == "reject"
    assert projection_differences(corpus) == []


def test_nobody_elses_answer_between_two_of_a_batch_is_jumped_over(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, ann, operation(item, cat, "accept", batch=batch))
    record(corpus, mia, operation(item, cat, "unsure", base_version=1))
    record(corpus, ann, operation(item, cat, "reject", base_version=2, batch=batch))
    undo(corpus, ann, batch)
    assert state_of(item, cat).answer == "unsure"


def test_an_annotator_undoes_only_own_answers_a_manager_anyones(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, mia, operation(item, cat, batch=batch))
    with pytest.raises(PermissionDenied):
        undo(corpus, ann, batch)
    undo(corpus, ann, batch, is_manager=True)
    assert state_of(item, cat).answer == ""


def test_an_unknown_batch_is_not_found(corpus, ann):
    with pytest.raises(Verdict.DoesNotExist):
        undo(corpus, ann, uuid4())


def test_undoing_one_side_ends_a_dispute(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, ann, operation(item, cat, "accept"))
    record(corpus, mia, operation(item, cat, "reject", force=True, batch=batch))
    assert state_of(item, cat).is_disputed
    undone = undo(corpus, mia, batch)
    assert not state_of(item, cat).is_disputed
    undo(corpus, mia, undone.batch)
    assert state_of(item, cat).is_disputed
