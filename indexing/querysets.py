"""Reads over media files and items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef

from indexing.compute.regions import FIRST_TILE, WHOLE

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
        """The live items of the unit of `feature_set` that it has no row of."""
        rows = feature_set.rows.filter(item=OuterRef("pk"), slot=WHOLE)
        return self.live().of_unit(feature_set.unit).filter(~Exists(rows))

    def of_unit(self, unit: str) -> Self:
        """Clips, or everything else: frames, photos and regions of them."""
        return self.filter(kind="clip") if unit == "clip" else self.exclude(kind="clip")

    def whole_frames(self) -> Self:
        """Those that are a whole picture: what has tiles."""
        return self.filter(kind="frame", x0_px=None)

    def without_tiles(self, feature_set: FeatureSet) -> Self:
        """The live whole frames that have a feature in `feature_set`, but none of their tiles."""
        rows = feature_set.rows.filter(item=OuterRef("pk"))
        frames = self.live().whole_frames().filter(Exists(rows.filter(slot=WHOLE)))
        return frames.filter(~Exists(rows.filter(slot=FIRST_TILE)))
