"""Random samples drawn before anyone sees them: of a frozen ranking, or of a batch of weak labels."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from indexing.models import Item
from labeling.models.classes import LabelClass
from labeling.models.queries import QueryRound
from labeling.models.weak import WeakBatch
from sisyphus_web.accounts.models import Corpus


class FrozenRanking(models.Model):
    """The first stacks of a ranking, the horizon, in their order for ever. A new ranking is another row.

    A stack is the item that stood for it and the stack's id then, 0 for an item in none.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="frozen_rankings")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="frozen_rankings")
    query_round = models.ForeignKey(QueryRound, on_delete=models.PROTECT, related_name="frozen_rankings")
    build = models.CharField(max_length=80, blank=True, default="")
    encoder = models.CharField(max_length=160, blank=True, default="")
    item_ids = ArrayField(models.BigIntegerField())
    stack_ids = ArrayField(models.BigIntegerField())
    num_ranked = models.IntegerField(help_text="Stacks in the whole ranking, the tail with them.")
    sha256 = models.CharField(
        max_length=64, help_text="Of the order: item and stack ids as little-endian int64."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(item_ids__len=models.F("stack_ids__len")),
                name="frozen_ranking_has_a_stack_for_every_item",
            )
        ]
        indexes = [
            models.Index(fields=["label_class", "-id"], name="frozen_ranking_of_class"),  # the same question?
        ]
        triggers = [
            pgtrigger.Protect(
                name="frozen_ranking_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"ranking {self.pk}: {len(self.item_ids)} of {self.num_ranked}"


class Audit(models.Model):
    """What was drawn, out of what, and what it may spend: fixed before anyone sees a draw.

    What came of it is not here: it is counted from the ledger whenever somebody asks.
    """

    class Kind(models.TextChoices):
        RECALL = "recall"
        PURITY = "purity"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="audits")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="audits")
    kind = models.CharField(max_length=6, choices=Kind)
    ranking = models.ForeignKey(FrozenRanking, null=True, on_delete=models.PROTECT, related_name="audits")
    weak_batch = models.ForeignKey(WeakBatch, null=True, on_delete=models.PROTECT, related_name="audits")
    number = models.IntegerField(
        default=1, help_text="From 1: which audited ranking of its class; each further one spends less."
    )
    look = models.IntegerField(help_text="From 1: which look at this question it is.")
    is_only_look = models.BooleanField(
        help_text="Planned so: it may spend all of alpha, and no other follows."
    )
    alpha = models.FloatField(help_text="What this look spends.")
    looks = models.IntegerField(help_text="Drawn from the horizon, or from the weak batch.")
    tail_looks = models.IntegerField(default=0)
    undecided = models.IntegerField(help_text="Stacks drawn from.")
    tail_stacks = models.IntegerField(default=0, help_text="Stacks beyond the horizon that were drawn from.")
    statuses = models.BinaryField(
        default=b"", help_text="A byte for every stack of the horizon, as it stood."
    )
    one_in = models.IntegerField(help_text="One of so many tiles is an audit tile, until all were looked at.")
    seed = models.BigIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="recall", ranking__isnull=False, weak_batch=None)
                | Q(kind="purity", ranking=None, weak_batch__isnull=False),
                name="audit_is_of_a_ranking_or_a_weak_batch",
            ),
            models.CheckConstraint(condition=Q(alpha__gt=0, alpha__lt=1), name="audit_alpha_is_a_share"),
            models.CheckConstraint(
                condition=Q(is_only_look=False) | Q(look=1), name="audit_only_look_is_the_first"
            ),
            models.UniqueConstraint(fields=["ranking", "look"], name="audit_look_at_a_ranking_is_one"),
            models.UniqueConstraint(fields=["weak_batch", "look"], name="audit_look_at_a_batch_is_one"),
        ]
        indexes = [models.Index(fields=["label_class", "-id"], name="audit_of_class")]  # the card, the mixing
        triggers = [
            pgtrigger.Protect(name="audit_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.kind} audit {self.pk}"


class AuditStop(models.Model):
    """Given up before its end: the audit says nothing, and its look is spent all the same."""

    audit = models.OneToOneField(Audit, on_delete=models.PROTECT, related_name="stop")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="audit_stop_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"audit {self.audit_id} was stopped"


class AuditDraw(models.Model):
    """One stack of a sample, with the members it had. Which tiles these are is told to nobody."""

    class Part(models.TextChoices):
        HORIZON = "horizon"
        TAIL = "tail"
        BATCH = "batch"

    audit = models.ForeignKey(Audit, on_delete=models.PROTECT, related_name="draws")
    part = models.CharField(max_length=7, choices=Part)
    position = models.IntegerField(help_text="In the order drawn, the parts mixed.")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    stack_id = models.BigIntegerField(null=True)  # as it was; stacks are built anew
    member_ids = ArrayField(models.BigIntegerField())  # with the item
    rank = models.IntegerField()
    box = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["audit", "position"], name="audit_draw_position_is_one"),
            models.UniqueConstraint(fields=["audit", "item"], name="audit_draw_is_without_replacement"),
        ]
        triggers = [
            pgtrigger.Protect(name="audit_draw_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"draw {self.position} of audit {self.audit_id}"
