"""Feature sets and the builds over them."""

import uuid

from django.db import models
from django.db.models import Q

from indexing.models.items import Item, Unit
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job


class FeatureSet(models.Model):
    """Features of one corpus by one encoder, of its frames or of its clips, as immutable shards on disk."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="feature_sets")
    unit = models.CharField(max_length=5, choices=Unit, default=Unit.FRAME)
    encoder = models.CharField(max_length=160)  # registry key, e.g. resnet50-mac@1
    weights_sha256 = models.CharField(max_length=64, blank=True, default="")
    precision = models.CharField(
        max_length=8, default="fp32"
    )  # of the inference; part of what a vector depends on
    clip_frames_per_second = models.FloatField(
        default=0.0, help_text="Of clips: how densely their frames were taken; 0: spread over all of it."
    )
    width = models.IntegerField()
    is_active = models.BooleanField(default=False, help_text="The one that queries of its unit use.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "corpus",
                    "unit",
                    "encoder",
                    "weights_sha256",
                    "precision",
                    "clip_frames_per_second",
                ],
                name="feature_set_is_one_per_encoder",
            ),
            models.UniqueConstraint(
                fields=["corpus", "unit"],
                condition=Q(is_active=True),
                name="feature_set_active_is_one_per_corpus_and_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.encoder} of {self.corpus_id}"

    @property
    def whole_shards(self) -> "models.QuerySet[FeatureShard]":
        """Shards of whole items, slot 0: one vector of each."""
        return FeatureShard.objects.filter(feature_set=self, has_regions=False)


class FeatureShard(models.Model):
    """Up to some thousand rows of a feature set: two .npy files named by their sha256, never changed."""

    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="shards")
    sha256 = models.CharField(max_length=64)  # of the vectors file, which also names it
    ids_sha256 = models.CharField(max_length=64)
    num_rows = models.IntegerField()
    has_regions = models.BooleanField(default=False, help_text="Of tiles of frames, not of whole items.")
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
    """Which row of which shard is the feature of an item; of its tiles the first, the others follow it."""

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
    """One build: an immutable, checksummed faiss structure over a feature set, with its measured recall.

    Whole items and tiles of frames have a build each, so that one can be searched without the other.
    """

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
    has_regions = models.BooleanField(default=False, help_text="Of tiles of frames, not of whole items.")
    is_published = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "feature indices"
        constraints = [
            models.UniqueConstraint(
                fields=["feature_set", "has_regions"],
                condition=Q(is_published=True),
                name="feature_index_published_is_one_per_set",
            )
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"
