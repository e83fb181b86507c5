"""Looks that are due: decided tiles that somebody is to see again without knowing what was said."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from indexing.models import Item
from labeling.models.classes import LabelClass
from labeling.models.verdicts import Answer, Verdict
from sisyphus_web.accounts.models import Corpus


class BlindLook(models.Model):
    """One item that is to be looked at once more, mixed into rankings without a sign.

    second: a decided tile, by somebody who has not answered it. derived: a member whose answer was derived
    from its stack's, alone, by anybody. gold: an item with a known answer; made when it is served.
    A list of work: what came of it is in the ledger, where `Verdict.mode` is the kind.
    """

    class Kind(models.TextChoices):
        SECOND = "second"
        GOLD = "gold"
        DERIVED = "derived"

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="blind_looks")
    label_class = models.ForeignKey(LabelClass, on_delete=models.CASCADE, related_name="blind_looks")
    kind = models.CharField(max_length=8, choices=Kind)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    looks_at = models.ForeignKey(
        Verdict, null=True, on_delete=models.CASCADE, related_name="+", help_text="Empty: gold."
    )
    due_at = models.DateTimeField()
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Served to.",
    )
    served_at = models.DateTimeField(null=True)
    said = models.ForeignKey(Verdict, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(annotator=None, served_at=None)
                | Q(annotator__isnull=False, served_at__isnull=False),
                name="blind_look_is_served_to_somebody",
            ),
            models.UniqueConstraint(
                fields=["label_class", "item", "annotator"], name="blind_look_is_one_per_annotator"
            ),
        ]
        indexes = [
            # what is due and not served yet
            models.Index(
                fields=["label_class", "due_at"], condition=Q(annotator=None), name="blind_look_due"
            ),
            # what somebody was served: their answer is a vote
            models.Index(
                fields=["annotator", "label_class"], condition=Q(said=None), name="blind_look_of_annotator"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} look at item {self.item_id}"


class GoldAnswer(models.Model):
    """A manager said what the answer to an item is, for checking people; the newest of an item holds.

    Appended to, never edited: an empty answer takes an item out of the checks.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="gold_answers")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="gold_answers")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["label_class", "item", "-id"], name="gold_answer_of_item")
        ]  # the newest
        triggers = [
            pgtrigger.Protect(
                name="gold_answer_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"gold: item {self.item_id} is {self.answer or 'no longer gold'}"
