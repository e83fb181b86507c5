"""Scores of a classifier version over a corpus, as immutable shards on disk."""

from django.db import models

from indexing.models import FeatureSet, FeatureShard
from sisyphus_web.jobs.models import Job
from training.models.classifiers import ClassifierVersion


class ScoreSet(models.Model):
    """The scores of one classifier version: of the items of a feature set, or by the whole network."""

    version = models.OneToOneField(ClassifierVersion, on_delete=models.CASCADE, related_name="score_set")
    feature_set = models.ForeignKey(
        FeatureSet, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    is_current = models.BooleanField(
        default=False, help_text="Nothing was without a score when it was last run."
    )
    histograms = models.JSONField(default=dict, help_text="Class id -> counts of NUM_BINS equal steps.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"scores of {self.version_id}"


class ScoreShard(models.Model):
    """Scores of some thousand items: two .npy files named by their sha256, never changed."""

    score_set = models.ForeignKey(ScoreSet, on_delete=models.CASCADE, related_name="shards")
    sha256 = models.CharField(max_length=64, help_text="Of the scores, (n, C) float32.")
    ids_sha256 = models.CharField(max_length=64, help_text="Of the item ids, (n,) int64.")
    num_rows = models.IntegerField()
    of_features = models.ManyToManyField(
        FeatureShard, related_name="+", help_text="The shards of features that it was made of."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["score_set", "sha256", "ids_sha256"], name="score_shard_is_one_per_content"
            )
        ]

    def __str__(self) -> str:
        return self.sha256
