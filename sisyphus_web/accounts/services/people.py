"""People: made by operators only; their passwords; their end."""

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from sisyphus_web.accounts.models import Token, User
from sisyphus_web.accounts.services.audit_lines import note


@transaction.atomic
def create_user(*, username: str, password: str, is_operator: bool = False, by: User | None) -> User:
    """Make a person; only an operator may, or the command line of the machine (`by=None`)."""
    _only_operators(by)
    user = User(username=username.strip(), is_operator=is_operator)
    user.set_password(password)
    user.full_clean()
    _check_password(password, user)
    user.save()
    note("user-create", by=by, detail=f"{user.username}{' (operator)' if is_operator else ''}")
    return user


@transaction.atomic
def change_password(user: User, *, password: str, by: User | None) -> None:
    """Set a password: every session of the person ends, also this one unless the caller renews it."""
    if by != user:
        _only_operators(by)
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    note("user-password", by=by, detail=user.username)


@transaction.atomic
def deactivate(user: User, *, by: User) -> None:
    """Shut a person out at once: sessions and tokens end; what they did stays theirs."""
    _only_operators(by)
    _keep_an_operator(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    Token.objects.filter(user=user).delete()
    end_sessions(user)
    note("user-deactivate", by=by, detail=user.username)


@transaction.atomic
def reactivate(user: User, *, by: User) -> None:
    """Let a person in again; tokens are made anew."""
    _only_operators(by)
    user.is_active = True
    user.save(update_fields=["is_active"])
    note("user-reactivate", by=by, detail=user.username)


@transaction.atomic
def set_operator(user: User, *, is_operator: bool, by: User) -> None:
    """Make a person an operator or an ordinary person; the last operator stays one."""
    _only_operators(by)
    if not is_operator:
        _keep_an_operator(user)
    user.is_operator = is_operator
    user.save(update_fields=["is_operator"])
    note("user-operator", by=by, detail=f"{user.username}: {is_operator}")


def end_sessions(user: User) -> int:
    """End every session of the person; how many."""
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    return ended


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _only_operators(by: User | None) -> None:
    if by is not None and not by.is_operator:
        raise PermissionDenied("Only an operator may do this.")


def _keep_an_operator(user: User) -> None:
    others = User.objects.select_for_update().filter(is_operator=True, is_active=True).exclude(pk=user.pk)
    if user.is_operator and not others.exists():
        raise ValidationError("A site keeps an operator: make somebody else one first.", code="last-operator")
