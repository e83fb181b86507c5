"""Rankings, their history and weak labels, over REST and with a real search service."""

from uuid import uuid4

import numpy as np
import orjson
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.compute.cut import Calibration
from labeling.models import LabelClass, WeakLabel
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_api import an_answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


@pytest.fixture
def client(ann):
    made = APIClient()
    made.force_authenticate(ann)
    return made


@pytest.fixture
def vectors():
    return clustered(120)


@pytest.fixture
def items(corpus, vectors):
    """120 photos in 20 clusters, in stacks of 2."""
    return add_items(make_feature_set(corpus), vectors, num_per_stack=2)


def post(client, path, body):
    return client.post(path, orjson.dumps(body), content_type="application/json")


def rank(client, api, **body):
    return post(client, f"{api}/rank/", body)


def test_a_ranking_is_described_and_remembered(client, api, cat, items, vectors):
    asked = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": 10}
    answer = rank(client, api, **asked)
    assert answer.status_code == 200
    found = answer.json()
    first = found["neighbors"][0]
    assert (first["stack"], first["count"], first["rank"]) == (items[0].stack_id, 2, 0)
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert first["thumbnail"] == f"{api}/items/{first['item']}/thumbnail/"
    assert (first["answer"], first["version"], first["is_weak"]) == ("", 0, False)
    similarities = [each["similarity"] for each in found["neighbors"]]
    assert similarities == sorted(similarities, reverse=True)
    made = client.get(f"{api}/rounds/{found['round']}/").json()
    again = rank(client, api, **{"class": made["label_class"]}, terms=made["terms"], k=10).json()
    assert [each["item"] for each in again["neighbors"]] == [each["item"] for each in found["neighbors"]]
    listed = client.get(f"{api}/rounds/").json()["results"]
    assert [each["id"] for each in listed] == [again["round"], found["round"]]


def test_what_was_decided_does_not_come_back_unless_asked_for(client, api, cat, items):
    term = {"kind": "item", "item": items[0].pk}
    answer = an_answer(items[0], cat)
    post(client, f"{api}/verdicts/", {"operations": [answer]})
    found = rank(client, api, **{"class": cat.pk}, terms=[term], k=200).json()["neighbors"]
    assert items[0].stack_id not in {each["stack"] for each in found}
    filters = {"states": ["accept"]}
    accepted = rank(client, api, **{"class": cat.pk}, terms=[term], filters=filters).json()["neighbors"]
    assert [(each["stack"], each["answer"]) for each in accepted] == [(items[0].stack_id, "accept")]


def test_what_was_put_off_is_found_by_its_state_by_its_person_only(client, api, cat, items, mia):
    term = {"kind": "item", "item": items[0].pk}
    body = {"class": cat.pk, "terms": [term], "k": 200}
    put = post(client, f"{api}/later/", {"class": cat.pk, "items": [items[0].pk]}).json()
    assert put["tiles"] == 1
    found = rank(client, api, **body).json()["neighbors"]
    assert [each["stack"] for each in found if each["is_later"]] == [items[0].stack_id]
    later = rank(client, api, **body, filters={"states": ["later"]}).json()
    assert [each["stack"] for each in later["neighbors"]] == [items[0].stack_id]
    assert later["q"] == "state:later"
    without = rank(client, api, **body, q="-state:later").json()["neighbors"]
    assert len(without) == len(found) - 1
    counts = client.get(f"{api}/counts/", {"class": cat.pk}).json()
    assert counts["later"] == put["later"] > 0
    assert counts["untouched"] == counts["items"]
    client.force_authenticate(mia)
    assert rank(client, api, **body, q="state:later").json()["neighbors"] == []


def test_an_answer_or_taking_it_back_ends_being_put_off(client, api, cat, items):
    term = {"kind": "item", "item": items[0].pk}
    asked = {"class": cat.pk, "items": [items[0].pk, items[-1].pk]}
    for _ in range(2):
        assert post(client, f"{api}/later/", asked).json()["tiles"] == 2
    post(client, f"{api}/verdicts/", {"operations": [an_answer(items[0], cat)]})
    found = rank(client, api, **{"class": cat.pk}, terms=[term], q="state:later").json()["neighbors"]
    assert [each["stack"] for each in found] == [items[-1].stack_id]
    back = post(client, f"{api}/later/", asked | {"is_later": False}).json()
    assert back["later"] == 0


