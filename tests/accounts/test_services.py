from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from sisyphus_web.accounts import services
from sisyphus_web.accounts.models import AuditLine, Corpus, LoginAttempt, Membership, Role, Token
from sisyphus_web.accounts.services.logins import PER_ACCOUNT_AND_NETWORK

pytestmark = pytest.mark.django_db


def of(user, corpus) -> Membership:
    return Membership.objects.get(user=user, corpus=corpus)


def test_create_corpus_makes_its_maker_the_manager(stan):
    corpus = services.create_corpus(name=" night buses ", created_by=stan)
    assert (corpus.name, of(stan, corpus).role) == ("night buses", Role.MANAGER)


def test_a_corpus_name_in_use_is_refused_in_words(corpus, stan):
    with pytest.raises(ValidationError, match="in use already"):
        services.create_corpus(name=corpus.name, created_by=stan)


def test_an_archived_corpus_is_seen_by_nobody_and_frees_its_name(corpus, mia):
    services.archive_corpus(corpus, by=mia)
    assert not Corpus.objects.visible_to(mia).exists()
    services.create_corpus(name=corpus.name, created_by=mia)


def test_a_member_is_added_once(corpus, stan, mia):
    services.add_member(corpus, user=stan, role="viewer", by=mia)
    with pytest.raises(ValidationError, match="a member already"):
        services.add_member(corpus, user=stan, role="manager", by=mia)


def test_an_unknown_role_is_refused(corpus, stan, mia):
    with pytest.raises(ValidationError, match="not a valid choice"):
        services.add_member(corpus, user=stan, role="king", by=mia)


def test_nobody_changes_their_own_role(corpus, mia):
    with pytest.raises(ValidationError, match="nobody changes their own"):
        services.change_role(of(mia, corpus), role="viewer", by=mia)


def test_the_last_manager_stays(corpus, mia, ann):
    services.change_role(of(ann, corpus), role="manager", by=mia)
    services.remove_member(of(mia, corpus), by=ann)
    with pytest.raises(ValidationError, match="keeps a manager"):
        services.change_role(of(ann, corpus), role="viewer", by=mia)


def test_a_removed_member_sees_the_corpus_no_more(corpus, ann, mia):
    services.remove_member(of(ann, corpus), by=mia)
    assert not Corpus.objects.visible_to(ann).exists()


def test_a_token_is_kept_as_a_hash_only(corpus, ann):
    token, secret = services.create_token(user=ann, name="script", scopes=["read", "label"])
    assert len(secret) == 64
    assert secret not in str(Token.objects.filter(pk=token.pk).values().get())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"name": " "}, "Give the token a name"),
        ({"days": 91}, "1 to 90 days"),
        ({"days": 0}, "1 to 90 days"),
        ({"scopes": []}, "Choose from read"),
        ({"scopes": ["admin"]}, "got admin"),
    ],
)
def test_a_bad_token_is_refused(ann, change, match):
    good = {"user": ann, "name": "script", "scopes": ["read"], "days": 90}
    services.create_token(**good)
    with pytest.raises(ValidationError, match=match):
        services.create_token(**good | change)


def test_a_token_reaches_only_corpora_of_its_owner(corpus, stan):
    with pytest.raises(ValidationError, match="you are a member of"):
        services.create_token(user=stan, name="x", scopes=["read"], corpora=[corpus])


def test_a_viewer_makes_no_token_that_uploads(corpus, vera):
    with pytest.raises(ValidationError, match="does not allow label"):
        services.create_token(user=vera, name="x", scopes=["read", "label"], corpora=[corpus])


def test_only_an_operator_makes_people(mia, olga):
    with pytest.raises(PermissionDenied):
        services.create_user(username="eve", password="seven green bottles", by=mia)
    assert services.create_user(username="eve", password="seven green bottles", by=olga).pk


@pytest.mark.parametrize("password", ["short", "password1234", "739201837465"])
def test_a_weak_password_is_refused(olga, password):
    with pytest.raises(ValidationError, match=r"too short|too common|entirely numeric"):
        services.create_user(username="eve", password=password, by=olga)


def test_the_last_operator_stays(olga):
    with pytest.raises(ValidationError, match="keeps an operator"):
        services.deactivate(olga, by=olga)
    with pytest.raises(ValidationError, match="keeps an operator"):
        services.set_operator(olga, is_operator=False, by=olga)


def test_the_audit_log_cannot_be_changed(corpus, mia):
    services.note("test", by=mia, corpus=corpus)
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        AuditLine.objects.update(detail="nothing happened")
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        AuditLine.objects.all().delete()


def guess(rf, username="ann", password="wrong", address="192.0.2.7"):
    return services.sign_in(rf.post("/login/", REMOTE_ADDR=address), username=username, password=password)


def test_guessing_locks_the_account_for_that_network_only(rf, ann):
    for _ in range(PER_ACCOUNT_AND_NETWORK):
        with pytest.raises(ValidationError, match="is wrong"):
            guess(rf)
    with pytest.raises(ValidationError, match="Too many"):
        guess(rf, password="a long word for ann")
    assert guess(rf, password="a long word for ann", address="198.51.100.1") == ann


def test_the_lockout_ends(rf, ann):
    for _ in range(PER_ACCOUNT_AND_NETWORK):
        with pytest.raises(ValidationError):
            guess(rf)
    LoginAttempt.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert guess(rf, password="a long word for ann") == ann


def test_a_success_forgives_earlier_slips(rf, ann):
    for _ in range(3):
        for _ in range(PER_ACCOUNT_AND_NETWORK - 1):
            with pytest.raises(ValidationError, match="is wrong"):
                guess(rf)
        assert guess(rf, password="a long word for ann") == ann


def test_a_network_that_tries_many_names_is_locked(rf, ann, monkeypatch):
    monkeypatch.setattr("sisyphus_web.accounts.services.logins.PER_NETWORK", 4)
    for number in range(4):
        with pytest.raises(ValidationError, match="is wrong"):
            guess(rf, username=f"nobody-{number}")
    with pytest.raises(ValidationError, match="Too many"):
        guess(rf, password="a long word for ann")


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("", "unknown")],
)
def test_the_network_of_an_address(rf, address, network):
    assert services.network_of(rf.get("/", REMOTE_ADDR=address)) == network
