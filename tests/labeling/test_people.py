"""Rates, agreement, gold and errors of derived answers, as managers see them over REST."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from labeling.models import BlindLook, GoldAnswer
from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_api import post
from tests.labeling.test_verdicts import record, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


@pytest.fixture
def people(client, corpus):
    def asked(**parameters):
        answer = client.get(f"/api/v1/corpora/{corpus.pk}/people/", parameters)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return asked


def look(corpus, cat, item, annotator, kind="second"):
    BlindLook.objects.create(
        corpus=corpus,
        label_class=cat,
        item=item,
        annotator=annotator,
        kind=kind,
        due_at=timezone.now(),
        served_at=timezone.now(),
    )


def vote(corpus, cat, item, annotator, answer, kind="second", **fields):
    look(corpus, cat, item, annotator, kind)
    record(corpus, annotator, operation(item, cat, answer, **fields))


def test_a_decision_is_counted_once_with_its_pace(corpus, ann, cat, people):
    begun = timezone.now() - timedelta(hours=1)
    items = [*items_of(corpus, 3), *items_of(corpus, 4, in_stack=True)[:1]]
    answers = ["accept", "reject", "unsure", "accept"]
    pauses = [0, 10, 30, 300]  # seconds; the last one was lunch
    for number, (item, answer) in enumerate(zip(items, answers, strict=True)):
        begun += timedelta(seconds=pauses[number])
        made = operation(item, cat, answer, client_time=begun, stack=item.stack_id, batch=(batch := uuid4()))
        record(corpus, ann, made)
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=ann, is_manager=False)
    (person,) = people()["people"]
    counts = [person[key] for key in ("decisions", "items", "accepted", "rejected", "unsure", "undone")]
    assert counts == [4, 7, 2, 1, 1, 1]
    assert person["active_minutes"] == pytest.approx(40 / 60)
    assert person["per_minute"] == pytest.approx(3)  # two in 40 s, the one after lunch in nobody knows what


def test_what_a_script_said_has_no_pace(corpus, ann, cat, people):
    begun = timezone.now() - timedelta(hours=1)
    for number, item in enumerate(items_of(corpus, 3)):
        record(corpus, ann, operation(item, cat, client_time=begun + timedelta(seconds=20 * number)))
    record(corpus, ann, *(operation(item, cat) for item in items_of(corpus, 50)))
    (person,) = people()["people"]
    assert person["decisions"] == 53
    assert person["active_minutes"] == pytest.approx(40 / 60)
    assert person["per_minute"] == pytest.approx(3)  # one every 20 s


def test_blind_votes_give_agreement_of_each_pair_and_person(corpus, ann, mia, cat, people):
    items = items_of(corpus, 40)
    for number, item in enumerate(items):
        record(corpus, ann, operation(item, cat, "accept" if number % 2 else "reject"))
        differs = number < 4
        vote(corpus, cat, item, mia, "reject" if (number % 2 == 0) != differs else "accept")
    found = people()
    (pair,) = found["pairs"]
    assert (pair["one"], pair["other"]) == ("ann", "mia")
    assert (pair["agreement"]["alike"]["hits"], pair["agreement"]["alike"]["num"]) == (36, 40)
    assert pair["agreement"]["kappa"] == pytest.approx(0.8)
    assert pair["agreement"]["kappa_low"] < 0.8 < pair["agreement"]["kappa_high"]
    of_ann = next(each for each in found["people"] if each["name"] == "ann")
    assert of_ann["agreement"]["alike"]["num"] == 40
    assert of_ann["confusion"] == [[18, 2, 0], [2, 18, 0], [0, 0, 0]]


def test_a_kappa_that_the_pairs_say_nothing_about_has_no_interval(corpus, ann, mia, cat, people):
    items = items_of(corpus, 5)
    for number, item in enumerate(items):
        record(corpus, ann, operation(item, cat, "reject" if number else "accept"))
        vote(corpus, cat, item, mia, "reject" if number else "accept")
    agreement = people()["agreement"]
    assert agreement["kappa"] == pytest.approx(1)
    assert (agreement["kappa_low"], agreement["kappa_high"]) == (None, None)
    assert agreement["alike"]["low"] < 0.5  # the exact interval of the share tells how little five pairs say


def test_a_vote_that_was_taken_back_counts_for_nothing(corpus, ann, mia, cat, people):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    batch = uuid4()
    vote(corpus, cat, item, mia, "reject", batch=batch)
    assert people()["agreement"]["alike"]["num"] == 1
    undone = undo_batch(corpus=corpus, batch=batch, operation_id=uuid4(), by=mia, is_manager=False)
    assert people()["agreement"]["alike"]["num"] == 0
    undo_batch(corpus=corpus, batch=undone.batch, operation_id=uuid4(), by=mia, is_manager=False)
    assert people()["agreement"]["alike"]["num"] == 1


def test_the_gold_score_has_an_exact_interval(corpus, ann, mia, cat, people, client):
    items = items_of(corpus, 10)
    body = {"class": cat.pk, "items": [item.pk for item in items], "answer": "accept"}
    path = f"/api/v1/corpora/{corpus.pk}/gold/"
    assert post(client, path, body).json() == {"accept": 10, "reject": 0, "unsure": 0}
    assert {state_of(item, cat).answer for item in items} == {"accept"}
    for number, item in enumerate(items):
        vote(corpus, cat, item, ann, "reject" if number == 0 else "accept", "gold")
    of_ann = next(each for each in people()["people"] if each["name"] == "ann")
    gold = of_ann["gold"]
    assert (gold["hits"], gold["num"]) == (9, 10)
    assert (gold["low"], gold["high"]) == pytest.approx((0.5550, 0.9975), abs=1e-3)  # Clopper-Pearson
    assert of_ann["agreement"]["alike"]["num"] == 0
    post(client, path, body | {"items": [items[0].pk], "answer": ""})
    assert GoldAnswer.objects.count() == 11
    of_ann = next(each for each in people()["people"] if each["name"] == "ann")
    assert (of_ann["gold"]["hits"], of_ann["gold"]["num"]) == (9, 9)


def test_marking_gold_records_the_managers_answer_where_another_counts(corpus, ann, cat, client):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, "reject"))
    body = {"class": cat.pk, "items": [item.pk], "answer": "accept"}
    post(client, f"/api/v1/corpora/{corpus.pk}/gold/", body)
    assert (state_of(item, cat).answer, state_of(item, cat).verdict.annotator.username) == ("accept", "mia")


def test_items_of_another_corpus_do_not_become_gold(corpus, mia, cat, client):
    from sisyphus_web.accounts.models import Corpus

    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    (item,) = items_of(elsewhere, 1)
    body = {"class": cat.pk, "items": [item.pk], "answer": "accept"}
    answer = post(client, f"/api/v1/corpora/{corpus.pk}/gold/", body)
    assert answer.json() == {"accept": 0, "reject": 0, "unsure": 0}


def test_the_table_has_a_line_per_person_and_no_formula(corpus, ann, cat, client):
    ann.username = "=ann"
    ann.save()
    record(corpus, ann, *(operation(item, cat) for item in items_of(corpus, 2)))
    answer = client.get(f"/api/v1/corpora/{corpus.pk}/people.csv", {"class": cat.pk, "days": 7})
    (line,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (line["name"], line["decisions"], line["kappa"]) == ("'=ann", "2", "")


@pytest.mark.parametrize("asked", [{"days": "0"}, {"days": "1e3"}, {"class": "x"}])
def test_nonsense_is_a_400(corpus, client, asked):
    assert client.get(f"/api/v1/corpora/{corpus.pk}/people/", asked).status_code == 400


def test_who_answered_blind_is_not_told_so(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, mia, operation(item, cat))
    vote(corpus, cat, item, ann, "accept")
    modes = {}
    for user in (ann, mia):
        client = APIClient()
        client.force_authenticate(user)
        listed = client.get(f"/api/v1/corpora/{corpus.pk}/verdicts/").json()["results"]
        batches = client.get(f"/api/v1/corpora/{corpus.pk}/batches/?mine=false").json()["results"]
        modes[user.username] = (listed[0]["mode"], batches[0]["mode"])
    assert modes == {"ann": ("", ""), "mia": ("second", "second")}
