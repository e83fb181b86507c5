"""Items, their thumbnails and their stacks."""

from django.db import models
from django.db.models import F, Q

from indexing.models.media import MediaFile
from indexing.querysets import ItemQuerySet
from sisyphus_web.accounts.models import Corpus


class Unit(models.TextChoices):
    """What is searched as one: frames (photos and regions of frames among them), or clips of videos."""

    FRAME = "frame", "frames"
    CLIP = "clip", "clips"


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
    stack_revision = models.IntegerField(default=0, db_default=0, help_text="Of its stack when it joined.")
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

    @property
    def unit(self) -> Unit:
        """What it is searched with."""
        return Unit.CLIP if self.kind == self.Kind.CLIP else Unit.FRAME
