"""Nobody settles a dispute they are a party of, unless nobody else may: over REST and on the page."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from labeling.compute.ledger import Event, last_answers
from labeling.models import GoldAnswer, Verdict
from labeling.services.gold import mark_gold
from sisyphus_web.accounts.models import Membership, Role, User
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_api import an_answer, post
from tests.labeling.test_people import vote
from tests.labeling.test_verdicts import record, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(corpus):
    made = User.objects.create_user("bob", password="x")
    Membership.objects.create(corpus=corpus, user=made, role=Role.ANNOTATOR)
    return made


def settle(user, corpus, cat, item, answer="reject"):
    """Over REST: the one result."""
    client = APIClient()
    client.force_authenticate(user)
    body = an_answer(item, cat, answer, base_version=state_of(item, cat).version, mode="review")
    sent = post(client, f"/api/v1/corpora/{corpus.pk}/verdicts/", {"operations": [body]})
    return sent.json()["results"][0]


def page(user, corpus):
    client = Client()
    client.force_login(user)
    return client.get(f"/corpora/{corpus.pk}/disagreements/").content.decode()


@pytest.mark.parametrize("party", ["ann", "mia"])
def test_a_party_is_refused_with_who_may_settle_it(party, corpus, cat, disputed, bob, request):
    result = settle(request.getfixturevalue(party), corpus, cat, disputed, "unsure")
    assert (result["outcome"], result["reason"]) == ("rejected", "own-dispute")
    assert "(bob)" in result["detail"]
    assert (result["answer"], result["version"]) == ("accept", 2)  # what counts, for the page to show again
    assert state_of(disputed, cat).is_disputed
    assert not Verdict.objects.filter(is_settling=True).exists()


def test_somebody_else_settles_it(corpus, cat, disputed, bob):
    assert settle(bob, corpus, cat, disputed)["outcome"] == "applied"
    state = state_of(disputed, cat)
    assert (state.answer, state.is_disputed) == ("reject", False)


@pytest.mark.parametrize("other", ["nobody", "a viewer", "who has left", "who is also a party"])
def test_a_party_settles_it_where_nobody_else_may(other, corpus, ann, cat, disputed, bob):
    if other == "nobody":
        bob.memberships.all().delete()
    elif other == "a viewer":
        bob.memberships.update(role=Role.VIEWER)
    elif other == "who has left":
        User.objects.filter(pk=bob.pk).update(is_active=False)
    else:
        vote(corpus, cat, disputed, bob, "accept")
    assert "nobody else here may settle it" in page(ann, corpus)
    assert settle(ann, corpus, cat, disputed)["outcome"] == "applied"
    assert Verdict.objects.get(is_settling=True).annotator == ann


@pytest.mark.parametrize(("party", "answer"), [("ann", "reject"), ("mia", "accept")])
def test_a_party_may_agree_with_the_others_and_that_settles_nothing(
    party, answer, corpus, cat, disputed, bob, request
):
    assert settle(request.getfixturevalue(party), corpus, cat, disputed, answer)["outcome"] == "applied"
    state = state_of(disputed, cat)
    assert (state.answer, state.is_disputed) == (answer, False)
    assert not Verdict.objects.filter(is_settling=True).exists()


def test_where_the_others_are_not_of_one_mind_there_is_nothing_to_agree_with(
    corpus, ann, mia, cat, disputed, bob
):
    dan = User.objects.create_user("dan", password="x")
    Membership.objects.create(corpus=corpus, user=dan, role=Role.ANNOTATOR)
    vote(corpus, cat, disputed, bob, "unsure")
    outcomes = [settle(ann, corpus, cat, disputed, said)["outcome"] for said in ("reject", "unsure")]
    assert outcomes == ["rejected", "rejected"]
    assert settle(dan, corpus, cat, disputed)["outcome"] == "applied"


def test_an_answer_that_is_not_in_review_settles_nothing_and_is_not_refused(corpus, ann, cat, disputed, bob):
    (result,) = record(corpus, ann, operation(disputed, cat, base_version=2))
    assert (result.outcome, state_of(disputed, cat).is_disputed) == ("applied", True)


def test_a_known_answer_is_no_way_around(corpus, mia, cat, disputed, bob):
    (other,) = items_of(corpus, 1)
    assert mark_gold(cat, items=[disputed.pk, other.pk], answer="reject", by=mia) == 1
    assert list(GoldAnswer.objects.values_list("item", flat=True)) == [other.pk]
    assert state_of(disputed, cat).is_disputed


def test_the_page_says_who_settles_ones_own_and_has_the_form_for_others(corpus, ann, cat, disputed, bob):
    own = page(ann, corpus)
    assert "somebody else settles it" in own
    assert re.findall('name="answer" value="(.*?)"', own) == ["reject"]  # what mia said
    assert re.findall('name="answer" value="(.*?)"', page(bob, corpus)) == ["accept", "reject", "unsure"]
    client = Client()
    client.force_login(ann)
    said = {"answer": "accept", "operation_id": str(uuid4()), "base_version": 2}
    path = f"/corpora/{corpus.pk}/disagreements/{cat.pk}/{disputed.pk}/"
    answer = client.post(path, said, follow=True).content.decode()
    assert "Not recorded. You are one of those who disagree about it. Ask somebody who is not (bob)" in answer
    answer = client.post(path, said | {"answer": "reject"}, follow=True).content.decode()
    assert "Agreed: rejected." in answer


def test_rest_says_whose_it_is_and_who_may_settle_it(corpus, ann, vera, cat, disputed, bob):
    def told(user):
        client = APIClient()
        client.force_authenticate(user)
        (found,) = client.get(f"/api/v1/corpora/{corpus.pk}/disagreements/?class={cat.pk}").json()["results"]
        return found["is_own"], found["agreement"], found["settlers"]

    assert told(ann) == (True, "reject", ["bob"])
    assert told(bob) == told(vera) == (False, "", ["bob"])


def test_the_last_answers_are_those_that_stand_since_the_last_settlement():
    said = [Event(1, 5, (), 1, "accept", 7, None), Event(2, 5, (), 1, "reject", 8, None, is_blind=True)]
    assert last_answers(said) == {7: "accept", 8: "reject"}
    settled = Event(3, 5, (), 1, "reject", 9, None, is_settling=True)
    assert last_answers([*said, settled]) == {9: "reject"}
    assert last_answers([*said, settled, Event(4, 5, (), 1, "", 9, reverts=3)]) == last_answers(said)
