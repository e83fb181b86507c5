"""Signing in, one's own password, tokens; the operator's users."""

import re

import pytest
from django.urls import reverse

from sisyphus_web.accounts.models import Token, User
from tests import factories as made


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


def test_the_first_page_asks_to_sign_in_and_then_goes_where_one_wanted(client, mia, corpus):
    wanted = reverse("corpus", args=[corpus.pk])
    assert client.get(wanted).url == f"/login/?next={wanted}"
    answer = client.post(
        "/login/", {"username": "mia", "password": "a long word for mia", "next": wanted}, follow=True
    )
    assert answer.redirect_chain == [(wanted, 302)]


def test_a_wrong_password_is_refused_without_saying_which_was_wrong(client, mia):
    answer = client.post("/login/", {"username": "mia", "password": "a long word for ann"})
    assert answer.status_code == 422
    assert "The name or the password is wrong." in answer.content.decode()


def test_after_five_wrong_passwords_the_page_says_for_how_long_it_is_locked(client, mia):
    for _ in range(5):
        client.post("/login/", {"username": "mia", "password": "guess"})
    answer = client.post("/login/", {"username": "mia", "password": "a long word for mia"})
    assert "Too many failed attempts. Try again in 15 minutes." in answer.content.decode()


def test_a_new_password_keeps_this_session_and_ends_the_others(as_mia, mia, django_user_model):
    answer = as_mia.post(
        "/account/", {"old_password": "a long word for mia", "password": "another long word 42"}, follow=True
    )
    assert answer.context["user"] == mia
    assert User.objects.get(pk=mia.pk).check_password("another long word 42")


def test_a_password_change_needs_the_old_one(as_mia, mia):
    answer = as_mia.post("/account/", {"old_password": "guess", "password": "another long word 42"})
    assert answer.status_code == 422
    assert "This is not your password." in answer.content.decode()


def test_ending_the_sessions_ends_this_one_too(as_mia):
    as_mia.post("/account/sessions/end/")
    assert as_mia.get("/account/").status_code == 302


def test_a_token_is_shown_once_and_works(as_mia, client, corpus):
    answer = as_mia.post("/account/tokens/", {"name": "notebook", "scopes": ["read"], "days": "30"})
    secret = re.search(r'value="([^"]{40,})" readonly', answer.content.decode())
    assert secret is not None
    assert secret[1] not in as_mia.get("/account/tokens/").content.decode()
    as_mia.logout()
    me = reverse("api:corpora")
    assert client.get(me, headers={"Authorization": f"Token {secret[1]}"}).status_code == 200


def test_a_token_of_somebody_else_cannot_be_revoked(as_mia, ann):
    token, _ = Token.objects.create(user=ann, name="hers", scopes=["read"])
    assert as_mia.post(reverse("token-revoke", args=[token.digest])).status_code == 404
    assert Token.objects.filter(pk=token.pk).exists()


def test_an_operator_makes_a_person_whose_one_time_password_is_shown_once(as_olga):
    answer = as_olga.post("/users/", {"username": "nia"})
    password = answer.context["password"]
    assert password in answer.content.decode()
    assert User.objects.get(username="nia").check_password(password)
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_last_operator_stays_one(as_olga, olga):
    answer = as_olga.post(reverse("user-change", args=[olga.pk]), {"action": "deactivate"}, follow=True)
    assert "A site keeps an operator" in answer.content.decode()
    assert User.objects.get(pk=olga.pk).is_active


def test_the_users_page_costs_the_same_for_many_people(as_olga, django_assert_max_num_queries):
    made.UserFactory.create_batch(5)
    with django_assert_max_num_queries(6):
        as_olga.get("/users/")


def test_the_admin_has_no_sign_in_of_its_own(client, mia):
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/login/?next=/admin/"
    client.force_login(mia)
    assert client.get("/admin/", follow=True).status_code == 403
