"""Some lines of an import at a time: matched, and taken as verdicts or weak labels, or only counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from indexing.models import Item
from labeling.compute.imports.rows import Row
from labeling.models import CurrentVerdict, LabelClass, LabelImport, QueryRound, Verdict, WeakBatch, WeakLabel
from labeling.services.import_items import ItemFinder, Known, NewRegion, make_regions
from labeling.services.import_media import MediaFinder, Unmatched
from labeling.services.operations import Operation
from labeling.services.verdicts import record_verdicts

NAMESPACE = UUID("5b3a0f57-6a0c-5a0e-9f43-52f0a1b7c1d4")  # of operation ids made of a file and a line
MODE = "import"
CLASS_LIMIT = 1_000  # new classes of one import; more are file names taken for classes

SKIPPED = {
    "said-already": "This is what counts already.",
    "said-otherwise": "Somebody answered otherwise here; that stays.",
    "imported-before": "This line was imported before.",
    "weak-accepts-only": "Weak labels are accepts: a line that rejects is left out.",
    "weak-already": "There is such a weak label already.",
    "said-twice": "An earlier line says the same.",
}


@dataclass(slots=True)
class Outcome:
    """What became, or would become, of one line."""

    row: Row
    outcome: str = "taken"  # taken, skipped, rejected
    reason: str = ""
    detail: str = ""
    item: int | None = None
    media: str = ""

    def skip(self, reason: str) -> None:
        self.outcome, self.reason, self.detail = "skipped", reason, SKIPPED[reason]

    def reject(self, reason: str, detail: str) -> None:
        self.outcome, self.reason, self.detail = "rejected", reason, detail


class ChunkTaker:
    """Takes chunks of one import, in order; with `is_dry` it says what it would do and writes nothing."""

    def __init__(self, label_import: LabelImport, media: MediaFinder, *, is_dry: bool) -> None:
        self._import, self._is_dry = label_import, is_dry
        self._corpus, self._by = label_import.corpus, label_import.created_by
        self._media, self._items = media, ItemFinder(self._corpus, label_import.boxes)
        self._classes = {each.name: each for each in LabelClass.objects.filter(corpus=self._corpus)}
        self.new_classes: dict[str, None] = {}
        self._generation = LabelImport.objects.filter(
            corpus=self._corpus,
            created_by=self._by,
            sha256=label_import.sha256,
            state=LabelImport.State.UNDONE,
            pk__lt=label_import.pk,
        ).count()

    def take(self, rows: Sequence[Row]) -> list[Outcome]:
        """The outcome of every row; what is taken is committed when this returns."""
        with transaction.atomic():
            outcomes = [Outcome(row) for row in rows]
            for outcome in outcomes:
                self._check(outcome)
            self._match([outcome for outcome in outcomes if outcome.outcome == "taken"])
            self._keep_firsts(outcomes)
            ready = [outcome for outcome in outcomes if outcome.outcome == "taken"]
            weak = [outcome for outcome in ready if self._import.as_weak or outcome.row.is_weak]
            said = [outcome for outcome in ready if not (self._import.as_weak or outcome.row.is_weak)]
            self._compare(ready)
            self._take_verdicts([outcome for outcome in said if outcome.outcome == "taken"])
            self._take_weak([outcome for outcome in weak if outcome.outcome == "taken"])
        return outcomes

    def _check(self, outcome: Outcome) -> None:
        row = outcome.row
        if row.problem:
            outcome.reject(row.problem, row.detail)
            return
        if not _is_text(row):
            outcome.reject("unreadable", "A name in it is no text that can be stored.")
            return
        name = row.label_class.strip()
        if not name or len(name) > 80 or "\x00" in name:
            outcome.reject("bad-class", "The name of a class has 1 to 80 characters.")
            return
        if name not in self._classes:
            if len(self.new_classes) >= CLASS_LIMIT and name not in self.new_classes:
                outcome.reject("bad-class", f"An import makes at most {CLASS_LIMIT} classes.")
                return
            self.new_classes[name] = None
            if not self._is_dry:
                self._classes[name] = LabelClass.objects.create(
                    corpus=self._corpus, name=name, created_by=self._by
                )
        elif self._classes[name].retired_at is not None:
            outcome.reject("retired-class", f"The class {name} was retired: bring it back first.")

    def pass_over(self, rows: Sequence[Row]) -> None:
        """Rows that an earlier attempt has reported on: only the classes they would make are noted."""
        if self._is_dry:
            for row in rows:
                self._check(Outcome(row))

    def _match(self, outcomes: Sequence[Outcome]) -> None:
        """Give every outcome its item, or the reason that it has none."""
        rows = [outcome.row for outcome in outcomes]
        media = self._media.find(rows)
        targets = self._items.find(rows, media)
        regions: list[tuple[Outcome, NewRegion]] = []
        for outcome, found, target in zip(outcomes, media, targets, strict=True):
            outcome.media = "" if isinstance(found, Unmatched) else found.name
            if isinstance(target, Unmatched):
                outcome.reject(*target)
            elif isinstance(target, Known):
                outcome.item = target.id
            else:
                regions.append((outcome, target))
        if regions and not self._is_dry:
            ids = make_regions(self._corpus, [region for _, region in regions])
            for outcome, region in regions:
                outcome.item = ids[region]

    def _class_of(self, outcome: Outcome) -> LabelClass | None:
        return self._classes.get(outcome.row.label_class.strip())

    def _keep_firsts(self, outcomes: Sequence[Outcome]) -> None:
        """Of lines about one item and class the first counts; one that says otherwise is rejected."""
        firsts: dict[tuple[int, str], Outcome] = {}
        for outcome in outcomes:
            if outcome.outcome != "taken" or outcome.item is None:
                continue
            first = firsts.setdefault((outcome.item, outcome.row.label_class.strip()), outcome)
            if first is outcome:
                continue
            if first.row.answer == outcome.row.answer:
                outcome.skip("said-twice")
            else:
                outcome.reject("contradicts", f"{first.row.place} says {first.row.answer}.")

    def _compare(self, outcomes: Sequence[Outcome]) -> None:
        """Skip what somebody has answered; what this very import has taken is taken."""
        for outcome in outcomes:
            is_weak = self._import.as_weak or outcome.row.is_weak
            if is_weak and outcome.row.answer != "accept":
                outcome.skip("weak-accepts-only")
        keys = {(outcome.item, each.pk) for outcome in outcomes if (each := self._class_of(outcome))}
        states = {
            (state.item_id, state.label_class_id): state
            for state in CurrentVerdict.objects.filter(
                item__in={item for item, _ in keys if item}, label_class__in={pk for _, pk in keys}
            ).select_related("verdict")
        }
        for outcome in outcomes:
            label_class = self._class_of(outcome)
            state = states.get((outcome.item or 0, label_class.pk)) if label_class else None
            if outcome.outcome != "taken" or state is None or state.answer == "":
                continue
            verdict = state.verdict
            if verdict is None or verdict.batch != self._import.batch:
                outcome.skip("said-already" if state.answer == outcome.row.answer else "said-otherwise")
            elif verdict.operation_id == self.operation_id(outcome.row):
                continue  # this very line, taken by an attempt that broke off
            elif state.answer == outcome.row.answer:
                outcome.skip("said-twice")
            else:
                outcome.reject("contradicts", f"An earlier line says {state.answer}.")

    def operation_id(self, row: Row) -> UUID:
        """The same for the same line of the same file in this corpus; another once an import was undone."""
        parts = (
            self._corpus.pk,
            self._generation,
            self._import.sha256,
            row.place,
            row.label_class,
            row.answer,
        )
        return uuid5(NAMESPACE, "\n".join(map(str, parts)))

    def _take_verdicts(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        ids = [self.operation_id(outcome.row) for outcome in outcomes]
        known = dict(
            Verdict.objects.filter(annotator=self._by, operation_id__in=ids).values_list(
                "operation_id", "batch"
            )
        )
        fresh: list[tuple[Outcome, UUID]] = []
        for outcome, pk in zip(outcomes, ids, strict=True):
            if pk not in known:
                fresh.append((outcome, pk))
            elif known[pk] != self._import.batch:
                outcome.skip("imported-before")
        if self._is_dry or not fresh:
            return
        items = {outcome.item for outcome, _ in fresh}
        states = CurrentVerdict.objects.filter(item__in=items).values_list("item", "label_class", "version")
        versions = {(item, label_class): version for item, label_class, version in states}
        operations = [self._operation(outcome, pk, versions) for outcome, pk in fresh]
        results = record_verdicts(corpus=self._corpus, annotator=self._by, operations=operations)
        for (outcome, _), result in zip(fresh, results, strict=True):
            if result.outcome == "conflict":
                outcome.skip("said-already" if result.answer == outcome.row.answer else "said-otherwise")
            elif result.outcome == "rejected":
                outcome.reject(result.reason, "It was deleted or retired just now.")

    def _operation(self, outcome: Outcome, pk: UUID, versions: dict[Any, int]) -> Operation:
        label_class = self._class_of(outcome)
        if outcome.item is None or label_class is None:
            raise ValueError(f"{outcome.row.place} has no item or class")
        return Operation(
            operation_id=pk,
            batch=self._import.batch,
            item=outcome.item,
            label_class=label_class.pk,
            answer=outcome.row.answer,  # type: ignore[arg-type]  # checked by the reader
            base_version=versions.get((outcome.item, label_class.pk), 0),
            mode=MODE,
        )

    def _take_weak(self, outcomes: Sequence[Outcome]) -> None:
        classes = {each.pk: each for outcome in outcomes if (each := self._class_of(outcome))}
        items = {outcome.item for outcome in outcomes if outcome.item is not None}
        there = WeakLabel.objects.filter(
            item__in=items, label_class__in=classes, batch__reverted_at=None
        ).values_list("item", "label_class", "batch")
        own = {weak_batch_id(self._import, pk) for pk in classes}
        others = {(item, label_class) for item, label_class, batch in there if batch not in own}
        taken: list[tuple[Outcome, LabelClass]] = []
        for outcome in outcomes:
            label_class = self._class_of(outcome)
            if label_class is not None and (outcome.item, label_class.pk) in others:
                outcome.skip("weak-already")
            elif label_class is not None:
                taken.append((outcome, label_class))
        if self._is_dry or not taken:
            return
        batches = {label_class.pk: self._weak_batch(label_class) for _, label_class in taken}
        live = dict(Item.objects.filter(pk__in=items).values_list("pk", "start_pts"))
        WeakLabel.objects.bulk_create(
            [
                WeakLabel(
                    batch=batches[label_class.pk],
                    item_id=outcome.item,
                    label_class=label_class,
                    rank=0,
                    similarity=0.0,  # of no ranking
                )
                for outcome, label_class in taken
                if outcome.item in live
            ],
            ignore_conflicts=True,
        )

    def _weak_batch(self, label_class: LabelClass) -> WeakBatch:
        pk = weak_batch_id(self._import, label_class.pk)
        known = WeakBatch.objects.filter(pk=pk).first()
        if known is not None:
            return known
        of = {"corpus": self._corpus, "label_class": label_class, "created_by": self._by}
        made = QueryRound.objects.create(**of, mode=MODE, is_background=True)
        return WeakBatch.objects.create(pk=pk, query_round=made, **of)


def _is_text(row: Row) -> bool:
    """Whether the database can hold its names: file names may be any bytes, JSON may say NUL."""
    said = "".join((row.place, row.label_class, row.media_name, row.media_sha256))
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in said


def weak_batch_id(label_import: LabelImport, label_class: int) -> UUID:
    """The batch of an import's weak labels of one class."""
    return uuid5(label_import.batch, str(label_class))
