import json
import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from sisyphus_web.accounts import services
from sisyphus_web.accounts.models import Corpus, IdempotentAnswer, Membership, Token, User
from tests.factories import FeatureSetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_():
    """A client signed in as somebody."""

    def client(user: User) -> Client:
        made = Client()
        made.force_login(user)
        return made

    return client


def send(client: Client, method: str, url: str, body=None, **headers):
    return client.generic(method, url, _json(body), content_type="application/json", headers=headers)


def _json(body) -> str:
    return "" if body is None else json.dumps(body)


def test_a_corpus_is_made_with_its_maker_as_manager(as_, stan):
    answer = send(as_(stan), "POST", "/api/v1/corpora/", {"name": "night buses"})
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["role"]) == ("night buses", "manager")


def test_a_name_in_use_is_refused_with_a_code_and_a_sentence(as_, corpus, stan):
    answer = send(as_(stan), "POST", "/api/v1/corpora/", {"name": corpus.name})
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "detail", "fields"}
    assert "in use already" in answer.json()["detail"]


def test_the_list_is_of_ones_own_corpora(as_, corpus, ann, stan):
    assert [each["id"] for each in as_(ann).get("/api/v1/corpora/").json()["results"]] == [corpus.pk]
    assert as_(stan).get("/api/v1/corpora/").json()["results"] == []


def test_fields_that_are_not_the_askers_are_ignored(as_, corpus, mia, stan):
    body = {"name": "renamed", "created_by": stan.pk, "role": "viewer", "archived_at": "2020-01-01"}
    assert send(as_(mia), "PATCH", f"/api/v1/corpora/{corpus.pk}/", body).status_code == 200
    corpus.refresh_from_db()
    assert (corpus.name, corpus.created_by, corpus.archived_at) == ("renamed", mia, None)


def test_a_manager_adds_changes_and_removes_a_member(as_, corpus, mia, stan):
    client, url = as_(mia), f"/api/v1/corpora/{corpus.pk}/members/"
    member = send(client, "POST", url, {"username": "stan", "role": "viewer"}).json()
    assert send(client, "PATCH", f"{url}{member['id']}/", {"role": "annotator"}).json()["role"] == "annotator"
    assert client.delete(f"{url}{member['id']}/").status_code == 204
    assert not Corpus.objects.visible_to(stan).exists()


