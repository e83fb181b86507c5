"""Media files: where they were seen, and how they come."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from indexing.querysets import MediaFileQuerySet
from sisyphus_web.accounts.models import Corpus


class Source(models.Model):
    """Where media of a corpus come from: a folder of this server, or uploads."""

    class Kind(models.TextChoices):
        FOLDER = "folder"
        UPLOAD = "upload"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="sources")
    kind = models.CharField(max_length=8, choices=Kind)
    path = models.CharField(max_length=4096, blank=True, default="", help_text="Absolute; empty for uploads.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    scanned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "kind", "path"], name="source_is_one_per_path")
        ]

    def __str__(self) -> str:
        return self.path or "uploads"


class MediaFile(models.Model):
    """One video or one photo as it was given; its identity is the sha256 of its bytes."""

    class Kind(models.TextChoices):
        VIDEO = "video"
        IMAGE = "image"
        UNKNOWN = "unknown"  # refused before its kind was known

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        PARTIAL = "partial"
        REFUSED = "refused"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="media_files")
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=400, help_text="Display text: the name it was given under.")
    size_bytes = models.BigIntegerField()
    path = models.CharField(max_length=4096, help_text="Absolute path of bytes with this sha256.")
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    reason_code = models.CharField(max_length=40, blank=True, default="")
    reason = models.TextField(
        blank=True, default="", help_text="Why it is partial or refused, in a sentence."
    )
    notes = ArrayField(
        models.CharField(max_length=300), default=list, blank=True
    )  # 'first of 5 frames taken'
    container = models.CharField(max_length=40, blank=True, default="")
    codec = models.CharField(max_length=40, blank=True, default="")
    width_px = models.IntegerField(default=0)  # as displayed, after rotation
    height_px = models.IntegerField(default=0)
    rotation_degrees = models.SmallIntegerField(default=0)
    duration_seconds = models.FloatField(null=True, blank=True)
    num_frames = models.IntegerField(
        null=True, blank=True, help_text="Counted where all were decoded, else empty."
    )
    time_base_numerator = models.IntegerField(default=1)
    time_base_denominator = models.IntegerField(default=1)
    is_variable_rate = models.BooleanField(default=False)
    clips_cut_by = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The clip policy its clips are of; empty: none.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MediaFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "sha256"], name="media_file_is_one_per_content"),
            models.CheckConstraint(
                condition=~Q(state__in=["partial", "refused"]) | ~Q(reason=""),
                name="media_file_failure_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["corpus", "-id"], name="media_file_of_corpus"),  # the media page
            # the search service: what was deleted since it last looked
            models.Index(
                fields=["corpus", "deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="media_file_deleted",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MediaPath(models.Model):
    """A place where a media file was seen; equal size and mtime at the next scan mean it need not be read."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="paths")
    relative_path = models.CharField(max_length=4096)
    size_bytes = models.BigIntegerField()
    mtime_ns = models.BigIntegerField()
    media_file = models.ForeignKey(MediaFile, on_delete=models.CASCADE, related_name="paths")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "relative_path"], name="media_path_is_one_per_source")
        ]

    def __str__(self) -> str:
        return self.relative_path


class Upload(models.Model):
    """A file on its way in; its bytes arrive in order, the sha256 is checked at the end."""

    class State(models.TextChoices):
        RECEIVING = "receiving"
        RECEIVED = "received"
        INGESTED = "ingested"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=400)  # display text, with its folders
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(
        max_length=64, blank=True, default="", help_text="As declared; empty: not declared."
    )
    state = models.CharField(max_length=9, choices=State, default=State.RECEIVING)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(received_bytes__gte=0, received_bytes__lte=F("size_bytes")),
                name="upload_is_within_its_size",
            )
        ]

    def __str__(self) -> str:
        return self.name
