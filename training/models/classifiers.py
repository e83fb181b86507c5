"""Classifiers: named lines of versions, of which at most one is live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models import LabelClass
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job

if TYPE_CHECKING:
    from training.models.runs import Run


class Classifier(models.Model):
    """A named line of versions in a corpus."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="classifiers")
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "name"], name="classifier_name_is_unique"),
            # `classifier:NAME/CLASS` and `#ID` are said of it: both must be told from its name.
            models.CheckConstraint(
                condition=~Q(name__contains="/") & ~Q(name__startswith="#") & ~Q(name=""),
                name="classifier_name_can_be_told",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClassifierVersion(models.Model):
    """What one run came to: files named by their content, never changed."""

    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField()
    run: models.OneToOneField[Run, Run] = models.OneToOneField(
        "training.Run", on_delete=models.PROTECT, related_name="version"
    )
    sha256 = models.CharField(max_length=64, help_text="Of its files' names and hashes; names their folder.")
    size_bytes = models.BigIntegerField()
    is_live = models.BooleanField(default=False, help_text="The one that scores new media.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["classifier", "number"], name="classifier_version_number_is_unique"
            ),
            models.UniqueConstraint(
                fields=["classifier"], condition=Q(is_live=True), name="classifier_has_one_live_version"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.classifier_id}"


class LiveEvent(models.Model):
    """Who made which version the live one, and when; append-only, of which `is_live` is the last word."""

    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="live_events")
    version = models.ForeignKey(
        ClassifierVersion,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Null: none is live.",
    )
    is_rollback = models.BooleanField(default=False, help_text="An older version than the one before.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.version_id} of {self.classifier_id} at {self.at}"


class OperatingPoint(models.Model):
    """From which score on a class counts as found, and what to expect of it; the newest of a class holds."""

    version = models.ForeignKey(ClassifierVersion, on_delete=models.CASCADE, related_name="operating_points")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="+")
    threshold = models.FloatField()
    expected = models.JSONField(help_text="Precision and recall with intervals, and of which answers.")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Null: proposed by the run.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1), name="operating_point_is_a_probability"
            )
        ]
        indexes = [
            # the point that holds of each class of a version
            models.Index(fields=["version", "label_class", "-id"], name="operating_point_newest")
        ]

    def __str__(self) -> str:
        return f"{self.threshold} of {self.version_id}"


class OnnxExport(models.Model):
    """A version written as ONNX, for download, with the operating points that held then."""

    version = models.ForeignKey(ClassifierVersion, on_delete=models.CASCADE, related_name="onnx_exports")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    files = models.JSONField(
        default=dict,
        help_text="Part (head: features in; whole, network: images in; _any_size) -> file, hash, parity.",
    )
    note = models.TextField(blank=True, default="", help_text="Why a part is not there.")
    published_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"ONNX of {self.version_id}"
