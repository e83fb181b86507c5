"""Frozen lists of answers with their split."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from indexing.models import Item, MediaFile, Unit
from labeling.models.classes import LabelClass
from labeling.models.verdicts import Answer
from sisyphus_web.accounts.models import Corpus


class Split(models.TextChoices):
    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class SplitAssignment(models.Model):
    """The side a media file is on, for ever: groups never cross splits, not even between dataset versions.

    compute/splits.py says what happens when a new stack joins files of two sides.
    """

    media_file = models.OneToOneField(MediaFile, on_delete=models.CASCADE, related_name="split_assignment")
    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="split_assignments")
    split = models.CharField(max_length=5, choices=Split)

    def __str__(self) -> str:
        return f"{self.media_file_id}: {self.split}"


class DatasetVersion(models.Model):
    """A frozen list of (item, class, answer, origin, split) with its hash."""

    class GroupBy(models.TextChoices):
        MEDIA = "media", "Media files and stacks"
        FOLDER = "folder", "Folders, such as one of each camera and day"
        SOURCE = "source", "Sources"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="dataset_versions")
    number = models.IntegerField()
    name = models.CharField(max_length=120, blank=True, default="")
    label_classes = models.ManyToManyField(LabelClass, related_name="dataset_versions")
    unit = models.CharField(max_length=5, choices=Unit, default=Unit.FRAME)  # a version never has both
    includes_weak = models.BooleanField(default=False)
    group_by = models.CharField(
        max_length=6,
        choices=GroupBy,
        default=GroupBy.MEDIA,
        help_text="What is wholly on one side, at least.",
    )
    val_share = models.FloatField(default=0.1)
    test_share = models.FloatField(default=0.1)
    seed = models.IntegerField(default=0)
    last_verdict_id = models.BigIntegerField(default=0, help_text="The ledger as of this event.")
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="Of the frozen list.")
    counts = models.JSONField(default=dict)  # {"train": {"accept": 12, ...}, ...}
    card = models.JSONField(
        default=dict, help_text="Classes as named then, counts by origin, what was left out, leakage report."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "number"], name="dataset_version_number_is_unique"),
            models.CheckConstraint(
                condition=Q(val_share__gte=0, test_share__gte=0, val_share__lt=1, test_share__lt=1),
                name="dataset_version_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"version {self.number}"


class DatasetEntry(models.Model):
    """One line of a dataset version."""

    class Origin(models.TextChoices):
        VERDICT = "verdict"
        DERIVED = "derived"
        WEAK = "weak"
        IMPORT = "import"

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="entries")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=8, choices=Answer)
    origin = models.CharField(max_length=8, choices=Origin)
    split = models.CharField(max_length=5, choices=Split)
    group = models.CharField(max_length=40)
    box = ArrayField(
        models.FloatField(),
        null=True,
        blank=True,
        help_text="The part of the frame that the answer was about: x0, y0, x1, y1, 0 to 1. None: all of it.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset_version", "item", "label_class"],
                name="dataset_entry_is_one_per_item_and_class",
            ),
            models.CheckConstraint(
                condition=Q(box=None) | Q(box__len=4), name="dataset_entry_box_has_four_sides"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.answer} {self.split}"
