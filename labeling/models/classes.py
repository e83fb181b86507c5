"""The objects looked for."""

import pghistory
from django.conf import settings
from django.db import models

from sisyphus_web.accounts.models import Corpus


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
