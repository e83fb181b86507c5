"""Reads over corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from sisyphus_web.accounts.models import Corpus, User  # noqa: F401 - named in the bases below


class CorpusQuerySet(models.QuerySet["Corpus"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The corpora in use that `user` is a member of; an operator sees no corpus without a membership."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(archived_at=None, memberships__user=user)
