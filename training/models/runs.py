"""What was trained: from which answers, with which settings, how it went and what it came to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from indexing.models import FeatureSet, Unit
from labeling.models import DatasetVersion
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job
from training.models.classifiers import Classifier


class Run(models.Model):
    """One training of one classifier version from one dataset version. How far it is, its job says."""

    class Kind(models.TextChoices):
        PROBE = "probe", "Linear probe on features"
        FINE_TUNE = "fine_tune", "Fine-tuned network"

    class Target(models.TextChoices):
        MULTI_LABEL = "multi_label", "Each class on its own"
        MULTI_CLASS = "multi_class", "Exactly one class"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="runs")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="runs")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10, choices=Kind)
    target = models.CharField(max_length=12, choices=Target, default=Target.MULTI_LABEL)
    classes = models.JSONField(help_text="[{id, name}] in the order of the scores, as they were named then.")
    feature_set = models.ForeignKey(
        FeatureSet, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    encoder = models.CharField(max_length=160, help_text="Key of the encoder, or name of the network.")
    options = models.JSONField(default=dict, help_text="What it was asked to be trained with.")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    curve = models.JSONField(default=list, help_text="Rows, oldest first; they grow while it trains.")
    examples = models.JSONField(
        default=dict, help_text="What it learned from, and what was left out and why."
    )
    evaluation = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="probe") | Q(feature_set__isnull=False), name="run_of_a_probe_has_features"
            )
        ]
        indexes = [models.Index(fields=["corpus", "-id"], name="run_of_corpus")]  # the page of runs

    def __str__(self) -> str:
        return f"run {self.pk} of {self.classifier_id}"

    @property
    def unit(self) -> str:
        """What it tells apart: frames, or clips."""
        return str(self.feature_set.unit) if self.feature_set is not None else Unit.FRAME.value

    @property
    def class_names(self) -> list[str]:
        return [each["name"] for each in self.classes]

    @property
    def class_ids(self) -> list[int]:
        return [each["id"] for each in self.classes]
