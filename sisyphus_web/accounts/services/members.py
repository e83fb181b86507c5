"""Who may do what in a corpus. Nobody changes their own role; a corpus keeps a manager."""

from django.core.exceptions import ValidationError
from django.db import transaction

from sisyphus_web.accounts.models import Corpus, Membership, Role, User
from sisyphus_web.accounts.services.audit_lines import note


@transaction.atomic
def add_member(corpus: Corpus, *, user: User, role: str, by: User) -> Membership:
    """Let a person into the corpus; ValidationError if they are in it, inactive, or the role is unknown."""
    if not user.is_active:
        raise ValidationError(f"{user.username} is deactivated.", code="inactive")
    membership = Membership(corpus=corpus, user=user, role=role)
    if corpus.memberships.filter(user=user).exists():
        raise ValidationError(f"{user.username} is a member already; change the role.", code="is-member")
    membership.full_clean()
    membership.save()
    note("member-add", by=by, corpus=corpus, detail=f"{user.username}: {role}")
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: str, by: User) -> Membership:
    """Give a member another role; ValidationError for one's own and for the last manager's."""
    membership = _locked(membership, by)
    if role != Role.MANAGER:
        _refuse_the_last_manager(membership)
    before, membership.role = membership.role, role
    membership.full_clean()
    membership.save(update_fields=["role"])
    detail = f"{membership.user.username}: {before} -> {role}"
    note("member-role", by=by, corpus=membership.corpus, detail=detail)
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, by: User) -> None:
    """Take a person out of the corpus, at once; ValidationError for oneself and for the last manager."""
    membership = _locked(membership, by)
    _refuse_the_last_manager(membership)
    note("member-remove", by=by, corpus=membership.corpus, detail=membership.user.username)
    membership.delete()


def _locked(membership: Membership, by: User) -> Membership:
    """The row as it is now, with the corpus locked: two managers cannot remove each other at once."""
    Corpus.objects.select_for_update().get(pk=membership.corpus_id)
    if membership.user_id == by.pk:
        raise ValidationError("Ask another manager: nobody changes their own membership.", code="own-role")
    return Membership.objects.select_related("user", "corpus").get(pk=membership.pk)


def _refuse_the_last_manager(membership: Membership) -> None:
    managers = membership.corpus.memberships.filter(role=Role.MANAGER, user__is_active=True)
    if membership.role == Role.MANAGER and not managers.exclude(pk=membership.pk).exists():
        raise ValidationError("A corpus keeps a manager: make somebody else one first.", code="last-manager")
