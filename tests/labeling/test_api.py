"""Classes, verdicts, undo, review and counts as a client sees them."""

from uuid import uuid4

import orjson
import pytest
from rest_framework.test import APIClient

from labeling.models import LabelClass, Verdict
from tests.labeling.conftest import items_of


@pytest.fixture
def as_user():
    def client(user):
        made = APIClient()
        made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


def an_answer(item, label_class, answer="accept", base_version=0, **fields):
    return {
        "operation_id": str(uuid4()),
        "batch": str(uuid4()),
        "item": item.pk,
        "stack": item.stack_id,
        "class": label_class.pk,
        "answer": answer,
        "base_version": base_version,
        "force": False,
        "round": None,
        "rank": 3,
        "mode": "similar",
        "client_time": "2026-11-21T10:00:00.5Z",
    } | fields


def post(client, path, body):
    return client.post(path, orjson.dumps(body), content_type="application/json")


def test_a_class_is_made_renamed_retired_and_brought_back(corpus, mia, as_user, api):
    client = as_user(mia)
    made = client.post(f"{api}/classes/", {"name": " red car "}, format="json").json()
    assert made["name"] == "red car"
    path = f"{api}/classes/{made['id']}/"
    assert client.patch(path, {"name": "car"}, format="json").json()["name"] == "car"
    assert client.patch(path, {"is_retired": True}, format="json").json()["is_retired"] is True
    assert client.patch(path, {"is_retired": False}, format="json").json()["is_retired"] is False
    assert client.delete(path).status_code == 403  # no row in the table: never deleted
    taken = client.post(f"{api}/classes/", {"name": "car"}, format="json")
    assert (taken.status_code, taken.json()["code"]) == (400, "invalid")
    assert [each["name"] for each in client.get(f"{api}/classes/").json()["results"]] == ["car"]


def test_a_batch_is_answered_operation_by_operation_with_200(corpus, ann, cat, as_user, api):
    first, second = items_of(corpus, 2)
    good = an_answer(first, cat)
    bad = an_answer(second, cat, answer="maybe")
    response = post(as_user(ann), f"{api}/verdicts/", {"operations": [bad, good, good]})
    assert response.status_code == 200
    results = response.json()["results"]
    assert [each["outcome"] for each in results] == ["rejected", "applied", "duplicate"]
    assert results[0]["operation_id"] == bad["operation_id"]
    assert "answer" in results[0]["reason"]
    assert results[1] == results[2] | {"outcome": "applied"}
    counts = response.json()["counts"]
    assert (counts["class"], counts["accepted"], counts["untouched"], counts["items"]) == (cat.pk, 1, 1, 2)


