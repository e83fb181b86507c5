"""API tokens: `Authorization: Token <token>`."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
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


class ScopedTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI schema describes it."""

    target_class = "sisyphus_web.accounts.authentication.ScopedTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        words = "`Token <token>`: made on the page of your account, with scopes and an end."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": words}
