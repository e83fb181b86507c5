"""Media in: files, items, stacks, feature sets and feature index builds."""

import uuid

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from indexing.querysets import ItemQuerySet, MediaFileQuerySet
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job


@pghistory.track()
class IndexingSettings(models.Model):
    """How a corpus turns media into items and features."""

    class FramePolicy(models.TextChoices):
        CODEC_KEYFRAME = "codec_keyframe", "codec key frames"
        INTERVAL = "interval", "every N seconds"
        EVERY = "every", "every frame"
        CONTENT_CHANGE = "content_change", "when the content changes"
        FEATURE_SIMILARITY = "feature_similarity", "when the feature differs from the last kept frame"

    corpus = models.OneToOneField(Corpus, on_delete=models.CASCADE, related_name="indexing_settings")
    encoder = models.CharField(
        max_length=160, default="auto", help_text="An encoder key, or auto: the best available."
    )
    frame_policy = models.CharField(max_length=24, choices=FramePolicy, default=FramePolicy.CODEC_KEYFRAME)
    interval_seconds = models.FloatField(default=1.0)
    similarity_threshold = models.FloatField(
        default=0.95, help_text="A frame more similar to the last kept is dropped."
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


class ThumbnailPack(models.Model):
    """One immutable file that holds many JPEG thumbnails end to end."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="thumbnail_packs")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "sha256"], name="thumbnail_pack_is_one_per_content")
        ]

    def __str__(self) -> str:
        return self.sha256


class Stack(models.Model):
    """Near-identical items, shown as one tile and answered in one decision."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="stacks")
    media_file = models.ForeignKey(
        MediaFile,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="stacks",
        help_text="Empty: of photos.",
    )
    revision = models.IntegerField(
        default=0, help_text="Counts up when items join: a tile names what it showed."
    )
    split_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The stack its item left as an exception; still one group that splits do not tear.",
    )

    def __str__(self) -> str:
        return f"stack {self.pk}"


class Item(models.Model):
    """The unit that has a vector and gets a verdict: a window (media file, [start_pts, stop_pts), box)."""

    class Kind(models.TextChoices):
        FRAME = "frame"
        CLIP = "clip"
        REGION = "region"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="items")
    media_file = models.ForeignKey(MediaFile, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.FRAME)
    start_pts = models.BigIntegerField(default=0)
    stop_pts = models.BigIntegerField(default=1)
    number = models.IntegerField(
        null=True, blank=True, help_text="Ordinal in presentation order, where counted."
    )
    pts_seconds = models.FloatField(default=0.0)
    x0_px = models.IntegerField(
        null=True, blank=True
    )  # box in pixels of the displayed frame; empty: all of it
    y0_px = models.IntegerField(null=True, blank=True)
    x1_px = models.IntegerField(null=True, blank=True)
    y1_px = models.IntegerField(null=True, blank=True)
    stack = models.ForeignKey(Stack, null=True, blank=True, on_delete=models.SET_NULL, related_name="items")
    stack_revision = models.IntegerField(default=0, help_text="Of its stack when it joined.")
    perceptual_hash = models.BigIntegerField(
        null=True, blank=True
    )  # 64 bits, signed as PostgreSQL stores them
    thumbnail_pack = models.ForeignKey(ThumbnailPack, null=True, on_delete=models.PROTECT, related_name="+")
    thumbnail_offset = models.BigIntegerField(default=0)
    thumbnail_bytes = models.IntegerField(default=0)
    thumbnail_width_px = models.SmallIntegerField(default=0)
    thumbnail_height_px = models.SmallIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["media_file", "kind", "start_pts", "stop_pts", "x0_px", "y0_px", "x1_px", "y1_px"],
                nulls_distinct=False,
                name="item_is_one_per_window",
            ),
            models.CheckConstraint(condition=Q(start_pts__lt=F("stop_pts")), name="item_window_is_half_open"),
        ]
        indexes = [
            models.Index(
                fields=["corpus", "id"], name="item_of_corpus"
            ),  # pages, and the search service's catch-up
            models.Index(fields=["stack"], name="item_of_stack"),
            # the search service: what was deleted since it last looked
            models.Index(
                fields=["corpus", "deleted_at"], condition=Q(deleted_at__isnull=False), name="item_deleted"
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.pk}"


class FeatureSet(models.Model):
    """Features of one corpus by one encoder, as immutable shards on disk."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="feature_sets")
    encoder = models.CharField(max_length=160)  # registry key, e.g. resnet50-mac@1
    weights_sha256 = models.CharField(max_length=64, blank=True, default="")
    precision = models.CharField(
        max_length=8, default="fp32"
    )  # of the inference; part of what a vector depends on
    width = models.IntegerField()
    is_active = models.BooleanField(default=False, help_text="The one that queries of this corpus use.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["corpus", "encoder", "weights_sha256", "precision"],
                name="feature_set_is_one_per_encoder",
            ),
            models.UniqueConstraint(
                fields=["corpus"], condition=Q(is_active=True), name="feature_set_active_is_one_per_corpus"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.encoder} of {self.corpus_id}"


class FeatureShard(models.Model):
    """Up to some thousand rows of a feature set: two .npy files named by their sha256, never changed."""

    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="shards")
    sha256 = models.CharField(max_length=64)  # of the vectors file, which also names it
    ids_sha256 = models.CharField(max_length=64)
    num_rows = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                # Twins have equal vectors: only with their ids is a shard one of its kind.
                fields=["feature_set", "sha256", "ids_sha256"],
                name="feature_shard_is_one_per_content",
            )
        ]

    def __str__(self) -> str:
        return self.sha256


class FeatureRow(models.Model):
    """Which row of which shard is the feature of an item."""

    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="rows")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="features")
    slot = models.SmallIntegerField(default=0)
    shard = models.ForeignKey(FeatureShard, on_delete=models.CASCADE, related_name="rows")
    row = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["feature_set", "item", "slot"], name="feature_row_is_one_per_item_and_slot"
            )
        ]

    def __str__(self) -> str:
        return f"row {self.row} of shard {self.shard_id}"


class FeatureIndex(models.Model):
    """One build: an immutable, checksummed faiss structure over a feature set, with its measured recall."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="builds")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    factory = models.CharField(max_length=80)
    num_vectors = models.BigIntegerField()
    last_shard_id = models.BigIntegerField(help_text="Newest shard in it; later shards are the delta.")
    recall_at_10 = models.FloatField()
    recall_at_100 = models.FloatField()
    recall_num_queries = models.IntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    is_published = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "feature indices"
        constraints = [
            models.UniqueConstraint(
                fields=["feature_set"],
                condition=Q(is_published=True),
                name="feature_index_published_is_one_per_set",
            )
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"
