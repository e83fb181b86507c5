"""Some lines of an import at a time: matched, and taken as verdicts or weak labels, or only counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from indexing.models import Item
from labeling.compute.imports.rows import Row
from labeling.models import CurrentVerdict, LabelClass, LabelImport, QueryRound, Verdict, WeakBatch, WeakLabel
from labeling.services.import_firsts import FirstLines
from labeling.services.import_items import ItemFinder, Known, NewClip, NewRegion, make_clip, make_regions
from labeling.services.import_media import MediaFinder, Unmatched
from labeling.services.import_outcomes import Outcome, is_text, those_taken, what_is_said
from labeling.services.operations import Operation
from labeling.services.verdicts import record_verdicts
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job

NAMESPACE = UUID("5b3a0f57-6a0c-5a0e-9f43-52f0a1b7c1d4")  # of operation ids made of a file and a line
MODE = "import"
CLASS_LIMIT = 1_000  # new classes of one import; more are file names taken for classes


class ChunkTaker:
    """Takes chunks of one import, in order; with `is_dry` it says what it would do and writes nothing."""

    def __init__(self, job: Job, label_import: LabelImport, media: MediaFinder, *, is_dry: bool) -> None:
        self._job, self._import, self._is_dry = job, label_import, is_dry
        self._corpus, self._by = label_import.corpus, label_import.created_by
        self._media, self._items = media, ItemFinder(self._corpus, label_import.boxes)
        self._classes = {each.name: each for each in LabelClass.objects.filter(corpus=self._corpus)}
        self.new_classes: dict[str, None] = {}  # those that a line is taken for
        self._firsts = FirstLines()
        self._num_lines = 0
        self._generation = LabelImport.objects.filter(
            corpus=self._corpus,
            created_by=self._by,
            sha256=label_import.sha256,
            state=LabelImport.State.UNDONE,
            pk__lt=label_import.pk,
        ).count()

    def take(self, rows: Sequence[Row]) -> list[Outcome]:
        """The outcome of every row, and what is taken committed; Stopped if the job is lost."""
        with transaction.atomic():
            outcomes = [Outcome(row) for row in rows]
            for outcome in outcomes:
                self._check(outcome)
            self._match(those_taken(outcomes))
            self._keep_firsts(outcomes)
            self._compare(those_taken(outcomes))
            self._make_classes(those_taken(outcomes))
            ready = those_taken(outcomes)
            self._take_verdicts([each for each in ready if not self._is_weak(each)])
            self._take_weak([each for each in ready if self._is_weak(each)])
            self._hold_job()
        return outcomes

    def _hold_job(self) -> None:
        """From here to the commit nobody can end the job: nothing is taken once it is cancelled."""
        mine = Job.objects.filter(pk=self._job.pk, status=Job.Status.RUNNING, attempt=self._job.attempt)
        if not self._is_dry and not mine.select_for_update(no_key=True).exists():
            raise Stopped

    def pass_over(self, outcomes: Sequence[Outcome]) -> None:
        """Note what an earlier attempt has reported on and taken, as if it had been taken now."""
        for outcome in outcomes:
            if outcome.outcome == "skipped" and outcome.reason != "said-twice":
                outcome.outcome = "taken"  # it was the first to say something, though not the first ever
        with transaction.atomic():
            self._keep_firsts(outcomes)

    def forget(self) -> None:
        """Drop the tables of the connection, which outlives the job."""
        self._media.forget()
        self._firsts.forget()

    def _is_weak(self, outcome: Outcome) -> bool:
        return self._import.as_weak or outcome.row.is_weak

    def _check(self, outcome: Outcome) -> None:
        row = outcome.row
        if row.problem:
            outcome.reject(row.problem, row.detail)
            return
        if not is_text(row):
            outcome.reject("unreadable", "A name in it is no text that can be stored.")
            return
        name = row.label_class.strip()
        if not name or len(name) > 80 or "\x00" in name:
            outcome.reject("bad-class", "The name of a class has 1 to 80 characters.")
            return
        if name in self._classes and self._classes[name].retired_at is not None:
            outcome.reject("retired-class", f"The class {name} was retired: bring it back first.")

    def _make_classes(self, outcomes: Sequence[Outcome]) -> None:
        """The classes of lines that are taken, where they are new; none for rejected lines alone."""
        for outcome in outcomes:
            name = outcome.row.label_class.strip()
            if name in self._classes or (self._is_dry and name in self.new_classes):
                continue
            if len(self.new_classes) >= CLASS_LIMIT:
                outcome.reject("bad-class", f"An import makes at most {CLASS_LIMIT} classes.")
                continue
            self.new_classes[name] = None
            if not self._is_dry:
                made = LabelClass.objects.create(corpus=self._corpus, name=name, created_by=self._by)
                self._classes[name] = made

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
            elif isinstance(target, NewClip):
                outcome.region = target
            else:
                outcome.region = target
                regions.append((outcome, target))
        if regions and not self._is_dry:
            ids = make_regions(self._corpus, [region for _, region in regions])
            for outcome, region in regions:
                outcome.item = ids[region]
        if not self._is_dry:
            self._make_clips(those_taken(outcomes))

    def _make_clips(self, outcomes: Sequence[Outcome]) -> None:
        made: dict[NewClip, int | Unmatched] = {}
        for outcome in outcomes:
            clip = outcome.region
            if not isinstance(clip, NewClip):
                continue
            if clip not in made:
                made[clip] = make_clip(self._corpus, clip, self._by)
            found = made[clip]
            if isinstance(found, Unmatched):
                outcome.reject(*found)
            else:
                outcome.item = found

    def _class_of(self, outcome: Outcome) -> LabelClass | None:
        return self._classes.get(outcome.row.label_class.strip())

    def _keep_firsts(self, outcomes: Sequence[Outcome]) -> None:
        """Of lines about one item and class the first counts; one that says otherwise is rejected."""
        start = self._num_lines
        self._num_lines += len(outcomes)
        said = [
            (outcome, what_is_said(outcome, start + at))
            for at, outcome in enumerate(outcomes)
            if outcome.outcome == "taken"
        ]
        firsts = self._firsts.keep([line for _, line in said])
        for (outcome, line), first in zip(said, firsts, strict=True):
            if first.number == line.number:
                continue
            if first.answer == line.answer:
                outcome.skip("said-twice")
            else:
                outcome.reject("contradicts", f"{first.place} says {first.answer}.")

    def _compare(self, outcomes: Sequence[Outcome]) -> None:
        """Skip what somebody has answered; what this very import has taken is taken."""
        for outcome in outcomes:
            if self._is_weak(outcome) and outcome.row.answer != "accept":
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
            box=outcome.row.said_of,
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


def weak_batch_id(label_import: LabelImport, label_class: int) -> UUID:
    """The batch of an import's weak labels of one class."""
    return uuid5(label_import.batch, str(label_class))
