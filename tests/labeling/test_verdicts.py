"""What becomes of an operation: applied, duplicate, conflict or rejected."""

import io
import threading
import time
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from labeling.models import CurrentVerdict, Verdict
from labeling.services.ledger_reader import LedgerReader
from labeling.services.projection import projection_differences, rebuild_projection
from labeling.services.verdicts import record_verdicts
from tests.labeling.conftest import items_of, operation


def record(corpus, annotator, *operations):
    return record_verdicts(corpus=corpus, annotator=annotator, operations=operations)


def state_of(item, label_class):
    return CurrentVerdict.objects.get(item=item, label_class=label_class)


def test_an_answer_is_appended_and_counts(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    (result,) = record(corpus, ann, operation(item, cat))
    assert (result.outcome, result.answer, result.version, result.by) == ("applied", "accept", 1, "ann")
    state = state_of(item, cat)
    assert (state.answer, state.version, state.verdict.annotator) == ("accept", 1, ann)


def test_the_same_operation_again_gives_what_it_did_the_first_time(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    first = operation(item, cat)
    record(corpus, ann, first)
    record(corpus, ann, operation(item, cat, "reject", base_version=1))
    (again,) = record(corpus, ann, first)
    assert (again.outcome, again.answer, again.version) == ("duplicate", "accept", 1)
    assert Verdict.objects.count() == 2


def test_an_operation_twice_in_one_request_is_recorded_once(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    first = operation(item, cat)
    outcomes = [result.outcome for result in record(corpus, ann, first, first)]
    assert outcomes == ["applied", "duplicate"]


def test_a_version_that_moved_on_is_a_conflict_that_says_who_said_what(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, "accept"))
    (result,) = record(corpus, mia, operation(item, cat, "reject"))
    assert (result.outcome, result.answer, result.version, result.by) == ("conflict", "accept", 1, "ann")
    assert result.at is not None
    assert Verdict.objects.count() == 1


def test_force_records_over_a_conflict_and_marks_it_disputed(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, "accept"))
    (result,) = record(corpus, mia, operation(item, cat, "reject", force=True))
    assert (result.outcome, result.version) == ("applied", 2)
    assert state_of(item, cat).is_disputed
    assert Verdict.objects.get(version=2).is_forced
    record(corpus, ann, operation(item, cat, "reject", base_version=2))
    assert not state_of(item, cat).is_disputed


def test_one_bad_operation_does_not_stop_the_others(corpus, ann, cat, dog):
    item, other = items_of(corpus, 2)
    dog.corpus_id = corpus.pk
    foreign = operation(other, cat, round=2**40)
    missing = operation(item, cat)
    missing = type(missing)(**{f: getattr(missing, f) for f in missing.__struct_fields__} | {"item": 2**50})
    results = record(corpus, ann, missing, foreign, operation(item, cat))
    assert [(result.outcome, result.reason) for result in results] == [
        ("rejected", "unknown-item"),
        ("rejected", "unknown-round"),
        ("applied", ""),
    ]


def test_a_retired_class_takes_no_answers(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    cat.retired_at = cat.created_at
    cat.save()
    (result,) = record(corpus, ann, operation(item, cat))
    assert (result.outcome, result.reason) == ("rejected", "retired-class")


def test_an_operation_id_of_another_corpus_is_rejected(corpus, ann, mia, cat):
    from labeling.models import LabelClass
    from sisyphus_web.accounts.models import Corpus

    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    bird = LabelClass.objects.create(corpus=elsewhere, name="bird", created_by=mia)
    used = uuid4()
    record(elsewhere, ann, operation(items_of(elsewhere, 1)[0], bird, operation_id=used))
    (result,) = record(corpus, ann, operation(items_of(corpus, 1)[0], cat, operation_id=used))
    assert (result.outcome, result.reason) == ("rejected", "operation-used-elsewhere")


def test_an_answer_to_a_stack_is_one_event_with_derived_members(corpus, ann, cat):
    first, *others = items_of(corpus, 4, in_stack=True)
    record(corpus, ann, operation(first, cat, stack=first.stack_id))
    event = Verdict.objects.get()
    assert event.member_ids == [item.pk for item in others]
    states = {state.item_id: state for state in CurrentVerdict.objects.all()}
    assert {state.answer for state in states.values()} == {"accept"}
    assert {state.version for state in states.values()} == {1}
    assert {state.verdict_id for state in states.values()} == {event.pk}
    assert [states[item.pk].is_derived for item in (first, *others)] == [False, True, True, True]


def test_a_member_with_its_own_answer_is_an_exception(corpus, ann, cat):
    first, second, third = items_of(corpus, 3, in_stack=True)
    record(corpus, ann, operation(second, cat, "reject"))
    record(corpus, ann, operation(first, cat, "accept", stack=first.stack_id))
    assert state_of(second, cat).answer == "reject"
    assert state_of(second, cat).version == 1
    assert state_of(third, cat).is_derived


def test_derived_members_follow_a_second_answer_to_the_stack(corpus, ann, cat):
    first, second = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(first, cat, "accept", stack=first.stack_id))
    record(corpus, ann, operation(first, cat, "reject", base_version=1, stack=first.stack_id))
    assert (state_of(second, cat).answer, state_of(second, cat).version) == ("reject", 2)


def test_a_member_answered_before_ones_own_stack_answer_was_seen_is_no_conflict(corpus, ann, mia, cat):
    first, second, third = items_of(corpus, 3, in_stack=True)
    record(corpus, ann, operation(first, cat, "accept", stack=first.stack_id))
    (own,) = record(corpus, ann, operation(second, cat, "reject"))
    (others,) = record(corpus, mia, operation(third, cat, "reject"))
    assert (own.outcome, others.outcome) == ("applied", "conflict")


def test_an_item_that_left_its_stack_is_answered_alone(corpus, ann, cat):
    first, second = items_of(corpus, 2, in_stack=True)
    shown = first.stack_id
    first.stack = None
    first.save()
    record(corpus, ann, operation(first, cat, stack=shown))
    assert Verdict.objects.get().member_ids == []
    assert not CurrentVerdict.objects.filter(item=second).exists()


@pytest.mark.parametrize("write", [lambda rows: rows.update(answer="reject"), lambda rows: rows.delete()])
def test_the_ledger_cannot_be_edited_or_shortened(corpus, ann, cat, write):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    CurrentVerdict.objects.update(verdict=None)
    with pytest.raises(ProgrammingError, match="Cannot update or delete rows"), transaction.atomic():
        write(Verdict.objects.all())


def test_a_batch_takes_a_constant_number_of_statements(corpus, ann, cat, django_assert_num_queries):
    items = items_of(corpus, 50)
    with django_assert_num_queries(8):  # 2 of them the savepoint
        record(corpus, ann, *(operation(item, cat) for item in items))


def test_a_broken_projection_is_found_and_rebuilt(corpus, ann, cat):
    items = items_of(corpus, 3)
    record(corpus, ann, *(operation(item, cat) for item in items))
    CurrentVerdict.objects.filter(item=items[0]).update(answer="reject")
    CurrentVerdict.objects.filter(item=items[1]).delete()
    assert [difference.item for difference in projection_differences(corpus)] == [items[0].pk, items[1].pk]
    assert rebuild_projection(corpus) == 2
    assert projection_differences(corpus) == []


def test_the_reader_of_the_ledger_sees_a_rebuilt_projection(corpus, ann, cat):
    items = items_of(corpus, 3)
    record(corpus, ann, *(operation(item, cat) for item in items[:2]))
    CurrentVerdict.objects.filter(item=items[0]).update(answer="reject")
    CurrentVerdict.objects.create(corpus=corpus, item=items[2], label_class=cat, answer="accept", version=1)
    reader = LedgerReader(corpus.pk)
    reader.news()
    assert reader.news().changes is None
    call_command("audit", rebuild=True, stdout=io.StringIO())
    changes = {item: answer for item, _, answer, _ in reader.news().changes}
    assert changes == {items[0].pk: "accept", items[1].pk: "accept", items[2].pk: ""}
    assert reader.news().changes is None


@pytest.mark.django_db(transaction=True)
def test_an_operation_id_that_races_with_itself_on_another_item_is_recorded_once(corpus, ann, cat):
    """The second request waits for the first one's commit amid its own; it is a duplicate all the same."""
    first, second = items_of(corpus, 2)
    same = uuid4()
    found: list[str] = []

    def late() -> None:
        try:
            results = record(corpus, ann, operation(second, cat, operation_id=same))
            found.extend(each.outcome for each in results)
        finally:
            connection.close()

    thread = threading.Thread(target=late)
    with transaction.atomic():
        record(corpus, ann, operation(first, cat, operation_id=same))
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with connection.cursor() as cursor:
            for _ in range(2400):
                cursor.execute(waiting)
                if cursor.fetchone()[0]:
                    break
                time.sleep(0.05)
    thread.join(180)
    assert found == ["duplicate"]
    assert Verdict.objects.get().item == first