def test_disputed_items_are_found_by_their_state(client, api, cat, items, mia):
    term = {"kind": "item", "item": items[0].pk}
    post(client, f"{api}/verdicts/", {"operations": [an_answer(items[0], cat)]})
    client.force_authenticate(mia)
    said = an_answer(items[0], cat) | {"answer": "reject", "base_version": 1, "force": True}
    post(client, f"{api}/verdicts/", {"operations": [said]})
    body = {"class": cat.pk, "terms": [term], "k": 200}
    found = rank(client, api, **body, q="state:disputed").json()["neighbors"]
    assert [(each["stack"], each["is_disputed"]) for each in found] == [(items[0].stack_id, True)]
    rejected = rank(client, api, **body, q="state:rejected").json()["neighbors"]
    assert items[0].stack_id in [each["stack"] for each in rejected]
    assert rank(client, api, **body, q="state:rejected -state:disputed").json()["total"] < len(rejected) + 1


@pytest.mark.parametrize("mode", ["similar", "learned"])
def test_a_ranking_says_what_a_similarity_is_worth_once_there_are_answers(client, api, cat, corpus, mode):
    vectors = clustered(300, num_clusters=10, seed=4)
    items = add_items(make_feature_set(corpus), vectors)
    truth = [number % 10 == 0 for number in range(300)]
    body = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "mode": mode, "k": 200}
    if mode == "similar":
        first = rank(client, api, **body).json()
        assert (first["is_model"], first["calibration"]) == (False, None)
    told = [*range(0, 120, 10), *range(1, 61, 2)]
    answers = [an_answer(items[number], cat, "accept" if truth[number] else "reject") for number in told]
    post(client, f"{api}/verdicts/", {"operations": answers})
    found = rank(client, api, **body).json()
    assert found["is_model"] == (mode == "learned")
    made = Calibration(**found["calibration"])
    examples = 1 if mode == "similar" else 0
    assert (made.num_accepted, made.num_rejected) == (12 - examples, 30)
    near = np.array([tile["similarity"] for tile in found["neighbors"]])
    right = np.array([truth[items.index(Item(pk=tile["item"]))] for tile in found["neighbors"]])
    share, low, high = made.precision(near[:15])
    assert low - 0.05 <= right[:15].mean() <= high + 0.05
    assert share > made.precision(near[-50:])[0]


def test_a_query_made_of_the_answers_says_nothing_of_its_similarities(client, api, cat, items):
    answers = [
        an_answer(each, cat, answer)
        for each, answer in zip(items[::6], ["accept", "reject"] * 10, strict=True)
    ]
    post(client, f"{api}/verdicts/", {"operations": answers})
    made_of_them = rank(client, api, **{"class": cat.pk}, terms=[{"kind": "class", "class": cat.pk}]).json()
    assert made_of_them["calibration"] is None
    assert rank(client, api, **{"class": cat.pk}, terms=[{"kind": "item", "item": items[1].pk}]).json()[
        "calibration"
    ]


def test_a_page_takes_a_constant_number_of_statements(
    client, api, cat, items, django_assert_num_queries, monkeypatch
):
    for name in ("audits_pending.QUIET_SECONDS", "derivation.CACHE_SECONDS"):
        monkeypatch.setattr(f"labeling.services.{name}", 3600)
    term = {"kind": "item", "item": items[0].pk}
    body = {"class": cat.pk, "terms": [term]}
    rank(client, api, **body, k=2)  # also learns that no audit is drawn, and asks no more for a while
    for k in (20, 60):
        with django_assert_num_queries(10):
            assert len(rank(client, api, **body, k=k).json()["neighbors"]) == k


