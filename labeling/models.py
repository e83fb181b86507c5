"""What people said about items, and what is made of it: ledger, weak labels, dataset versions, exports."""

import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from indexing.models import Item, MediaFile, Stack
from labeling.querysets import CurrentVerdictQuerySet, VerdictQuerySet
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job


class Answer(models.TextChoices):
    ACCEPT = "accept"
    REJECT = "reject"
    UNSURE = "unsure"


@pghistory.track()
class LabelClass(models.Model):
    """The object looked for."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="label_classes")
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True, default="", help_text="What counts, and what does not.")
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "label classes"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["corpus", "name"], name="label_class_name_is_unique")]

    def __str__(self) -> str:
        return self.name


class QueryImage(models.Model):
    """An image someone searched with; stored re-encoded, never the bytes that came."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="query_images")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=400, blank=True, default="")
    width_px = models.IntegerField()
    height_px = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name or str(self.pk)


class QueryRound(models.Model):
    """One ranking that was shown: what was asked for, of which build. Verdicts point at it."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="query_rounds")
    label_class = models.ForeignKey(
        LabelClass, null=True, on_delete=models.PROTECT, related_name="query_rounds"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    terms = models.JSONField(default=list)
    filters = models.JSONField(default=dict)
    mode = models.CharField(max_length=16)
    build = models.CharField(max_length=80, blank=True, default="")
    encoder = models.CharField(max_length=160, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["corpus", "-id"], name="query_round_of_corpus")]  # the history

    def __str__(self) -> str:
        return f"round {self.pk}"


class Verdict(models.Model):
    """An event: what somebody said, once. Appended to, never edited; undo is one more event (`reverts`).

    A decision on a stack is one event; `member_ids` are the items it was propagated to.
    An event that reverts another carries the answer that counts again ('' = none).
    Every item it touches, `item` and `member_ids`, moves one version on (compute/ledger.py folds them).
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="verdicts")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="verdicts")
    stack = models.ForeignKey(
        Stack, null=True, blank=True, on_delete=models.SET_NULL, db_constraint=False, related_name="+"
    )
    member_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)  # besides `item`
    replaced = ArrayField(
        models.CharField(max_length=8, blank=True),
        default=list,
        blank=True,
        help_text="What counted before, of `item`, then of `member_ids`; a trailing * marks a derived one.",
    )
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="verdicts")
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    version = models.IntegerField(help_text="Of the item's state after this event.")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts")
    operation_id = models.UUIDField(
        help_text="Made by the client: the same operation sent twice is recorded once."
    )
    batch = models.UUIDField(help_text="What was answered with one key press; undone together.")
    reverts = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reverted_by"
    )
    query_round = models.ForeignKey(
        QueryRound, null=True, blank=True, on_delete=models.PROTECT, related_name="verdicts"
    )
    rank = models.IntegerField(null=True, blank=True)
    mode = models.CharField(
        max_length=16, blank=True, default="", help_text="similar, learned, review, import, ..."
    )
    is_forced = models.BooleanField(default=False, help_text="Said against what somebody else had said.")
    client_time = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "operation_id"], name="verdict_operation_is_recorded_once"
            ),
            models.UniqueConstraint(
                fields=["item", "label_class", "version"], name="verdict_version_is_said_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["corpus", "id"], name="verdict_of_corpus"
            ),  # the search service follows the ledger
            models.Index(fields=["batch"], name="verdict_of_batch"),  # undo
        ]
        triggers = [
            pgtrigger.Protect(name="verdict_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"verdict {self.pk}: {self.answer}"


class CurrentVerdict(models.Model):
    """The projection: what counts for (item, class) now. Rebuilt from the ledger with the same result."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="current_verdicts")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="current_verdicts")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="current_verdicts")
    answer = models.CharField(max_length=8, choices=Answer, blank=True, default="")  # '' = untouched again
    version = models.IntegerField(default=0)
    verdict = models.ForeignKey(Verdict, null=True, on_delete=models.PROTECT, related_name="+")
    is_derived = models.BooleanField(default=False, help_text="From the answer to its stack, not to itself.")
    is_disputed = models.BooleanField(default=False, help_text="The last answers of two annotators differ.")

    objects = CurrentVerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "label_class"], name="current_verdict_is_one_per_item")
        ]
        indexes = [
            # review grids, counters, exclusion of decided items
            models.Index(fields=["label_class", "answer", "item"], name="current_verdict_by_answer"),
            # the disputed grid and its counter
            models.Index(
                fields=["label_class", "item"],
                condition=Q(is_disputed=True),
                name="current_verdict_disputed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.answer or 'untouched'}"


class WeakBatch(models.Model):
    """Labels taken in bulk from a ranking, not looked at one by one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="weak_batches")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="weak_batches")
    query_round = models.ForeignKey(QueryRound, on_delete=models.PROTECT, related_name="weak_batches")
    first_n = models.IntegerField(null=True, blank=True)
    min_similarity = models.FloatField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    reverted_at = models.DateTimeField(null=True, blank=True)
    reverted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "weak batches"

    def __str__(self) -> str:
        return f"weak batch {self.pk}"


class WeakLabel(models.Model):
    """An item accepted in bulk; it counts only while nobody has said otherwise."""

    batch = models.ForeignKey(WeakBatch, on_delete=models.CASCADE, related_name="labels")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="weak_labels")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="weak_labels")
    rank = models.IntegerField()
    similarity = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "item"], name="weak_label_is_one_per_batch_and_item")
        ]
        indexes = [
            models.Index(fields=["label_class", "item"], name="weak_label_of_class")
        ]  # the review grid

    def __str__(self) -> str:
        return f"weak {self.item_id}"


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

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="dataset_versions")
    number = models.IntegerField()
    name = models.CharField(max_length=120, blank=True, default="")
    label_classes = models.ManyToManyField(LabelClass, related_name="dataset_versions")
    includes_weak = models.BooleanField(default=False)
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

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="entries")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=8, choices=Answer)
    origin = models.CharField(max_length=8, choices=Origin)
    split = models.CharField(max_length=5, choices=Split)
    group = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset_version", "item", "label_class"],
                name="dataset_entry_is_one_per_item_and_class",
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.answer} {self.split}"


class Export(models.Model):
    """A dataset version written in one format, for download."""

    class Format(models.TextChoices):
        IMAGE_FOLDER = "image_folder", "ImageFolder (zip)"
        COCO = "coco", "COCO JSON"
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSONL"

    class ImageFormat(models.TextChoices):
        JPEG = "jpeg", "JPEG, quality 95"
        PNG = "png", "PNG"

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=16, choices=Format)
    with_pixels = models.BooleanField(default=True)
    image_format = models.CharField(max_length=4, choices=ImageFormat, default=ImageFormat.JPEG)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    file_name = models.CharField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(
        max_length=64, blank=True, default="", help_text="Empty until the file is there."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.format} of {self.dataset_version_id}"
