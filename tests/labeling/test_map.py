"""The map as people use it: answers as colors, a lasso as a filter of the grid."""

import struct
from uuid import uuid4

import numpy as np
import orjson
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from indexing.models import MapRegion
from indexing.services import projections
from indexing.tasks import build_map
from labeling.models import QueryRound, WeakBatch, WeakLabel
from sisyphus_web.accounts.models import Corpus, Membership
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_api import an_answer
from tests.labeling.test_rank import post, rank

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
def items(corpus, mia):
    made = add_items(make_feature_set(corpus), clustered(60))
    build_map(projections.start_map(corpus, created_by=mia).pk)
    return made


@pytest.fixture
def half(corpus, client, api, items) -> MapRegion:
    """A lasso around the left half of the map."""
    points = projections.read_points(projections.current_map(corpus))
    middle = float(np.median(points.places[:, 0]))
    polygon = [[-1, -1], [middle, -1], [middle, 2], [-1, 2]]
    made = post(client, f"{api}/map/regions/", {"polygon": polygon})
    return MapRegion.objects.get(pk=made.json()["id"])


def states(client, api, label_class):
    body = client.get(f"{api}/map/states/?class={label_class.pk}").content
    assert struct.unpack_from("<II", body)[1] == len(body) - 8
    return list(body[8:])


