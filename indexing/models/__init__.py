"""Media in: files, items, stacks, feature sets and feature index builds."""

from indexing.models.features import FeatureIndex, FeatureRow, FeatureSet, FeatureShard
from indexing.models.items import Item, Stack, ThumbnailPack, Unit
from indexing.models.media import MediaFile, MediaPath, Source, Upload
from indexing.models.projections import FeatureProjection, MapRegion, ProjectionPart
from indexing.models.settings import IndexingSettings

__all__ = [
    "FeatureIndex",
    "FeatureProjection",
    "FeatureRow",
    "FeatureSet",
    "FeatureShard",
    "IndexingSettings",
    "Item",
    "MapRegion",
    "MediaFile",
    "MediaPath",
    "ProjectionPart",
    "Source",
    "Stack",
    "ThumbnailPack",
    "Unit",
    "Upload",
]
