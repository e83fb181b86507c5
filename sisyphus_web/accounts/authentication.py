"""API tokens: `Authorization: Token <token>`."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication

from sisyphus_web.accounts.models import Token

USED_EVERY = timedelta(minutes=5)  # so that a hot client does not write a row per request


class ScopedTokenAuthentication(TokenAuthentication):
    """Knox's check of hash and expiry; notes when the token was last used."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Token]:
        user, found = super().authenticate_credentials(token)
        now = timezone.now()
        if found.last_used_at is None or now - found.last_used_at > USED_EVERY:
            Token.objects.filter(pk=found.pk).update(last_used_at=now)
        return user, found