def test_points_are_colored_by_what_counts(client, api, cat, items, mia, corpus):
    def verdict(item, answer):
        return {
            "operation_id": str(uuid4()), "batch": str(uuid4()), "item": item.pk, "stack": None,
            "class": cat.pk, "answer": answer, "base_version": 0, "mode": "similar",
        }  # fmt: skip

    answers = {3: "accept", 10: "reject", 11: "unsure"}
    sent = [verdict(items[at], answer) for at, answer in answers.items()]
    assert post(client, f"{api}/verdicts/", {"operations": sent}).status_code == 200
    found = rank(client, api, **{"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}]}).json()
    weak = WeakBatch.objects.create(
        corpus=corpus, label_class=cat, query_round_id=found["round"], first_n=2, created_by=mia
    )
    for at in (3, 20):  # an answer counts before a weak label
        WeakLabel.objects.create(batch=weak, item=items[at], label_class=cat, rank=at, similarity=0.5)
    wanted = [0] * 60
    wanted[3], wanted[10], wanted[11], wanted[20] = 1, 2, 3, 4
    assert states(client, api, cat) == wanted


def accept(client, api, label_class, item, answer="accept"):
    sent = {
        "operation_id": str(uuid4()), "batch": str(uuid4()), "item": item.pk, "stack": None,
        "class": label_class.pk, "answer": answer, "base_version": 0, "mode": "similar",
    }  # fmt: skip
    assert post(client, f"{api}/verdicts/", {"operations": [sent]}).status_code == 200


def test_points_are_colored_by_how_near_they_are_to_what_was_learned(client, api, cat, items, service):  # noqa: F811
    refused = client.get(f"{api}/map/scores/?class={cat.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-accepted")
    accept(client, api, cat, items[0])
    check_levels(client, api, cat, items)


def test_points_are_colored_in_the_order_that_answers_have_made(client, api, cat, items, service):  # noqa: F811
    for number in range(24):
        accept(client, api, cat, items[number], "accept" if number % 4 in (0, 2) else "reject")
    check_levels(client, api, cat, items)


def check_levels(client, api, cat, items):
    """The levels of all points are those of their places in a ranking of all of them."""
    answer = client.get(f"{api}/map/scores/?class={cat.pk}")
    scores = np.frombuffer(answer.content[8:], np.uint8).astype(int)
    assert scores.min() >= 1
    assert scores.max() == 32
    low, high = float(answer["X-Score-Low"]), float(answer["X-Score-High"])
    asked = {"class": cat.pk, "terms": [], "mode": "learned", "k": 100, "fold": False}
    states_asked = {"filters": {"states": ["untouched", "weak", "accept", "reject", "unsure"]}}
    ranked = rank(client, api, **asked, **states_asked).json()["neighbors"]
    level_of = dict(zip(sorted(item.pk for item in items), scores.tolist(), strict=True))
    assert len(ranked) == 60
    for each in ranked:
        wanted = (each["similarity"] - low) / (high - low) * 31 + 1
        assert level_of[each["item"]] == pytest.approx(np.clip(wanted, 1, 32), abs=1.1)


def test_a_lasso_is_a_filter_of_the_grid(client, api, items, half, service):  # noqa: F811
    inside = set(projections.items_of_region(half).tolist())
    term = [{"kind": "item", "item": items[0].pk}]
    for filters in ({"q": f"map:#{half.pk}"}, {"filters": {"map_regions": [half.pk]}}):
        found = rank(client, api, terms=term, k=100, fold=False, **filters).json()
        assert {each["item"] for each in found["neighbors"]} == inside
        assert found["q"] == f"map:#{half.pk}"
    outside = rank(client, api, terms=term, k=100, fold=False, q=f"-map:#{half.pk}").json()
    assert {each["item"] for each in outside["neighbors"]} == {item.pk for item in items} - inside


def test_a_lasso_that_is_not_there_is_refused_with_words(client, api, items, half):
    for name in ("#999999", "north"):
        refused = rank(client, api, terms=[{"kind": "item", "item": items[0].pk}], q=f"map:{name}")
        assert refused.status_code == 400
        assert "map:#12" in refused.json()["detail"]


def test_a_lasso_of_another_corpus_is_not_found(client, api, items, half, ann, mia):
    other = Corpus.objects.create(name="other", created_by=mia)
    Membership.objects.create(corpus=other, user=ann, role="annotator")
    assert client.get(f"/api/v1/corpora/{other.pk}/map/regions/{half.pk}/").status_code == 404
    assert client.get(f"{api}/map/regions/{half.pk}/").status_code == 200


def test_without_a_map_there_are_no_colors(client, api, cat):
    assert client.get(f"{api}/map/states/?class={cat.pk}").json()["code"] == "no-map"
    assert orjson.loads(client.get(f"{api}/map/states/").content)["code"] == "invalid"


def again(client, path, answer):
    return client.get(path, headers={"If-None-Match": answer["ETag"]})


def test_states_that_have_not_changed_are_not_sent_again(client, api, cat, dog, items, corpus, mia):
    path = f"{api}/map/states/?class={cat.pk}"
    first = client.get(path)
    same = again(client, path, first)
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", first["ETag"])
    post(client, f"{api}/verdicts/", {"operations": [an_answer(items[0], dog)]})
    assert again(client, path, first).status_code == 304  # another class
    said = [first]
    round_of = QueryRound.objects.create(corpus=corpus, label_class=cat, created_by=mia, mode="similar")
    changes = [
        lambda: post(client, f"{api}/verdicts/", {"operations": [an_answer(items[0], cat)]}),
        lambda: WeakBatch.objects.create(
            corpus=corpus, label_class=cat, query_round=round_of, first_n=1, created_by=mia
        ),
        lambda: WeakBatch.objects.update(reverted_at=timezone.now()),
        lambda: type(items[1]).objects.filter(pk=items[1].pk).update(deleted_at=timezone.now()),
        lambda: type(items[1]).objects.filter(pk=items[1].pk).update(deleted_at=None),
    ]
    for change in changes:
        change()
        now = again(client, path, said[-1])
        assert now.status_code == 200
        assert again(client, path, now).status_code == 304
        said.append(now)


def test_points_that_have_not_changed_are_not_sent_again(client, api, items, corpus, mia):
    path = f"{api}/map/points/"
    first = client.get(path)
    assert again(client, path, first).status_code == 304
    add_items(corpus.feature_sets.get(), clustered(20, seed=5))
    assert again(client, path, first).status_code == 304  # not on the map yet
    build_map(projections.start_map(corpus, created_by=mia).pk)
    more = again(client, path, first)
    assert more.status_code == 200
    type(items[1]).objects.filter(pk=items[1].pk).update(deleted_at=timezone.now())
    assert again(client, path, more).status_code == 200
