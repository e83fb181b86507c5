"""The objects looked for."""

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q

from sisyphus_web.accounts.models import Corpus


@pghistory.track()
class LabelClass(models.Model):
    """The object looked for."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="label_classes")
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True, default="", help_text="What counts, and what does not.")
    second_share = models.FloatField(
        default=0.0, help_text="Of the decided tiles: how many somebody else looks at again, blind."
    )
    gold_share = models.FloatField(
        default=0.02, help_text="Of the tiles served: how many have a known answer, where there are such."
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "label classes"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["corpus", "name"], name="label_class_name_is_unique"),
            models.CheckConstraint(
                condition=Q(second_share__gte=0, second_share__lte=1, gold_share__gte=0, gold_share__lte=0.5),
                name="label_class_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.name
