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

    class Clips(models.TextChoices):
        OFF = "off", "frames only"
        ON = "on", "frames, and clips of videos"

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
    clips = models.CharField(
        max_length=3, choices=Clips, default=Clips.OFF, help_text="What of a video is searched."
    )
    clip_seconds = models.FloatField(default=2.0)
    clip_stride_seconds = models.FloatField(
        default=2.0, help_text="From the start of a clip to the start of the next."
    )
    clip_frames_per_second = models.FloatField(
        default=0.0, help_text="How densely the frames of a clip are taken; 0: spread over all of it."
    )
    clip_encoder = models.CharField(
        max_length=160, default="auto", help_text="A clip encoder's key, or auto: the best available."
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
            models.CheckConstraint(
                condition=Q(
                    clip_seconds__gte=0.1,
                    clip_seconds__lte=600,
                    clip_stride_seconds__gte=0.1,
                    clip_stride_seconds__lte=3600,
                    clip_frames_per_second__gte=0,
                    clip_frames_per_second__lte=1000,
                ),
                name="indexing_clips_have_a_length_and_a_stride",
                violation_error_message="Clips are 0.1 to 600 s long, one every 0.1 to 3600 s.",
            ),
        ]

    def __str__(self) -> str:
        return f"indexing settings of {self.corpus}"
