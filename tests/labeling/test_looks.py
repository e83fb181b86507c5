"""Blind looks: second votes, gold checks, checks of derived answers; what they change and what not."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from indexing.models import MediaPath, Source
from labeling.models import BlindLook, GoldAnswer, Verdict
from labeling.services import looks
from labeling.services.derivation import error_of_all, errors_by_source, forget_sources_off, sources_off
from labeling.services.due_looks import take_looks
from labeling.services.projection import projection_differences
from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record, state_of

pytestmark = pytest.mark.django_db


def second_looks(cat):
    """From now on every decided tile is looked at twice."""
    cat.second_share = 1.0
    cat.save()


def served(cat, by, *, num_tiles=40):
    return [look.item for look in take_looks(cat, by=by, num_tiles=num_tiles)]


def due_now(kind="derived"):
    BlindLook.objects.filter(kind=kind).update(due_at=timezone.now())


@pytest.fixture
def always(monkeypatch):
    """Every derived answer is drawn."""
    monkeypatch.setattr(looks, "SHARE", 1.0)


def test_a_second_look_goes_to_somebody_else_and_once(corpus, ann, mia, vera, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    assert served(cat, ann) == []
    assert served(cat, mia) == [item.pk]
    assert served(cat, mia) == [item.pk]  # not answered yet: once more
    assert served(cat, vera) == []


def test_a_vote_that_agrees_is_kept_and_changes_nothing(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    served(cat, mia)
    (result,) = record(corpus, mia, operation(item, cat, "accept", base_version=0))
    assert (result.outcome, result.answer, result.version, result.by) == ("applied", "accept", 1, "mia")
    state = state_of(item, cat)
    assert (state.answer, state.version, state.verdict.annotator, state.is_disputed) == (
        "accept",
        2,
        ann,
        False,
    )
    vote = Verdict.objects.get(annotator=mia)
    assert (vote.mode, vote.is_blind, vote.member_ids) == ("second", True, [])
    assert projection_differences(corpus) == []


def test_a_vote_that_differs_disputes_and_the_first_answer_still_counts(corpus, ann, mia, cat):
    second_looks(cat)
    first, *others = items_of(corpus, 3, in_stack=True)
    record(corpus, ann, operation(first, cat, stack=first.stack_id))
    served(cat, mia)
    record(corpus, mia, operation(first, cat, "reject", stack=first.stack_id))
    state = state_of(first, cat)
    assert (state.answer, state.is_disputed) == ("accept", True)
    assert {state_of(item, cat).version for item in others} == {1}
    assert projection_differences(corpus) == []


def test_a_changed_mind_is_a_vote_too_and_the_last_one_counts(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    served(cat, mia)
    (first,) = record(corpus, mia, operation(item, cat, "reject"))
    (second,) = record(corpus, mia, operation(item, cat, "accept", base_version=first.version))
    assert (second.outcome, second.version) == ("applied", 2)
    assert not state_of(item, cat).is_disputed
    assert set(Verdict.objects.filter(annotator=mia).values_list("is_blind", flat=True)) == {True}


def test_the_same_vote_again_is_a_duplicate_that_tells_nothing_new(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    served(cat, mia)
    vote = operation(item, cat, "reject")
    (first,) = record(corpus, mia, vote)
    (again,) = record(corpus, mia, vote)
    assert (again.outcome, again.answer, again.version) == ("duplicate", first.answer, first.version)


def test_a_vote_is_undone_and_redone_without_a_word_of_what_counts(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    served(cat, mia)
    batch = uuid4()
    record(corpus, mia, operation(item, cat, "reject", batch=batch))
    undone = undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=mia, is_manager=True)
    assert [(each.answer, each.version) for each in undone.undone] == [("", 0)]
    assert not state_of(item, cat).is_disputed
    redone = undo_batch(corpus=corpus, batch=undone.batch, operation_id=uuid4(), by=mia, is_manager=True)
    assert [each.answer for each in redone.undone] == ["reject"]
    assert (state_of(item, cat).answer, state_of(item, cat).is_disputed) == ("accept", True)
    assert projection_differences(corpus) == []


def test_the_first_answer_can_be_undone_after_a_blind_vote(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, ann, operation(item, cat, batch=batch))
    served(cat, mia)
    record(corpus, mia, operation(item, cat, "accept"))
    undone = undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=ann, is_manager=False)
    assert (undone.kept, state_of(item, cat).answer) == (0, "")
    assert projection_differences(corpus) == []


def test_where_nothing_counts_any_more_the_vote_is_an_answer(corpus, ann, mia, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    batch = uuid4()
    record(corpus, ann, operation(item, cat, batch=batch))
    served(cat, mia)
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=ann, is_manager=False)
    (result,) = record(corpus, mia, operation(item, cat, "reject"))
    assert (result.outcome, state_of(item, cat).answer) == ("applied", "reject")
    assert projection_differences(corpus) == []


def test_an_answer_in_review_settles_a_dispute_until_it_is_undone(corpus, ann, mia, vera, cat):
    second_looks(cat)
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    served(cat, mia)
    record(corpus, mia, operation(item, cat, "reject"))
    batch = uuid4()
    settled = operation(item, cat, "reject", base_version=2, mode="review", reason=" a toy ", batch=batch)
    record(corpus, vera, settled)
    state = state_of(item, cat)
    assert (state.answer, state.is_disputed, state.verdict.is_settling) == ("reject", False, True)
    assert state.verdict.reason == "a toy"
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=vera, is_manager=False)
    assert (state_of(item, cat).answer, state_of(item, cat).is_disputed) == ("accept", True)
    assert projection_differences(corpus) == []


def test_a_client_cannot_say_that_it_was_blind(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, mode="gold"))
    assert (Verdict.objects.get().mode, Verdict.objects.get().is_blind) == ("", False)


def test_a_gold_check_is_served_blind_and_disputes_nothing(corpus, ann, mia, cat):
    cat.gold_share = 0.5
    cat.save()
    (item,) = items_of(corpus, 1)
    record(corpus, mia, operation(item, cat))
    GoldAnswer.objects.create(corpus=corpus, label_class=cat, item=item, answer="accept", created_by=mia)
    assert served(cat, mia) == []  # who said it is not asked
    assert served(cat, ann) == [item.pk]
    (result,) = record(corpus, ann, operation(item, cat, "reject"))
    assert result.outcome == "applied"
    assert Verdict.objects.get(annotator=ann).mode == "gold"
    assert not state_of(item, cat).is_disputed
    assert served(cat, ann) == []
    assert projection_differences(corpus) == []


def test_a_look_that_is_served_again_after_a_day_is_blind_still(corpus, ann, mia, cat):
    cat.gold_share = 0.5
    cat.save()
    (item,) = items_of(corpus, 1)
    record(corpus, mia, operation(item, cat))
    GoldAnswer.objects.create(corpus=corpus, label_class=cat, item=item, answer="accept", created_by=mia)
    assert served(cat, ann) == [item.pk]
    BlindLook.objects.update(served_at=timezone.now() - timedelta(hours=30))
    assert served(cat, ann) == [item.pk]
    (result,) = record(corpus, ann, operation(item, cat, "reject"))
    assert result.outcome == "applied"
    assert Verdict.objects.get(annotator=ann).mode == "gold"


def test_what_is_no_longer_gold_is_not_served(corpus, ann, mia, cat):
    cat.gold_share = 0.5
    cat.save()
    (item,) = items_of(corpus, 1)
    record(corpus, mia, operation(item, cat))
    for answer in ("accept", ""):
        GoldAnswer.objects.create(corpus=corpus, label_class=cat, item=item, answer=answer, created_by=mia)
    assert served(cat, ann) == []


def test_two_in_a_hundred_derived_answers_are_drawn(corpus, ann, cat):
    with connection.cursor() as cursor:  # they are drawn by the hash of their ids: the same in every run
        cursor.execute("SELECT setval(pg_get_serial_sequence('indexing_item', 'id'), 1000000)")
    first, *_ = items_of(corpus, 2000, in_stack=True)
    made = operation(first, cat, stack=first.stack_id, operation_id=UUID(int=5))
    record(corpus, ann, made)
    drawn = BlindLook.objects.filter(kind="derived").count()
    assert 20 <= drawn <= 60  # of 1 999: mean 40, three standard deviations


def test_a_derived_answer_is_checked_alone_and_only_after_a_while(corpus, ann, cat, always):
    first, second = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(first, cat, stack=first.stack_id))
    assert served(cat, ann) == []
    due_now()
    (look,) = take_looks(cat, by=ann, num_tiles=40)
    assert (look.item, look.count, look.is_blind) == (second.pk, 1, True)
    (result,) = record(corpus, ann, operation(second, cat, "accept", stack=second.stack_id))
    assert result.outcome == "applied"
    state = state_of(second, cat)
    assert (state.answer, state.is_derived, state.verdict.mode) == ("accept", False, "derived")
    (error,) = errors_by_source(corpus)
    assert (error.checked, error.wrong) == (1, 0)


def test_a_member_that_was_answered_openly_is_not_checked(corpus, ann, cat, always):
    first, second = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(first, cat, stack=first.stack_id))
    due_now()
    record(corpus, ann, operation(second, cat, "reject", base_version=1))
    assert served(cat, ann) == []


def told_of_stacks(corpus, user):
    client = APIClient()
    client.force_authenticate(user)
    return client.get(f"/api/v1/corpora/{corpus.pk}/stack-errors/").json()


def from_folder(corpus, mia, items, name):
    source = Source.objects.create(corpus=corpus, kind="folder", path=f"/srv/{name}", created_by=mia)
    for item in items:
        MediaPath.objects.create(
            source=source, relative_path=str(item.pk), size_bytes=1, mtime_ns=1, media_file=item.media_file
        )
    return source


def test_a_source_with_too_many_wrong_checks_is_answered_frame_by_frame(corpus, ann, mia, cat, always):
    good, bad = (items_of(corpus, 5, in_stack=True) for _ in range(2))
    from_folder(corpus, mia, good, "good")
    source = from_folder(corpus, mia, bad, "bad")
    later = items_of(corpus, 3, in_stack=True)
    for item in later:
        MediaPath.objects.create(
            source=source, relative_path=str(item.pk), size_bytes=1, mtime_ns=1, media_file=item.media_file
        )
    batch = uuid4()
    for first in (good[0], bad[0]):
        record(corpus, ann, operation(first, cat, stack=first.stack_id))
    due_now()
    assert len(served(cat, ann, num_tiles=200)) == 8
    for item in (*good[1:], *bad[1:3]):
        record(corpus, ann, operation(item, cat, "accept"))
    assert sources_off(corpus) == {}
    record(corpus, ann, *(operation(item, cat, "reject", batch=batch) for item in bad[3:]))
    errors = {error.name: (error.checked, error.wrong, error.is_off) for error in errors_by_source(corpus)}
    assert errors == {"good": (4, 0, False), "bad": (4, 2, True)}
    assert (error_of_all(errors_by_source(corpus)).checked, sources_off(corpus)) == (8, {source.pk: "bad"})
    told = told_of_stacks(corpus, ann)
    assert (told["share_checked"], told["all"]["wrong"]["num"], told["all"]["wrong"]["hits"]) == (0.02, 8, 2)
    assert {each["name"]: each["is_off"] for each in told["sources"]} == {"good": False, "bad": True}
    record(corpus, ann, operation(later[0], cat, stack=later[0].stack_id))
    assert Verdict.objects.latest("id").member_ids == []
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=ann, is_manager=False)
    forget_sources_off(corpus)
    assert sources_off(corpus) == {}
    assert projection_differences(corpus) == []
