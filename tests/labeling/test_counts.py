"""Running counts of a class: what a full recount would say, at a cost that does not grow with the class."""

from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from labeling.models import CountChange, CurrentVerdict
from labeling.services import counts
from labeling.services.counts import count_states, mark_of, put_together, wrong_counts
from labeling.services.projection import rebuild_projection
from labeling.services.undo import undo_batch
from labeling.services.verdicts import record_verdicts
from sisyphus_web import audit
from tests.labeling.conftest import items_of, operation

pytestmark = pytest.mark.django_db


def say(corpus, by, label_class, items, answer, **fields):
    return record_verdicts(
        corpus=corpus,
        annotator=by,
        operations=[operation(each, label_class, answer, **fields) for each in items],
    )


def numbers(label_class):
    found = count_states(label_class)
    return found.accepted, found.rejected, found.unsure, found.disputed


def test_a_stack_counts_by_its_members_and_an_undo_takes_them_back(corpus, ann, cat, dog):
    stack, alone = items_of(corpus, 4, in_stack=True), items_of(corpus, 2)
    batch = uuid4()
    say(corpus, ann, cat, stack[:1], "accept", stack=stack[0].stack_id, batch=batch)
    say(corpus, ann, cat, alone, "reject")
    assert numbers(cat) == (4, 2, 0, 0)
    assert numbers(dog) == (0, 0, 0, 0)
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=ann, is_manager=False)
    assert numbers(cat) == (0, 2, 0, 0)
    assert wrong_counts(corpus) == []


def test_deleted_items_are_in_no_number_and_restored_ones_again(corpus, ann, cat):
    items = items_of(corpus, 3)
    say(corpus, ann, cat, items, "accept")
    type(items[0]).objects.filter(pk=items[0].pk).update(deleted_at=timezone.now())
    assert numbers(cat) == (2, 0, 0, 0)
    type(items[0]).objects.filter(pk=items[0].pk).update(deleted_at=None)
    assert numbers(cat) == (3, 0, 0, 0)


def test_changes_are_put_together_without_changing_a_number(corpus, ann, cat):
    for item in items_of(corpus, 12):
        say(corpus, ann, cat, [item], "unsure")
    assert CountChange.objects.filter(label_class=cat).count() == 12
    assert put_together() == 0
    assert put_together(most_changes=5) == 1
    assert CountChange.objects.filter(label_class=cat).count() == 1
    assert numbers(cat) == (0, 0, 12, 0)


def test_a_mark_is_another_one_after_every_change_and_the_same_without(corpus, ann, cat, dog):
    (item,) = items_of(corpus, 1)
    marks = [mark_of(cat)]
    for version, answer in enumerate(["accept", "reject", "accept"]):
        say(corpus, ann, cat, [item], answer, base_version=version)
        marks.append(mark_of(cat))
    put_together(most_changes=1)
    marks.append(mark_of(cat))
    assert len(set(marks)) == len(marks)
    say(corpus, ann, dog, [item], "accept")
    assert mark_of(cat) == marks[-1]


def test_counting_reads_no_decided_row_of_the_class(corpus, ann, cat):
    """The plan: sums of changes and what was deleted, whatever the class holds."""
    say(corpus, ann, cat, items_of(corpus, 3), "accept")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # three rows are read faster than an index
        cursor.execute("EXPLAIN " + counts.COUNTS, {"label_class": cat.pk, "corpus": corpus.pk})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "current_verdict_is_one_per_item" in plan  # one deleted item after the other
    assert "current_verdict_by_answer" not in plan


def test_the_audit_names_wrong_sums_and_rebuilding_corrects_them(corpus, ann, cat):
    say(corpus, ann, cat, items_of(corpus, 2), "accept")
    CountChange.objects.create(label_class=cat, accepted=5, rejected=-1, unsure=0, disputed=0)
    assert wrong_counts(corpus) == [cat.pk]
    assert any("running counts" in problem for problem in audit.ledger_problems())
    rebuild_projection(corpus)
    assert wrong_counts(corpus) == []
    assert numbers(cat) == (2, 0, 0, 0)
    CurrentVerdict.objects.filter(label_class=cat).delete()  # by hand, past every service
    assert numbers(cat) == (0, 0, 0, 0)
    rebuild_projection(corpus)
    assert numbers(cat) == (2, 0, 0, 0)
