"""permissions.csv is what happens: every route, every method, every identity, with real requests."""

from dataclasses import dataclass

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from sisyphus_web.accounts.models import Corpus, Membership, Role, Scope, Token, User
from sisyphus_web.accounts.permissions import ROLE_NEEDS, Needs, Rule, table
from tests.contract.routes import Route, every_route

ROUTES = {route.name: route for route in every_route()}
ROWS = sorted(table().items())
CHANGES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
NOT_OURS = ("django_session",)  # a session is renewed by being used


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.name)
def test_every_route_has_a_row_for_each_of_its_methods(route):
    missing = [method for method in sorted(route.methods) if (route.name, method) not in table()]
    assert missing == [], f"permissions.csv has no row for {missing} of {route.name}: they are denied"


@pytest.mark.parametrize(("route", "method"), [key for key, _ in ROWS])
def test_every_row_is_of_a_route(route, method):
    assert route in ROUTES
    assert method in ROUTES[route].methods


@dataclass
class Cast:
    corpus: Corpus
    foreign: Corpus
    people: dict[str, User]

    def client(self, who: str, **kwargs) -> Client:
        client = Client(raise_request_exception=False, **kwargs)
        if who != "anonymous":
            client.force_login(self.people[who])
        return client

    def token(self, scopes: list[str]) -> Client:
        """A client with a token of the manager's."""
        _, secret = Token.objects.create(user=self.people["manager"], name="test", scopes=scopes)
        return Client(raise_request_exception=False, headers={"Authorization": f"Token {secret}"})


@pytest.fixture
def cast(db) -> Cast:
    names = ("viewer", "annotator", "manager", "stranger", "operator")
    people = {
        name: User.objects.create(username=name, password="!", is_operator=name == "operator")
        for name in names
    }
    corpus = Corpus.objects.create(name="ours", created_by=people["manager"])
    foreign = Corpus.objects.create(name="theirs", created_by=people["stranger"])
    for role in Role.values:
        Membership.objects.create(corpus=corpus, user=people[role], role=role)
    Membership.objects.create(corpus=foreign, user=people["stranger"], role=Role.MANAGER)
    return Cast(corpus, foreign, people)


def answer(client: Client, route: Route, method: str, corpus: Corpus) -> str:
    """What a request comes to: allowed, sign-in, forbidden or hidden. Nothing it did remains."""
    content = {} if route.is_page or method == "GET" else {"content_type": "application/json"}
    with transaction.atomic():
        response = client.generic(method, route.url(corpus.pk), **content)
        transaction.set_rollback(True)
    assert response.status_code < 500 or response.status_code == 503, f"{route.name} {method}: {response}"
    location = response.headers.get("Location", "")
    if response.status_code == 401 or location.startswith(reverse("login") + "?"):
        return "sign-in"
    if response.status_code == 403:
        return "forbidden"
    return "hidden" if response.status_code == 404 else "allowed"


def expected(route: Route, rule: Rule, who: str) -> set[str]:
    """The answers the table promises; an allowed request for a thing that does not exist finds none."""
    allowed = {"allowed", "hidden"}
    if rule.needs == Needs.PUBLIC:
        return allowed
    if who == "anonymous":
        return {"sign-in"}
    if not route.is_of_corpus:
        return allowed if rule.needs == Needs.USER or who == "operator" else {"forbidden"}
    if who in ("stranger", "operator"):
        return {"hidden"}
    return allowed if ROLE_NEEDS[Role(who)] >= rule.needs else {"forbidden"}


@pytest.mark.parametrize(("key", "rule"), ROWS, ids=[f"{name} {method}" for (name, method), _ in ROWS])
def test_every_identity_gets_what_the_table_says(key, rule, cast):
    route, method = ROUTES[key[0]], key[1]
    wrong = []
    for who in ("anonymous", *cast.people):
        got = answer(cast.client(who), route, method, cast.corpus)
        if got not in expected(route, rule, who):
            wrong.append(f"{who}: {got}, not {expected(route, rule, who)}")
    assert wrong == []


@pytest.mark.parametrize(("key", "rule"), ROWS, ids=[f"{name} {method}" for (name, method), _ in ROWS])
def test_a_token_may_what_its_scope_says_and_no_more(key, rule, cast):
    route, method = ROUTES[key[0]], key[1]
    if rule.needs == Needs.PUBLIC:
        return
    if route.is_page:
        assert answer(cast.token(Scope.values), route, method, cast.corpus) == "sign-in"
        return
    others = [scope for scope in Scope.values if scope != rule.scope]
    assert answer(cast.token(others), route, method, cast.corpus) == "forbidden"
    if rule.scope is not None:
        assert answer(cast.token([rule.scope]), route, method, cast.corpus) in {"allowed", "hidden"}
    else:
        assert answer(cast.token(Scope.values), route, method, cast.corpus) == "forbidden"


OF_CORPUS = [(key, rule) for key, rule in ROWS if key[0] in ROUTES and ROUTES[key[0]].is_of_corpus]


@pytest.mark.parametrize(("key", "rule"), OF_CORPUS, ids=[" ".join(key) for key, _ in OF_CORPUS])
def test_a_foreign_corpus_is_nothing(key, rule, cast):
    route, method = ROUTES[key[0]], key[1]
    assert answer(cast.client("manager"), route, method, cast.foreign) == "hidden"
    if not route.is_page and rule.scope is not None:
        narrow = cast.token([rule.scope])
        Token.objects.get().corpora.add(cast.foreign)  # a token for another corpus
        assert answer(narrow, route, method, cast.corpus) == "hidden"


WRITES = [(key, rule) for key, rule in ROWS if key[1] != "GET"]


@pytest.mark.parametrize(("key", "rule"), WRITES, ids=[" ".join(key) for key, _ in WRITES])
def test_a_session_without_the_csrf_token_changes_nothing(key, rule, cast):
    route, method = ROUTES[key[0]], key[1]
    who = "operator" if rule.needs == Needs.OPERATOR else "manager"
    assert answer(cast.client(who, enforce_csrf_checks=True), route, method, cast.corpus) == "forbidden"


READS = [(key, rule) for key, rule in ROWS if key[1] == "GET"]


@pytest.mark.parametrize(("key", "rule"), READS, ids=[key[0] for key, _ in READS])
def test_a_get_changes_no_row(key, rule, cast):
    route = ROUTES[key[0]]
    who = "operator" if rule.needs == Needs.OPERATOR else "manager"
    client = cast.client(who)
    changes = []

    def watch(execute, sql, params, many, context):
        if sql.lstrip().upper().startswith(CHANGES) and not any(name in sql for name in NOT_OURS):
            changes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        client.get(route.url(cast.corpus.pk))
    assert changes == []


@pytest.mark.parametrize(("key", "rule"), READS, ids=[key[0] for key, _ in READS])
def test_every_answer_carries_the_headers(key, rule, cast):
    who = "operator" if rule.needs == Needs.OPERATOR else "manager"
    response = cast.client(who).get(ROUTES[key[0]].url(cast.corpus.pk))
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]
    if not ROUTES[key[0]].is_page:
        assert response.headers["Cache-Control"]
