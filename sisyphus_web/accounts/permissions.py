"""Who may do what: one table, permissions.csv, for every route, page and API alike. No row: denied."""

import csv
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from django.http import Http404, HttpRequest
from rest_framework.permissions import BasePermission

from sisyphus_web.accounts.models import Corpus, Membership, Role, Scope, Token, User
from sisyphus_web.accounts.querysets import CorpusQuerySet

TABLE = Path(__file__).with_name("permissions.csv")
SAFE = {"HEAD": "GET", "OPTIONS": "GET"}


class Needs(IntEnum):
    """What a route asks for; below a corpus a role in it, each including the ones before it."""

    PUBLIC = 0
    USER = 1  # signed in
    VIEWER = 2
    ANNOTATOR = 3
    MANAGER = 4
    OPERATOR = 5  # of the site; not a role in a corpus


ROLE_NEEDS = {Role.VIEWER: Needs.VIEWER, Role.ANNOTATOR: Needs.ANNOTATOR, Role.MANAGER: Needs.MANAGER}


@dataclass(frozen=True, slots=True)
class Rule:
    needs: Needs
    scope: Scope | None  # what a token must carry; None: no token may


@cache
def table() -> dict[tuple[str, str], Rule]:
    """(route, method) -> rule, from permissions.csv (route, methods, needs, scope)."""
    rules = {}
    with TABLE.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            for method in row["methods"].split():
                key = (row["route"], method)
                if key in rules:
                    raise ValueError(f"permissions.csv names {key} twice")
                rules[key] = Rule(Needs[row["needs"].upper()], Scope(row["scope"]) if row["scope"] else None)
    return rules


def rule_of(request: HttpRequest) -> Rule | None:
    """The row of the route and method of `request`; None means denied."""
    match = request.resolver_match
    if match is None:
        return None
    method = request.method or "GET"
    rules = table()
    return rules.get((match.view_name, method)) or rules.get((match.view_name, SAFE.get(method, method)))


def allows(rule: Rule | None, *, user: Any, corpus_id: int | None, token: Token | None) -> bool:
    """True if allowed, False for a 403 (or 401); Http404 for a corpus that is not the user's."""
    return grant(rule, user=user, corpus_id=corpus_id, token=token) is not None


@dataclass(frozen=True, slots=True)
class Grant:
    """A request is let through; below a corpus, by this membership."""

    membership: Membership | None = None


def grant(rule: Rule | None, *, user: Any, corpus_id: int | None, token: Token | None) -> Grant | None:
    """None for a 403 (or 401); Http404 for a corpus that is not the user's."""
    if rule is None:
        return None
    if rule.needs == Needs.PUBLIC:
        return Grant()
    if not user.is_authenticated:
        return None
    if token is not None and (rule.scope is None or rule.scope not in token.scopes):
        return None
    if corpus_id is None:
        may = rule.needs == Needs.USER or (rule.needs == Needs.OPERATOR and user.is_operator)
        return Grant() if may else None
    mine = Membership.objects.filter(user=user, corpus__archived_at=None).select_related("corpus")
    membership = mine.filter(corpus=corpus_id).first()
    if membership is None or (
        token is not None and token.corpora.exists() and not token.corpora.contains(membership.corpus)
    ):
        raise Http404
    return Grant(membership) if ROLE_NEEDS[Role(membership.role)] >= rule.needs else None


def membership_of(request: Any) -> Membership:
    """By what a request of the API below a corpus was let through; Http404 where it was not."""
    granted: Grant | None = getattr(request._request, "grant", None)
    if granted is None or granted.membership is None:
        raise Http404
    return granted.membership


def user_of(request: Any) -> User:
    """The signed-in user of a request that the table has let through to a route that needs one."""
    return cast(User, request.user)


def corpora_of(request: Any) -> CorpusQuerySet:
    """The corpora this request may touch: the user's, narrowed to the token's if it names some."""
    mine = Corpus.objects.visible_to(request.user)
    token = getattr(request, "auth", None)
    if isinstance(token, Token) and token.corpora.exists():
        return mine.filter(pk__in=token.corpora.all())
    return mine


class TablePermission(BasePermission):
    """Django REST framework's way to the table."""

    def has_permission(self, request: Any, view: Any) -> bool:
        token = request.auth if isinstance(request.auth, Token) else None
        corpus_id = view.kwargs.get("corpus_id")
        granted = grant(rule_of(request._request), user=request.user, corpus_id=corpus_id, token=token)
        request._request.grant = granted
        return granted is not None
