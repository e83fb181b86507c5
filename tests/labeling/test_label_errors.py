"""Which answers a second look should begin with, over REST and with a real search service."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from labeling.services.undo import undo_batch
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.conftest import operation
from tests.labeling.test_verdicts import record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listed(corpus, vera):
    client = APIClient()
    client.force_authenticate(vera)
    return lambda **asked: client.get(f"/api/v1/corpora/{corpus.pk}/label-errors/", asked)


@pytest.fixture
def items(corpus):
    """80 photos in 4 clusters."""
    return add_items(make_feature_set(corpus), clustered(80, num_clusters=4))


def answer_by_cluster(corpus, ann, label_class, items, *, wrong):
    """Two clusters accepted, two rejected; items at `wrong` the other way round."""
    made = [
        operation(item, label_class, "accept" if (number % 4 < 2) != (number in wrong) else "reject")
        for number, item in enumerate(items)
    ]
    record(corpus, ann, *made)


def test_answers_that_the_others_contradict_come_first(corpus, ann, cat, items, listed):
    answer_by_cluster(corpus, ann, cat, items, wrong={4, 29})
    found = listed(**{"class": cat.pk}).json()
    assert {each["item"] for each in found["results"][:2]} == {items[4].pk, items[29].pk}
    first = {each["item"]: each for each in found["results"]}[items[4].pk]
    assert (first["answer"], first["by"]) == ("reject", "ann")
    assert first["probability"] > 0.5
    assert "answered otherwise" in first["reason"]
    assert found["num_judged"] == 80


def test_a_corrected_answer_is_no_longer_among_the_first(corpus, ann, cat, items, listed):
    answer_by_cluster(corpus, ann, cat, items, wrong={4})
    listed(**{"class": cat.pk})
    record(corpus, ann, operation(items[4], cat, "accept", base_version=1))
    found = {each["item"]: each for each in listed(**{"class": cat.pk}).json()["results"]}
    assert (found[items[4].pk]["answer"], found[items[4].pk]["probability"] > 0.5) == ("accept", True)
    assert "as similar items were" in found[items[4].pk]["reason"]


def test_an_answer_confirmed_in_review_is_listed_no_more_until_that_is_undone(
    corpus, ann, cat, items, listed
):
    answer_by_cluster(corpus, ann, cat, items, wrong={4, 29})
    confirm = operation(items[4], cat, "reject", base_version=1, mode="review")
    record(corpus, ann, confirm)
    found = listed(**{"class": cat.pk}).json()
    assert items[4].pk not in {each["item"] for each in found["results"]}
    assert found["results"][0]["item"] == items[29].pk
    assert (found["num_judged"], found["num_reviewed"]) == (80, 1)
    undo_batch(corpus=corpus, batch=confirm.batch, operation_id=uuid4(), by=ann, is_manager=False)
    again = listed(**{"class": cat.pk}).json()
    assert items[4].pk in {each["item"] for each in again["results"][:2]}
    assert again["num_reviewed"] == 0


def test_pages_together_are_the_whole_list_once(corpus, ann, cat, items, listed):
    answer_by_cluster(corpus, ann, cat, items, wrong=set())
    seen, cursor = [], "0"
    while cursor is not None:
        page = listed(**{"class": cat.pk, "cursor": cursor, "page_size": 25}).json()
        seen += [each["item"] for each in page["results"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(item.pk for item in items)


def test_too_few_answers_are_said_to_be_too_few(corpus, ann, cat, items, listed):
    record(corpus, ann, operation(items[0], cat))
    found = listed(**{"class": cat.pk}).json()
    assert found["results"] == []
    assert "At least 5 accepted" in found["note"]


def test_a_page_that_makes_no_sense_is_refused(corpus, cat, items, listed):
    for asked in ({"cursor": "x"}, {"page_size": "0"}):
        assert listed(**{"class": cat.pk}, **asked).status_code == 400