def test_a_further_page_belongs_to_the_same_round(client, api, cat, items):
    body = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": 20}
    first = rank(client, api, **body).json()
    second = rank(client, api, **body, offset=20, round=first["round"]).json()
    assert second["round"] == first["round"]
    assert [each["rank"] for each in second["neighbors"]] == list(range(20, 40))


BAD_QUERIES = [
    ({"terms": []}, 400, "no-terms"),
    ({"terms": [], "mode": "learned"}, 400, "class-needed"),
    ({"terms": [{"kind": "item", "image": str(uuid4())}]}, 400, "bad-term"),
    ({"terms": [{"kind": "vector", "vector": [0.0, 0.0]}]}, 400, "bad-term"),
    ({"terms": [{"kind": "item", "item": 2**60}]}, 404, "not_found"),
    ({"terms": [{"kind": "image", "image": str(uuid4())}]}, 404, "not_found"),
    ({"terms": [{"kind": "text", "text": "x"}]}, 400, "encoder-reads-no-text"),
    ({"terms": [{"kind": "text", "text": " "}]}, 400, "bad-term"),
    ({"terms": [{"kind": "song"}]}, 400, "invalid"),
    ({"terms": [{"kind": "class", "class": 2**60}]}, 404, "not_found"),
    ({"terms": [{"kind": "classifier", "classifier": 1}]}, 404, "not_found"),
    ({"q": "night"}, 400, "encoder-reads-no-text"),
    ({"q": "state:foo"}, 400, "bad-filter"),
    ({"q": "class:nothing"}, 400, "bad-filter"),
    ({"q": "kind:image -kind:image"}, 400, "bad-filter"),
    ({"q": "kind:image", "filters": {"kinds": ["video"]}}, 400, "bad-filter"),
    ({"terms": [], "mix": {"harvest": 2}}, 400, "invalid"),
    ({"terms": [], "k": 501}, 400, "invalid"),
    ({"terms": [], "filters": {"owner__password": "x"}}, 400, "invalid"),
    ({"terms": [], "class": 2**60}, 404, "not_found"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_QUERIES)
def test_a_bad_query_is_told_what_is_wrong(client, api, items, body, status, code):
    answer = rank(client, api, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


def test_terms_that_are_gone_are_counted_and_told(client, api, items):
    deleted = items[3]
    Item.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    terms = [
        {"kind": "item", "item": items[0].pk},
        {"kind": "item", "item": deleted.pk},
        {"kind": "image", "image": str(uuid4())},
    ]
    answer = rank(client, api, terms=terms)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["fields"] == {"terms": [1, 2]}
    assert "Terms 2, 3 of the query" in answer.json()["detail"]
    scored = rank(client, api, terms=[*terms[:1], {"kind": "classifier", "classifier": 77}])
    assert scored.json()["fields"] == {"terms": [1]}
    assert rank(client, api, terms=terms[:1]).status_code == 200


def test_a_lasso_that_is_gone_is_told(client, api, items):
    terms = [{"kind": "item", "item": items[0].pk}]
    answer = rank(client, api, terms=terms, filters={"map_regions": [2**40]})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-filter")
    assert "no lasso" in answer.json()["detail"]


def test_a_corpus_without_features_says_what_to_do(client, api, corpus):
    answer = rank(client, api, terms=[{"kind": "vector", "vector": [1.0]}])
    assert (answer.status_code, answer.json()["code"]) == (409, "no-features")


def test_without_the_search_service_the_answer_is_try_again(client, api, items, settings, tmp_path):
    settings.SEARCH_SOCKET = tmp_path / "nobody.sock"
    answer = rank(client, api, terms=[{"kind": "item", "item": items[0].pk}])
    assert (answer.status_code, answer.json()["code"]) == (503, "search-unavailable")
    assert int(answer["Retry-After"]) > 0


def a_round(client, api, cat, items):
    asked = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": 5}
    return rank(client, api, **asked).json()


def test_the_first_tiles_are_taken_as_weak_labels_with_their_stacks(client, api, cat, items):
    found = a_round(client, api, cat, items)
    made = post(client, f"{api}/weak/", {"round": found["round"], "first_n": 3})
    assert (made.status_code, made.json()["num_labels"]) == (201, 6)
    taken = set(Item.objects.filter(weak_labels__isnull=False).values_list("stack", flat=True))
    assert taken == {each["stack"] for each in found["neighbors"][:3]}
    label = WeakLabel.objects.order_by("rank").first()
    assert (label.rank, label.similarity) == (0, pytest.approx(1, abs=1e-3))
    counts = client.get(f"{api}/counts/?class={cat.pk}").json()
    assert (counts["weak"], counts["untouched"], counts["accepted"]) == (6, 114, 0)
    tiles = client.get(f"{api}/review/?class={cat.pk}&state=weak&sort=similarity").json()["results"]
    assert [(each["stack"], each["count"], each["is_weak"]) for each in tiles] == [
        (each["stack"], 2, True) for each in found["neighbors"][:3]
    ]


def test_a_weak_label_counts_only_while_nobody_has_answered(client, api, cat, items):
    found = a_round(client, api, cat, items)
    post(client, f"{api}/weak/", {"round": found["round"], "first_n": 3})
    answer = an_answer(items[0], cat, "reject", stack=None)
    counts = post(client, f"{api}/verdicts/", {"operations": [answer]}).json()["counts"]
    assert (counts["weak"], counts["rejected"]) == (5, 1)


def test_all_above_a_similarity_are_taken_and_taken_back(client, api, cat, items, mia, vectors):
    found = a_round(client, api, cat, items)
    made = post(client, f"{api}/weak/", {"round": found["round"], "min_similarity": 0.5}).json()
    similar = vectors @ vectors[0]
    expected = {items[n].stack_id for n in range(120) if similar[n] >= 0.5}
    taken = set(Item.objects.filter(weak_labels__isnull=False).values_list("stack", flat=True))
    assert taken == expected
    stranger_to_it = APIClient()
    stranger_to_it.force_authenticate(mia)
    reverted = stranger_to_it.post(f"{api}/weak/{made['id']}/revert/").json()  # mia manages
    again = stranger_to_it.post(f"{api}/weak/{made['id']}/revert/").json()
    assert reverted["reverted_at"] == again["reverted_at"] is not None
    assert client.get(f"{api}/counts/?class={cat.pk}").json()["weak"] == 0


def test_weak_labels_need_a_class_and_one_measure(client, api, cat, items):
    unclassed = rank(client, api, terms=[{"kind": "item", "item": items[0].pk}]).json()["round"]
    answer = post(client, f"{api}/weak/", {"round": unclassed, "first_n": 3})
    assert (answer.status_code, answer.json()["code"]) == (400, "class-needed")
    classed = a_round(client, api, cat, items)["round"]
    for body in ({}, {"first_n": 1, "min_similarity": 0.5}, {"first_n": 0}):
        assert post(client, f"{api}/weak/", {"round": classed} | body).status_code == 400


def test_a_foreign_round_is_not_found(client, api, mia, items):
    from labeling.models import QueryRound
    from sisyphus_web.accounts.models import Corpus

    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    bird = LabelClass.objects.create(corpus=elsewhere, name="bird", created_by=mia)
    foreign = QueryRound.objects.create(
        corpus=elsewhere, label_class=bird, created_by=mia, mode="similar", terms=[]
    )
    assert client.get(f"{api}/rounds/{foreign.pk}/").status_code == 404
    assert post(client, f"{api}/weak/", {"round": foreign.pk, "first_n": 1}).status_code == 404


def test_another_query_under_an_old_round_is_a_round_of_its_own(client, api, cat, items, service):  # noqa: F811
    asked = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": 5}
    first = rank(client, api, **asked).json()["round"]
    assert rank(client, api, **asked, round=first, offset=5).json()["round"] == first
    other = asked | {"terms": [{"kind": "item", "item": items[7].pk}]}
    found = rank(client, api, **other, round=first).json()
    assert found["round"] != first
    assert found["neighbors"][0]["stack"] == items[7].stack_id
