"""Reads over the ledger and its projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from labeling.models import CurrentVerdict, LabelClass, Verdict  # noqa: F401 - named in the bases below


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def of_class(self, label_class: LabelClass) -> Self:
        """Every event about `label_class`, oldest first."""
        return self.filter(label_class=label_class).order_by("id")


class CurrentVerdictQuerySet(models.QuerySet["CurrentVerdict"]):
    def decided(self) -> Self:
        """States with an answer."""
        return self.exclude(answer="")
