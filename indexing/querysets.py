"""Reads over media files and items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef

if TYPE_CHECKING:
    from indexing.models import FeatureSet, Item, MediaFile  # noqa: F401 - named in the bases below


class MediaFileQuerySet(models.QuerySet["MediaFile"]):
    def live(self) -> Self:
        """Without the deleted ones."""
        return self.filter(deleted_at=None)


class ItemQuerySet(models.QuerySet["Item"]):
    def live(self) -> Self:
        """Without the deleted ones."""
        return self.filter(deleted_at=None)

    def without_features(self, feature_set: FeatureSet) -> Self:
        """The live items that `feature_set` has no row of."""
        rows = feature_set.rows.filter(item=OuterRef("pk"))
        return self.live().filter(~Exists(rows))