def test_a_manager_cannot_change_themself(as_, corpus, mia):
    own = Membership.objects.get(user=mia, corpus=corpus)
    answer = as_(mia).delete(f"/api/v1/corpora/{corpus.pk}/members/{own.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (400, "own-role")


def test_a_member_of_another_corpus_is_not_found(as_, corpus, mia, stan):
    foreign = services.create_corpus(name="theirs", created_by=stan).memberships.get()
    assert as_(mia).delete(f"/api/v1/corpora/{corpus.pk}/members/{foreign.pk}/").status_code == 404


def test_a_token_shows_its_secret_once_and_works(as_, corpus, ann):
    body = {"name": "script", "scopes": ["read"], "corpora": [corpus.pk]}
    made = send(as_(ann), "POST", "/api/v1/tokens/", body).json()
    assert "secret" not in as_(ann).get("/api/v1/tokens/").json()["results"][0]
    script = Client(headers={"Authorization": f"Token {made['secret']}"})
    me = script.get("/api/v1/me/").json()
    assert (me["username"], me["token"]["scopes"]) == ("ann", ["read"])
    assert as_(ann).delete(f"/api/v1/tokens/{made['key']}/").status_code == 204
    assert script.get("/api/v1/me/").status_code == 401


def test_a_token_of_another_person_is_not_found(as_, ann, corpus, stan):
    token, _ = services.create_token(user=ann, name="x", scopes=["read"])
    assert as_(stan).delete(f"/api/v1/tokens/{token.token_key}/").status_code == 404


def test_a_token_for_some_corpora_lists_and_makes_no_others(corpus, ann):
    services.create_corpus(name="second", created_by=ann)
    _, secret = services.create_token(user=ann, name="x", scopes=["read", "upload"], corpora=[corpus])
    script = Client(headers={"Authorization": f"Token {secret}"})
    assert [each["id"] for each in script.get("/api/v1/corpora/").json()["results"]] == [corpus.pk]
    assert send(script, "POST", "/api/v1/corpora/", {"name": "third"}).status_code == 403


def test_a_deactivated_person_is_out_at_once(as_, olga, ann, corpus):
    client = as_(ann)
    _, secret = services.create_token(user=ann, name="x", scopes=["read"])
    answer = send(as_(olga), "PATCH", f"/api/v1/users/{ann.pk}/", {"is_active": False})
    assert answer.status_code == 200
    assert client.get("/api/v1/me/").status_code == 401
    assert Client(headers={"Authorization": f"Token {secret}"}).get("/api/v1/me/").status_code == 401
    assert not Token.objects.exists()


def test_a_new_password_ends_the_other_sessions(as_, ann):
    client = as_(ann)
    services.change_password(ann, password="another long password", by=ann)
    assert client.get("/api/v1/me/").status_code == 401


def test_a_session_ends_after_seven_days_of_use(as_, ann, monkeypatch):
    client = as_(ann)
    assert client.get("/api/v1/me/").status_code == 200
    began = client.session["began"]
    monkeypatch.setattr("sisyphus_web.accounts.middleware.time.time", lambda: began + 7 * 86400 + 1)
    assert client.get("/api/v1/me/").status_code == 401


def test_the_session_cookie_is_hidden_from_scripts_and_other_sites(ann):
    client = Client()
    page = client.post(reverse("login"), {"username": "ann", "password": "a long word for ann"})
    assert page.status_code == 302
    cookie = client.cookies["sisyphus_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_the_same_key_makes_one_corpus(as_, stan):
    client, body = as_(stan), {"name": "once"}
    key = {"Idempotency-Key": "a"}
    first = send(client, "POST", "/api/v1/corpora/", body, **key)
    again = send(client, "POST", "/api/v1/corpora/", body, **key)
    assert again.json() == first.json()
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Corpus.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(as_, stan):
    client, key = as_(stan), {"Idempotency-Key": "a"}
    send(client, "POST", "/api/v1/corpora/", {"name": "once"}, **key)
    assert send(client, "POST", "/api/v1/corpora/", {"name": "twice"}, **key).status_code == 422


def test_a_key_is_of_one_person(as_, stan, ann):
    key = {"Idempotency-Key": "a"}
    send(as_(stan), "POST", "/api/v1/corpora/", {"name": "stan's"}, **key)
    assert send(as_(ann), "POST", "/api/v1/corpora/", {"name": "ann's"}, **key).status_code == 201


def test_a_refusal_is_not_kept(as_, stan):
    client, key = as_(stan), {"Idempotency-Key": "a"}
    assert send(client, "POST", "/api/v1/corpora/", {"name": ""}, **key).status_code == 400
    assert not IdempotentAnswer.objects.exists()
    assert send(client, "POST", "/api/v1/corpora/", {"name": "now"}, **key).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_repetition_while_the_first_is_at_work_is_a_409(as_, stan, monkeypatch):
    client, key, answers = as_(stan), {"Idempotency-Key": "a"}, []
    at_work, may_end = threading.Event(), threading.Event()
    create = services.create_corpus

    def slowly(**kwargs):
        at_work.set()
        may_end.wait(120)
        return create(**kwargs)

    monkeypatch.setattr("sisyphus_web.accounts.services.create_corpus", slowly)

    def first():
        answers.append(send(client, "POST", "/api/v1/corpora/", {"name": "once"}, **key).status_code)
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert at_work.wait(120)
    again = send(client, "POST", "/api/v1/corpora/", {"name": "once"}, **key)
    may_end.set()
    thread.join()
    assert (again.status_code, again.json()["code"], answers) == (409, "in-flight", [201])


def test_an_operator_makes_a_person_who_can_sign_in(as_, olga):
    body = {"username": "nina", "password": "a long word for nina", "is_operator": False}
    answer = send(as_(olga), "POST", "/api/v1/users/", body)
    assert (answer.status_code, answer.json()["username"]) == (201, "nina")
    assert Client().login(username="nina", password="a long word for nina")


def test_only_an_operator_makes_people(as_, mia, corpus):
    body = {"username": "nina", "password": "a long word for nina", "is_operator": True}
    assert send(as_(mia), "POST", "/api/v1/users/", body).status_code == 403
    assert not User.objects.filter(username="nina").exists()


def test_a_token_for_some_corpora_does_not_learn_of_the_others_from_the_encoders(corpus, ann):
    other = services.create_corpus(name="second", created_by=ann)
    for each in (corpus, other):
        FeatureSetFactory(corpus=each, encoder="builtin@1", is_active=True)
    _, secret = services.create_token(user=ann, name="x", scopes=["read"], corpora=[corpus])
    script = Client(headers={"Authorization": f"Token {secret}"})
    used = [each["used_by"] for each in script.get("/api/v1/encoders/").json() if each["key"] == "builtin@1"]
    assert used == [[corpus.pk]]


def test_an_answer_that_says_signed_out_leaves_the_cookie_of_a_sign_in_made_meanwhile(ann, settings):
    browser = Client()
    browser.force_login(ann)
    Session.objects.all().delete()
    answer = browser.get("/api/v1/me/")
    assert answer.status_code == 401
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert browser.get("/").cookies[settings.SESSION_COOKIE_NAME].value == ""  # a page takes it away