def test_a_lost_answer_is_asked_for_again_without_harm(corpus, ann, cat, as_user, api):
    body = {"operations": [an_answer(item, cat) for item in items_of(corpus, 20)]}
    first = post(as_user(ann), f"{api}/verdicts/", body).json()
    again = post(as_user(ann), f"{api}/verdicts/", body).json()
    assert {each["outcome"] for each in again["results"]} == {"duplicate"}
    stored = [each | {"outcome": "duplicate"} for each in first["results"]]
    assert again["results"] == stored
    assert again["counts"] == first["counts"]
    assert Verdict.objects.count() == 20


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"operations": []}', b'{"operations": [1, 2', b"\xff\xfe", b'{"operations": "x"}'],
)
def test_a_body_that_is_none_is_a_400_with_a_code(corpus, ann, as_user, api, body):
    response = as_user(ann).post(f"{api}/verdicts/", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_101_operations_are_too_many(corpus, ann, cat, as_user, api):
    body = {"operations": [{}] * 101}
    assert post(as_user(ann), f"{api}/verdicts/", body).status_code == 400
    assert post(as_user(ann), f"{api}/verdicts/", {"operations": [{}] * 100}).status_code == 200


def test_undo_and_redo_over_rest(corpus, ann, cat, as_user, api):
    items = items_of(corpus, 3, in_stack=True)
    client, batch = as_user(ann), str(uuid4())
    post(client, f"{api}/verdicts/", {"operations": [an_answer(items[0], cat, batch=batch)]})
    body = {"batch": batch, "operation_id": str(uuid4())}
    undone = post(client, f"{api}/undo/", body).json()
    assert post(client, f"{api}/undo/", body).json() == undone
    assert undone["batch"] == body["operation_id"]
    assert undone["undone"] == [{"item": item.pk, "answer": "", "version": 2} for item in items]
    assert (undone["kept"], undone["counts"]["untouched"]) == (0, 3)
    redone = post(client, f"{api}/undo/", {"batch": undone["batch"], "operation_id": str(uuid4())}).json()
    assert redone["counts"]["accepted"] == 3
    history = client.get(f"{api}/batches/").json()["results"]
    assert [(each["is_undo"], each["is_undone"], each["items"]) for each in history] == [
        (True, False, 3),
        (True, True, 3),
        (False, True, 3),
    ]


def test_undo_of_what_is_not_there_or_not_yours(corpus, ann, mia, cat, as_user, api):
    (item,) = items_of(corpus, 1)
    batch = str(uuid4())
    post(as_user(mia), f"{api}/verdicts/", {"operations": [an_answer(item, cat, batch=batch)]})
    unknown = post(as_user(ann), f"{api}/undo/", {"batch": str(uuid4()), "operation_id": str(uuid4())})
    others = post(as_user(ann), f"{api}/undo/", {"batch": batch, "operation_id": str(uuid4())})
    assert (unknown.status_code, others.status_code) == (404, 403)


def test_a_viewer_looks_and_a_stranger_finds_nothing(corpus, vera, stan, cat, as_user, api):
    (item,) = items_of(corpus, 1)
    body = {"operations": [an_answer(item, cat)]}
    assert post(as_user(vera), f"{api}/verdicts/", body).status_code == 403
    assert post(as_user(stan), f"{api}/verdicts/", body).status_code == 404
    assert as_user(vera).get(f"{api}/counts/?class={cat.pk}").status_code == 200
    assert as_user(stan).get(f"{api}/counts/?class={cat.pk}").status_code == 404


def test_a_foreign_class_is_not_found(corpus, mia, as_user, api):
    from sisyphus_web.accounts.models import Corpus

    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    bird = LabelClass.objects.create(corpus=elsewhere, name="bird", created_by=mia)
    assert as_user(mia).get(f"{api}/counts/?class={bird.pk}").status_code == 404
    assert as_user(mia).patch(f"{api}/classes/{bird.pk}/", {}, format="json").status_code == 404
    assert as_user(mia).get(f"{api}/counts/?class=x").status_code == 400


def test_the_ledger_is_listed_newest_first(corpus, ann, cat, as_user, api):
    items = items_of(corpus, 2)
    body = {"operations": [an_answer(item, cat) for item in items]}
    post(as_user(ann), f"{api}/verdicts/", body)
    listed = as_user(ann).get(f"{api}/verdicts/").json()["results"]
    assert [each["item"] for each in listed] == [items[1].pk, items[0].pk]
    assert (listed[0]["by"], listed[0]["rank"]) == ("ann", 3)


def test_text_that_no_database_can_hold_is_refused(corpus, ann, cat, as_user, api):
    client = as_user(ann)
    (item,) = items_of(corpus, 1)
    bad = an_answer(item, cat) | {"reason": "no\x00thing"}
    told = post(client, f"{api}/verdicts/", {"operations": [bad]})
    assert (told.status_code, told.json()["code"]) == (400, "invalid")
    for path, body in (
        ("leases", {"class": cat.pk, "page": "\x00", "tiles": [1]}),
        ("rank", {"mode": "browse", "filters": {"files": ["\x00"]}}),
        ("undo", {"batch": bad["batch"], "operation_id": bad["operation_id"], "author": "\x00"}),
    ):
        assert post(client, f"{api}/{path}/", body).status_code == 400
    fine = an_answer(item, cat) | {"reason": "a backslash: \\u0000"}
    (result,) = post(client, f"{api}/verdicts/", {"operations": [fine]}).json()["results"]
    assert result["outcome"] == "applied"


def test_nobody_has_a_million_places_of_a_mixed_queue_worked_out(ann, cat, as_user, api):
    asked = {"class": cat.pk, "mode": "learned", "mix": {"explore": 0.5}, "offset": 999_800}
    told = post(as_user(ann), f"{api}/rank/", asked)
    assert (told.status_code, told.json()["code"]) == (400, "bad-filter")
