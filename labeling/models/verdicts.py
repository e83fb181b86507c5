"""What people said about items: the ledger and its projection."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from indexing.models import Item, Stack
from labeling.models.classes import LabelClass
from labeling.models.queries import QueryRound
from labeling.querysets import CurrentVerdictQuerySet, VerdictQuerySet
from sisyphus_web.accounts.models import Corpus

# What a statement changed in the numbers of each class: of what it wrote (+1), of what was there before (-1).
_COUNTED = """
    INSERT INTO labeling_countchange (label_class_id, accepted, rejected, unsure, disputed)
    SELECT label_class_id, sum(sign * (answer = 'accept')::int), sum(sign * (answer = 'reject')::int),
           sum(sign * (answer = 'unsure')::int), sum(sign * is_disputed::int)
    FROM ({rows}) AS changed GROUP BY label_class_id ORDER BY label_class_id;
    RETURN NULL;
"""
_OF = "SELECT label_class_id, answer, is_disputed, {sign} AS sign FROM {table}"
_AFTER, _BEFORE = _OF.format(sign=1, table="after"), _OF.format(sign=-1, table="before")


def _counted(name: str, operation: pgtrigger.Operation, rows: str, **tables: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**tables),
        func=_COUNTED.format(rows=rows),
    )


class Answer(models.TextChoices):
    ACCEPT = "accept"
    REJECT = "reject"
    UNSURE = "unsure"


class Verdict(models.Model):
    """An event: what somebody said, once. Appended to, never edited; undo is one more event (`reverts`).

    A decision on a stack is one event; `member_ids` are the items it was propagated to.
    An event that reverts another carries the answer that counts again ('' = none).
    Every item it touches, `item` and `member_ids`, moves one version on (compute/ledger.py folds them).
    A blind vote (`is_blind`) is about `item` alone: recorded beside what counts, which it does not change.
    """

    # db_index=False: an index of Meta begins with it
    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="verdicts", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="verdicts", db_index=False)
    stack = models.ForeignKey(
        Stack, null=True, blank=True, on_delete=models.SET_NULL, db_constraint=False, related_name="+"
    )
    member_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)  # besides `item`
    replaced = ArrayField(
        models.CharField(max_length=8, blank=True),
        default=list,
        blank=True,
        help_text="What counted before, of `item`, then of `member_ids`; a trailing * marks a derived one.",
    )
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="verdicts")
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    version = models.IntegerField(help_text="Of the item's state after this event.")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts", db_index=False
    )
    operation_id = models.UUIDField(
        help_text="Made by the client: the same operation sent twice is recorded once."
    )
    batch = models.UUIDField(help_text="What was answered with one key press; undone together.")
    reverts = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reverted_by"
    )
    query_round = models.ForeignKey(
        QueryRound, null=True, blank=True, on_delete=models.PROTECT, related_name="verdicts"
    )
    rank = models.IntegerField(null=True, blank=True)
    mode = models.CharField(
        max_length=16, blank=True, default="", help_text="similar, learned, review, import, ..."
    )
    is_forced = models.BooleanField(default=False, help_text="Said against what somebody else had said.")
    is_blind = models.BooleanField(
        default=False, help_text="Said without seeing what counted: mode second or gold."
    )
    is_settling = models.BooleanField(
        default=False,
        help_text="Said in review of a dispute with its votes shown: those before dispute no more.",
    )
    reason = models.CharField(
        max_length=500, blank=True, default="", help_text="Why, in the annotator's words."
    )
    box = ArrayField(
        models.FloatField(),
        null=True,
        blank=True,
        help_text="The part of `item` that was outlined when it was answered: x0, y0, x1, y1, 0 to 1.",
    )
    left_stack = models.BigIntegerField(
        null=True, blank=True, help_text="The stack `item` left by contradicting what was derived for it."
    )
    client_time = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "operation_id"], name="verdict_operation_is_recorded_once"
            ),
            models.UniqueConstraint(
                fields=["item", "label_class", "version"], name="verdict_version_is_said_once"
            ),
            models.CheckConstraint(condition=Q(box=None) | Q(box__len=4), name="verdict_box_has_four_sides"),
        ]
        indexes = [
            models.Index(
                fields=["corpus", "id"], name="verdict_of_corpus"
            ),  # the search service follows the ledger
            models.Index(fields=["batch"], name="verdict_of_batch"),  # undo
            # agreement, gold scores, the error of propagation: few rows among many
            models.Index(
                fields=["label_class", "mode"],
                condition=Q(mode__in=["second", "gold", "derived"]),
                name="verdict_of_check",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="verdict_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"verdict {self.pk}: {self.answer}"


class CurrentVerdict(models.Model):
    """The projection: what counts for (item, class) now. Rebuilt from the ledger with the same result."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="current_verdicts")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="current_verdicts", db_index=False)
    label_class = models.ForeignKey(
        LabelClass, on_delete=models.PROTECT, related_name="current_verdicts", db_index=False
    )
    answer = models.CharField(max_length=8, choices=Answer, blank=True, default="")  # '' = untouched again
    version = models.IntegerField(default=0)
    verdict = models.ForeignKey(Verdict, null=True, on_delete=models.PROTECT, related_name="+")
    is_derived = models.BooleanField(default=False, help_text="From the answer to its stack, not to itself.")
    is_disputed = models.BooleanField(default=False, help_text="The last answers of two annotators differ.")

    objects = CurrentVerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "label_class"], name="current_verdict_is_one_per_item")
        ]
        indexes = [
            # review grids, counters, exclusion of decided items
            models.Index(fields=["label_class", "answer", "item"], name="current_verdict_by_answer"),
            # the disputed grid and its counter
            models.Index(
                fields=["label_class", "item"],
                condition=Q(is_disputed=True),
                name="current_verdict_disputed",
            ),
        ]
        triggers = [
            _counted("state_added_is_counted", pgtrigger.Insert, _AFTER, new="after"),
            _counted(
                "state_moved_is_counted",
                pgtrigger.Update,
                f"{_AFTER} UNION ALL {_BEFORE}",
                new="after",
                old="before",
            ),
            _counted("state_removed_is_counted", pgtrigger.Delete, _BEFORE, old="before"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.answer or 'untouched'}"
