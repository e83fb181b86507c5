"""The scores of a classifier along one video, with the operating point they are judged by."""

from __future__ import annotations

import msgspec
import numpy as np

from indexing.models import Item, MediaFile
from labeling.models import LabelClass
from training.models import ClassifierVersion
from training.services.operating_points import column_of, points_of
from training.services.scores import scores_of_items

DECIMALS = 4


class MediaScores(msgspec.Struct, kw_only=True):
    """Scores of the items of a media file, in order of time; those without a score are left out."""

    version: int
    number: int  # of the version
    threshold: float | None  # of the operating point; null: none was chosen
    items: list[int]
    values: list[float]


def scores_along(version: ClassifierVersion, label_class: LabelClass, media_file: MediaFile) -> MediaScores:
    """Of one class; NotScored before the version has scored anything."""
    live = Item.objects.live().filter(media_file=media_file).order_by("start_pts", "pk")
    item_ids = np.array(live.values_list("pk", flat=True), np.int64)
    found = scores_of_items(version, item_ids).of(item_ids)[:, column_of(version, label_class.pk)]
    is_scored = ~np.isnan(found)
    point = points_of(version).get(label_class.pk)
    return MediaScores(
        version=version.pk,
        number=version.number,
        threshold=point.threshold if point is not None else None,
        items=item_ids[is_scored].tolist(),
        values=[round(value, DECIMALS) for value in found[is_scored].tolist()],
    )
