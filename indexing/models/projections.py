"""The map of a feature set, and what was lassoed on it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from indexing.models.features import FeatureSet, FeatureShard
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job


class FeatureProjection(models.Model):
    """The map of a feature set: landmarks laid out in the plane once, every other item placed among them."""

    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="projections")
    layout_sha256 = models.CharField(max_length=64, help_text="Of the landmarks file, which it also names.")
    places_sha256 = models.CharField(max_length=64, help_text="Of the file of their places.")
    num_landmarks = models.IntegerField()
    num_laid_out = models.IntegerField(help_text="Items there were when it was laid out.")
    is_current = models.BooleanField(default=False, help_text="The one that is shown.")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["feature_set"],
                condition=Q(is_current=True),
                name="feature_projection_current_is_one_per_set",
            )
        ]

    def __str__(self) -> str:
        return f"map of {self.feature_set_id}"


class ProjectionPart(models.Model):
    """Where the rows of one shard lie on the map: a .npy file named by its sha256, never changed."""

    projection = models.ForeignKey(FeatureProjection, on_delete=models.CASCADE, related_name="parts")
    shard = models.ForeignKey(FeatureShard, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    num_rows = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["projection", "shard"], name="projection_part_is_one_per_shard")
        ]

    def __str__(self) -> str:
        return self.sha256


class MapRegion(models.Model):
    """A lasso on the map, kept so that it can be filtered by and shared; its items are frozen."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="map_regions")
    projection = models.ForeignKey(FeatureProjection, on_delete=models.CASCADE, related_name="regions")
    polygon = models.JSONField(help_text="Corners (x, y) in [0, 1] of the map.")
    items_sha256 = models.CharField(max_length=64, help_text="Of the file of its item ids, ascending.")
    num_items = models.IntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.num_items} items of the map"
