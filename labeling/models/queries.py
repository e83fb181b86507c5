"""What was searched for, and what was shown."""

import uuid

from django.conf import settings
from django.db import models

from indexing.models import Unit
from labeling.models.classes import LabelClass
from sisyphus_web.accounts.models import Corpus


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
    unit = models.CharField(max_length=5, choices=Unit, default=Unit.FRAME)
    mix = models.JSONField(default=dict, blank=True)  # shares of the queue's presets and limits; {}: the top
    is_background = models.BooleanField(
        default=False, help_text="Asked by a page on its own, not by a person: no line of the history."
    )
    fingerprint = models.CharField(max_length=64, blank=True, default="", help_text="Of what was asked.")
    build = models.CharField(max_length=80, blank=True, default="")
    encoder = models.CharField(max_length=160, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["corpus", "-id"], name="query_round_of_corpus"),  # the history
            models.Index(  # the history with one line for each query
                fields=["corpus", "created_by", "fingerprint", "-id"], name="query_round_of_query"
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.pk}"
