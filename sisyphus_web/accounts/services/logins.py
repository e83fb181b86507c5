"""Signing in, and its lockout by account and by network, counted in PostgreSQL."""

import ipaddress
import logging
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from sisyphus_web.accounts.models import LoginAttempt, User
from sisyphus_web.accounts.services.audit_lines import note

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
# Failures within the window. The first is small and hits only the one who guesses; the others are
# large, because they also shut out the owner of the account and the neighbors in the network.
PER_ACCOUNT_AND_NETWORK = 5
PER_ACCOUNT = 50
PER_NETWORK = 50
KEEP = timedelta(days=30)


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """The person, if the password is right; ValidationError `locked` or `wrong`, which says no more.

    The attempt is counted before the password is looked at, so that many at once gain nothing.
    The caller then starts the session with `django.contrib.auth.login`.
    """
    of = {"username": username.strip().lower()[:150], "network": network_of(request)}
    if _is_locked(**of):
        raise ValidationError(
            f"Too many failed attempts. Try again in {int(WINDOW.total_seconds() // 60)} minutes.",
            code="locked",
        )
    attempt = LoginAttempt.objects.create(**of)
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        logger.warning("sign-in refused for an account from %s", of["network"])
        raise ValidationError("The name or the password is wrong.", code="wrong")
    attempt.is_success = True
    attempt.save(update_fields=["is_success"])
    note("sign-in", by=user, detail=of["network"])
    return user


def network_of(request: HttpRequest) -> str:
    """The client's IPv4 address or IPv6 /64; behind our own proxy, as the proxy saw it."""
    address = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not settings.LOOPBACK_HTTP and forwarded:
        address = forwarded.rsplit(",", 1)[-1].strip()  # the last hop is the proxy's word, others are claims
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 6:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def forget_old_logins() -> int:
    """Delete attempts older than a month and sessions that are over; how many attempts."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return LoginAttempt.objects.filter(at__lt=timezone.now() - KEEP).delete()[0]


def _is_locked(*, username: str, network: str) -> bool:
    failed = LoginAttempt.objects.filter(is_success=False, at__gt=timezone.now() - WINDOW)
    of_account, of_network = failed.filter(username=username), failed.filter(network=network)
    # A success clears what the same account failed before from the same network.
    last = (
        LoginAttempt.objects.filter(is_success=True, username=username, network=network)
        .order_by("-at")
        .values_list("at", flat=True)
        .first()
    )
    of_both = of_account.filter(network=network)
    if last is not None:
        of_both = of_both.filter(at__gt=last)
    return (
        of_both.count() >= PER_ACCOUNT_AND_NETWORK
        or of_account.count() >= PER_ACCOUNT
        or of_network.count() >= PER_NETWORK
    )
