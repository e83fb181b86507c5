"""The history of queries over REST: one's own, one line for each query, asked again as it was."""

import orjson
import pytest
from rest_framework.test import APIClient

from labeling.models import QueryRound
from labeling.services.query_check import Query
from labeling.services.rounds import fingerprint

pytestmark = pytest.mark.django_db


def client_of(user):
    made = APIClient()
    made.force_authenticate(user)
    return made


def a_round(corpus, by, label_class=None, *, item=1, filters=None, mode="similar", mix=None):
    terms = [{"kind": "item", "item": item, "box": None, "weight": 1.0}]
    query = Query(terms if mode != "browse" else [], filters or {}, mode, label_class, mix or {})
    return QueryRound.objects.create(
        corpus=corpus,
        created_by=by,
        label_class=label_class,
        terms=query.terms,
        filters=query.filters,
        mode=mode,
        mix=query.mix,
        fingerprint=fingerprint(query),
    )


def listed(user, corpus, asked=""):
    answer = client_of(user).get(f"/api/v1/corpora/{corpus.pk}/rounds/{asked}")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_repeats_of_a_query_are_one_line_the_newest(corpus, ann, cat):
    a_round(corpus, ann, cat)
    other = a_round(corpus, ann, cat, item=2)
    again = a_round(corpus, ann, cat)
    lines = listed(ann, corpus, "?distinct=1")
    assert [(line["id"], line["num_asked"]) for line in lines] == [(again.pk, 2), (other.pk, 1)]
    assert len(listed(ann, corpus)) == 3


def test_another_filter_mix_mode_or_class_is_another_query(corpus, ann, cat, dog):
    made = [
        a_round(corpus, ann, cat),
        a_round(corpus, ann, dog),
        a_round(corpus, ann, cat, filters={"states": ["accept"]}),
        a_round(corpus, ann, cat, mode="learned"),
        a_round(corpus, ann, cat, mix={"harvest": 0.5, "explore": 0.5}),
    ]
    assert len(listed(ann, corpus, "?distinct=1")) == len(made)
    assert [line["id"] for line in listed(ann, corpus, f"?distinct=1&class={dog.pk}")] == [made[1].pk]


def test_only_ones_own_unless_everyone_is_asked_for(corpus, ann, mia, cat):
    mine, hers = a_round(corpus, ann, cat), a_round(corpus, mia, cat)
    assert [line["id"] for line in listed(ann, corpus, "?distinct=1")] == [mine.pk]
    lines = listed(ann, corpus, "?distinct=1&everyone=1")
    assert [(line["id"], line["by"]) for line in lines] == [(hers.pk, mia.username), (mine.pk, ann.username)]
    shared = client_of(ann).get(f"/api/v1/corpora/{corpus.pk}/rounds/{hers.pk}/")
    assert shared.status_code == 200


def test_a_line_says_what_was_asked_in_words(corpus, ann, cat):
    a_round(corpus, ann, cat, filters={"states": ["accept"], "not_classes": [cat.pk], "start_seconds": 1.5})
    (line,) = listed(ann, corpus)
    assert (line["q"], line["class_name"]) == ("state:accepted -class:cat time:1.5-", "cat")


def test_what_a_page_asked_on_its_own_is_no_line(corpus, ann, cat):
    asked = a_round(corpus, ann, cat)
    QueryRound.objects.filter(pk=a_round(corpus, ann, cat, mode="learned").pk).update(is_background=True)
    assert [line["id"] for line in listed(ann, corpus, "?distinct=1")] == [asked.pk]


def test_looking_at_the_corpus_as_it_lies_is_no_query(corpus, ann, cat):
    a_round(corpus, ann, cat, mode="browse")
    filtered = a_round(corpus, ann, cat, mode="browse", filters={"kinds": ["video"]})
    assert [line["id"] for line in listed(ann, corpus, "?distinct=1")] == [filtered.pk]


def test_a_page_takes_a_constant_number_of_statements(corpus, ann, cat, django_assert_num_queries):
    for item in range(1, 20):
        a_round(corpus, ann, cat, item=item, filters={"classes": [cat.pk]})
    client = client_of(ann)
    path = f"/api/v1/corpora/{corpus.pk}/rounds/?distinct=1"
    with django_assert_num_queries(4):
        assert len(client.get(path).json()["results"]) == 19


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"filters": {"sources": ["x"]}}, "filters.sources, entry 1: expected a whole number, got text"),
        ({"filters": {"owner": 1}}, "filters: there is no field 'owner'"),
        ({"k": 0}, "k: expected a whole number >= 1"),
        ({"mode": "best"}, "mode: 'best' is not one of its values"),
        ({"terms": [{}]}, "terms, entry 1: the field 'kind' is missing"),
        ({"terms": 5}, "terms: expected a list, got a whole number"),
    ],
)
def test_a_body_that_is_wrong_is_told_where_in_words(corpus, ann, body, sentence):
    path = f"/api/v1/corpora/{corpus.pk}/rank/"
    answer = client_of(ann).post(path, orjson.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"The body is not as it should be: {sentence}."
    assert "$" not in answer.json()["detail"]
