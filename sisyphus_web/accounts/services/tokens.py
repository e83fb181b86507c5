"""API tokens: shown once, stored as a hash, never more than their owner may."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from sisyphus_web.accounts.models import Corpus, Role, Scope, Token, User
from sisyphus_web.accounts.permissions import ROLE_NEEDS, Needs, table
from sisyphus_web.accounts.services.audit_lines import note

MAX_DAYS = 90


class CreatedToken(NamedTuple):
    token: Token
    secret: str  # shown once; only its hash is kept


@transaction.atomic
def create_token(
    *, user: User, name: str, scopes: Sequence[str], corpora: Sequence[Corpus] = (), days: int = 30
) -> CreatedToken:
    """Make a token for `user`'s own use: at most 90 days, scopes the user could use, corpora of the user.

    ValidationError names what is wrong. No corpora: every corpus of the user, also later ones.
    """
    if not name.strip():
        raise ValidationError({"name": "Give the token a name, so that you know later what uses it."})
    if not 1 <= days <= MAX_DAYS:
        raise ValidationError({"days": f"A token lives 1 to {MAX_DAYS} days, not {days}."})
    unknown = sorted(set(scopes) - set(Scope.values))
    if not scopes or unknown:
        listed = ", ".join(Scope.values)
        raise ValidationError({"scopes": f"Choose from {listed}; got {', '.join(unknown) or 'nothing'}."})
    own = set(Corpus.objects.visible_to(user).values_list("pk", flat=True))
    if any(corpus.pk not in own for corpus in corpora):
        raise ValidationError({"corpora": "A token reaches only corpora you are a member of."})
    if beyond := _beyond_role(user, scopes, corpora):
        raise ValidationError({"scopes": f"Your role does not allow {', '.join(beyond)} there."})
    token, secret = Token.objects.create(
        user=user, expiry=timedelta(days=days), name=name.strip(), scopes=sorted(set(scopes))
    )
    token.corpora.set(corpora)
    note("token-create", by=user, detail=f"{token.token_key} {name}: {' '.join(token.scopes)}")
    return CreatedToken(token, secret)


@transaction.atomic
def revoke_token(token: Token, *, by: User) -> None:
    """End a token at once."""
    note("token-revoke", by=by, detail=f"{token.token_key} {token.name} of {token.user.username}")
    token.delete()


def _beyond_role(user: User, scopes: Sequence[str], corpora: Sequence[Corpus]) -> list[str]:
    """The scopes none of whose routes the user's best role there could call."""
    memberships = user.memberships.filter(corpus__archived_at=None)
    if corpora:
        memberships = memberships.filter(corpus__in=corpora)
    best = max((ROLE_NEEDS[Role(role)] for role in memberships.values_list("role", flat=True)), default=None)
    if best is None:
        return []  # of no corpus yet: the role is checked at every request anyway
    lowest: dict[str, Needs] = {}
    for rule in table().values():
        if rule.scope is not None:
            lowest[rule.scope] = min(rule.needs, lowest.get(rule.scope, Needs.OPERATOR))
    return sorted(scope for scope in set(scopes) if scope in lowest and lowest[scope] > best)
