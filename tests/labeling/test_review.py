"""The review lists: every state, folded to stacks, page by page."""

import pytest
from rest_framework.test import APIClient

from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_datasets import take_weakly
from tests.labeling.test_verdicts import record


@pytest.fixture
def listed(corpus, vera, cat):
    """What a viewer gets of one list, all pages of `page_size` together."""
    client = APIClient()
    client.force_authenticate(vera)

    def pages(state, *, sort="time", page_size=200):
        path, found, cursor = f"/api/v1/corpora/{corpus.pk}/review/", [], ""
        while cursor is not None:
            asked = {"class": cat.pk, "state": state, "sort": sort, "page_size": page_size, "cursor": cursor}
            answer = client.get(path, asked).json()
            assert len(answer["results"]) <= page_size
            found += answer["results"]
            cursor = answer["next"]
        return found

    return pages


def test_each_list_has_what_counts_and_nothing_else(corpus, ann, mia, cat, listed):
    items = items_of(corpus, 6)
    answers = ["accept", "reject", "unsure", "accept"]
    made = [operation(item, cat, answer) for item, answer in zip(items, answers, strict=False)]
    record(corpus, ann, *made)
    record(corpus, mia, operation(items[3], cat, "reject", force=True))
    take_weakly(corpus, mia, cat, [items[4], items[0]])  # of which one is answered
    expected = {
        "accepted": [0],
        "rejected": [3, 1],
        "unsure": [2],
        "disputed": [3],
        "weak": [4],
        "untouched": [5],
    }
    for state, numbers in expected.items():
        assert [each["item"] for each in listed(state)] == [items[n].pk for n in numbers], state
    assert listed("disputed")[0]["by"] == "mia"


def test_a_stack_is_one_tile_that_says_how_many_of_it_are_in_the_list(corpus, ann, cat, listed):
    items = items_of(corpus, 5, in_stack=True)
    record(corpus, ann, operation(items[1], cat, "reject"))
    record(corpus, ann, operation(items[0], cat, "accept", stack=items[0].stack_id))
    (accepted,) = listed("accepted")
    assert (accepted["item"], accepted["count"], accepted["is_derived"]) == (items[0].pk, 4, False)
    (rejected,) = listed("rejected")
    assert (rejected["item"], rejected["count"]) == (items[1].pk, 1)


@pytest.mark.parametrize("state", ["accepted", "untouched", "weak"])
@pytest.mark.parametrize("sort", ["time", "similarity"])
def test_pages_together_are_the_whole_list_once(corpus, ann, mia, cat, listed, state, sort):
    items = [*items_of(corpus, 7), *items_of(corpus, 4, in_stack=True), *items_of(corpus, 3)]
    if state == "accepted":
        record(corpus, ann, *(operation(item, cat) for item in items))
    if state == "weak":
        take_weakly(corpus, mia, cat, items)
    whole = [each["item"] for each in listed(state, sort=sort)]
    assert len(whole) == len(set(whole)) == 11
    for page_size in (1, 3, 11):
        assert [each["item"] for each in listed(state, sort=sort, page_size=page_size)] == whole


def test_the_newest_answer_comes_first(corpus, ann, cat, listed):
    items = items_of(corpus, 3)
    for number in (1, 0, 2):
        record(corpus, ann, operation(items[number], cat))
    assert [each["item"] for each in listed("accepted")] == [items[n].pk for n in (2, 0, 1)]


def test_what_was_undone_is_untouched_again(corpus, ann, cat, listed):
    from uuid import uuid4

    (item,) = items_of(corpus, 1)
    made = operation(item, cat)
    record(corpus, ann, made)
    undo_batch(corpus=corpus, batch=made.batch, operation_id=uuid4(), by=ann, is_manager=False)
    assert listed("accepted") == []
    assert [each["version"] for each in listed("untouched")] == [2]


@pytest.mark.parametrize(
    "asked",
    [
        {"state": "nice"},
        {"state": "weak", "sort": "owner"},
        {"state": "weak", "page_size": "0"},
        {"state": "weak", "page_size": "1e3"},
        {"state": "weak", "cursor": "x"},
        {"state": "weak", "cursor": "WyJhIiwgMSwgMl0="},
        {"state": "weak", "cursor": "é\x00"},
    ],
)
def test_nonsense_is_a_400(corpus, vera, cat, asked):
    client = APIClient()
    client.force_authenticate(vera)
    answer = client.get(f"/api/v1/corpora/{corpus.pk}/review/", {"class": cat.pk} | asked)
    assert answer.status_code == 400


def test_a_page_takes_a_constant_number_of_statements(corpus, ann, cat, listed, django_assert_num_queries):
    record(corpus, ann, *(operation(item, cat) for item in items_of(corpus, 30)))
    for page_size in (30, 100):
        with django_assert_num_queries(4):
            listed("accepted", page_size=page_size)
