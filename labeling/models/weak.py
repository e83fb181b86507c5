"""Labels taken in bulk, not looked at one by one."""

import uuid

from django.conf import settings
from django.db import models

from indexing.models import Item
from labeling.models.classes import LabelClass
from labeling.models.queries import QueryRound
from sisyphus_web.accounts.models import Corpus


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
