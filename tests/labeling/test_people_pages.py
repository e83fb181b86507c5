"""The pages about people: what they show, what their forms do, without a script."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from labeling.models import CurrentVerdict, Verdict
from labeling.services.gold import mark_gold
from sisyphus_web.accounts.models import Membership
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_people import vote
from tests.labeling.test_verdicts import record, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_user():
    def client(user):
        made = Client()
        made.force_login(user)
        return made

    return client


def test_the_people_page_says_who_and_how_alike(corpus, mia, cat, disputed, as_user):
    page = as_user(mia).get(f"/corpora/{corpus.pk}/people/")
    text = re.sub(r"\s+", " ", page.content.decode())
    assert "ann and mia" in text
    assert '0 % <span class="muted small">(0 % to 97.5 %, 0 of 1)</span>' in text


def test_the_people_page_takes_a_constant_number_of_statements(
    corpus, mia, ann, cat, as_user, django_assert_max_num_queries
):
    client = as_user(mia)
    for item in items_of(corpus, 10):
        record(corpus, ann, operation(item, cat))
        vote(corpus, cat, item, mia, "reject")
    with django_assert_max_num_queries(15):
        client.get(f"/corpora/{corpus.pk}/people/")


def test_the_shares_of_a_class_are_set_and_gold_is_drawn(corpus, mia, cat, as_user):
    for item in items_of(corpus, 3):
        record(corpus, mia, operation(item, cat))
    name = str(cat.pk)
    sent = {f"{name}-second_percent": "4", f"{name}-gold_percent": "1.5", f"{name}-gold_count": "4"}
    answer = as_user(mia).post(f"/corpora/{corpus.pk}/people/classes/{cat.pk}/", sent, follow=True)
    assert "2 more items of cat are gold." in answer.content.decode()  # half of them accepted: all there are
    cat.refresh_from_db()
    assert (cat.second_share, cat.gold_share) == (0.04, 0.015)


def test_too_few_sure_answers_are_told_with_what_there_is(corpus, mia, cat, as_user):
    for item in items_of(corpus, 3):
        record(corpus, mia, operation(item, cat, "reject"))  # a class without positives
    sent = {f"{cat.pk}-second_percent": "4", f"{cat.pk}-gold_percent": "1", f"{cat.pk}-gold_count": "4"}
    answer = as_user(mia).post(f"/corpora/{corpus.pk}/people/classes/{cat.pk}/", sent, follow=True)
    assert "0 accepted, 2 rejected: of no other the answer is sure." in answer.content.decode()


def test_a_missed_gold_check_is_shown_and_may_be_taken_out(corpus, ann, mia, cat, as_user):
    """Also where somebody without any check has answered most."""
    checked, *others = items_of(corpus, 5)
    for item in (checked, *others):
        record(corpus, mia, operation(item, cat))
    mark_gold(cat, items=[checked.pk], answer="accept", by=mia)
    vote(corpus, cat, checked, ann, "reject", kind="gold")
    client, path = as_user(mia), f"/corpora/{corpus.pk}/people/"
    text = client.get(path).content.decode()
    assert "known <b>accept</b>, ann said <b>reject</b>" in text
    assert "Nothing was looked at twice yet" not in text
    gone = client.post(f"{path}classes/{cat.pk}/gold/", {"item": checked.pk}, follow=True).content.decode()
    assert f"{checked.media_file.name} is no gold check any more." in gone
    assert "ann said <b>reject</b>" not in gone
    assert client.post(f"{path}classes/{cat.pk}/gold/", {"item": "0x"}).status_code == 404


def test_a_wrong_share_is_told_in_the_form(corpus, mia, cat, as_user):
    sent = {f"{cat.pk}-second_percent": "140", f"{cat.pk}-gold_percent": "1"}
    answer = as_user(mia).post(f"/corpora/{corpus.pk}/people/classes/{cat.pk}/", sent)
    assert answer.status_code == 422
    assert "less than or equal to 100" in answer.content.decode()


def test_a_disagreement_shows_both_votes_and_is_settled_with_a_reason(
    corpus, vera, ann, cat, disputed, as_user
):
    client, path = as_user(ann), f"/corpora/{corpus.pk}/disagreements/"
    text = client.get(path).content.decode()
    assert "<b>ann</b>" in text
    assert "<b>mia</b>" in text
    assert ", blind" in text
    said = {
        "answer": "reject",
        "operation_id": str(uuid4()),
        "base_version": state_of(disputed, cat).version,
        "reason": "a toy",
    }
    for _ in range(2):  # sent twice
        answer = client.post(f"{path}{cat.pk}/{disputed.pk}/", said, follow=True)
        assert "Settled: rejected." in answer.content.decode()
    assert Verdict.objects.filter(is_settling=True, reason="a toy").count() == 1
    assert not CurrentVerdict.objects.filter(is_disputed=True).exists()
    assert "Nobody disagrees" in client.get(path).content.decode()


def test_what_is_settled_leads_to_the_next_one(corpus, ann, mia, vera, cat, as_user):
    Membership.objects.filter(user=vera).update(role="manager")
    items = items_of(corpus, 3)
    for item in items:
        record(corpus, ann, operation(item, cat))
        vote(corpus, cat, item, mia, "reject")
    client, path = as_user(vera), f"/corpora/{corpus.pk}/disagreements/"
    page = client.get(path).content.decode()
    newest = [int(item) for item in re.findall(r'id="item-(\d+)"', page)]
    assert re.findall(r'name="then" value="(\d+)"', page) == [str(newest[i]) for i in (1, 2, 1)]
    said = {"answer": "reject", "operation_id": str(uuid4()), "then": newest[2], "before": "77"}
    version = state_of(items[1], cat).version
    answer = client.post(f"{path}{cat.pk}/{newest[1]}/", said | {"base_version": version})
    assert answer.url == f"{path}?class={cat.pk}&before=77&settled={said['operation_id']}#item-{newest[2]}"
    undone = client.post(f"{path}{cat.pk}/{said['operation_id']}/undo/", {"before": "x"})
    assert undone.url == f"{path}?class={cat.pk}#item-{newest[1]}"


def test_a_settlement_is_taken_back_by_who_made_it(corpus, ann, mia, cat, disputed, as_user):
    client, path = as_user(ann), f"/corpora/{corpus.pk}/disagreements/"
    said = {
        "answer": "reject",
        "operation_id": str(uuid4()),
        "base_version": state_of(disputed, cat).version,
    }
    shown = client.post(f"{path}{cat.pk}/{disputed.pk}/", said, follow=True).content.decode()
    undo = f"{path}{cat.pk}/{said['operation_id']}/undo/"
    assert undo in shown
    assert as_user(mia).post(undo).status_code == 404  # not hers
    taken = client.post(undo, {"operation_id": str(uuid4())}, follow=True).content.decode()
    assert "it is disputed again" in taken
    assert state_of(disputed, cat).is_disputed
    again = client.post(undo, {"operation_id": str(uuid4())}, follow=True).content.decode()
    assert "Not taken back" in again


def test_the_class_with_disagreements_comes_first_with_their_number(corpus, mia, dog, cat, disputed, as_user):
    text = as_user(mia).get(f"/corpora/{corpus.pk}/disagreements/").content.decode()
    assert "cat (1)</option>" in text
    assert "dog (0)</option>" in text
    assert f'value="{cat.pk}" selected' in text


def test_an_answer_to_what_was_settled_meanwhile_is_told(corpus, ann, mia, cat, disputed, as_user):
    said = {"answer": "reject", "operation_id": str(uuid4()), "base_version": 1}
    answer = as_user(ann).post(
        f"/corpora/{corpus.pk}/disagreements/{cat.pk}/{disputed.pk}/", said, follow=True
    )
    assert "answered it meanwhile" in answer.content.decode()


def test_a_viewer_sees_disagreements_and_no_form(corpus, vera, cat, disputed, as_user):
    text = as_user(vera).get(f"/corpora/{corpus.pk}/disagreements/").content.decode()
    assert "<b>ann</b>" in text
    assert "dispute-form" not in text


def test_disagreements_over_rest_have_their_votes(corpus, vera, cat, disputed, as_user):
    found = as_user(vera).get(f"/api/v1/corpora/{corpus.pk}/disagreements/?class={cat.pk}").json()
    (dispute,) = found["results"]
    assert [(vote["by"], vote["answer"], vote["is_blind"]) for vote in dispute["votes"]] == [
        ("ann", "accept", False),
        ("mia", "reject", True),
    ]
    assert (dispute["tile"]["item"], found["next"]) == (disputed.pk, None)
