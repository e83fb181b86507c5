"""How a corpus turns media into items and features."""

import pghistory
from django.db import models
from django.db.models import Q

from sisyphus_web.accounts.models import Corpus


@pghistory.track()
class IndexingSettings(models.Model):
    """How a corpus turns media into items and features."""

    class FramePolicy(models.TextChoices):
        CODEC_KEYFRAME = "codec_keyframe", "codec key frames"
        INTERVAL = "interval", "every N seconds"
        EVERY = "every", "every frame"
        CONTENT_CHANGE = "content_change", "when the content changes"
        FEATURE_SIMILARITY = "feature_similarity", "when the feature differs from the last kept frame"

    class Regions(models.TextChoices):
        OFF = "off", "whole frames only"
        TILES = "tiles", "also 13 tiles of each frame"

    corpus = models.OneToOneField(Corpus, on_delete=models.CASCADE, related_name="indexing_settings")
    encoder = models.CharField(
        max_length=160, default="auto", help_text="An encoder key, or auto: the best available."
    )
    frame_policy = models.CharField(max_length=24, choices=FramePolicy, default=FramePolicy.CODEC_KEYFRAME)
    interval_seconds = models.FloatField(default=1.0)
    similarity_threshold = models.FloatField(
        default=0.95, help_text="A frame more similar to the last kept is dropped."
    )
    regions = models.CharField(
        max_length=8, choices=Regions, default=Regions.OFF, help_text="What of a frame queries compare with."
    )
    is_strict = models.BooleanField(
        default=False, help_text="Refuse damaged videos instead of keeping their good frames."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(interval_seconds__gt=0), name="indexing_interval_is_positive"),
            models.CheckConstraint(
                condition=Q(similarity_threshold__gt=-1, similarity_threshold__lte=1),
                name="indexing_similarity_threshold_is_a_cosine",
            ),
        ]

    def __str__(self) -> str:
        return f"indexing settings of {self.corpus}"
