"""Take a batch of answers back, or back again: by further events, never by a delete."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from labeling.models import CurrentVerdict, Verdict
from labeling.services.derivation import forget_sources_off
from labeling.services.entries import Entry, append, number
from labeling.services.exceptions import lock_stacks, move_back
from labeling.services.states import Held, Key, add_states, lock_states, save_states, settle_disputes
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError


class Restored(msgspec.Struct):
    """What counts now for an item of the batch that was undone."""

    item: int
    answer: str
    version: int


class Undone(msgspec.Struct):
    """The batch of the compensating events, what counts again, and how many items had moved on."""

    batch: UUID
    label_classes: list[int]
    undone: list[Restored]
    kept: int


class SeveralAuthors(JobError):
    """A batch id that two people used, and none of them asks."""

    code = "several-authors"


class Imported(JobError):
    """A batch that an import took: it is taken back there, as a job, since it may be a million answers."""

    code = "imported"


@transaction.atomic
def undo_batch(
    *, corpus: Corpus, batch: UUID, operation_id: UUID, by: User, is_manager: bool, author: str | None = None
) -> Undone:
    """Append, for each event of `batch`, what brings back what counted before it; undoing that is redo.

    Only where nothing was said since: other items are kept and counted. Annotators undo their own
    events, managers anyone's; but only one person's at a time: one's own, those of the `author` named, or of
    the only one there is. SeveralAuthors where that is not clear, Imported for what an import took. The same
    `operation_id` again changes nothing and gives the same answer.
    """
    events = _events_of(corpus, batch, by=by, is_manager=is_manager, author=author)
    if events[0].mode == "import":
        raise Imported("These answers came by an import: take it back on the page of datasets.")
    states = lock_states(key for event in events for key in _keys(event))
    before = Verdict.objects.filter(corpus=corpus, annotator=by, batch=operation_id, reverts__isnull=False)
    before = before.select_related("reverts").order_by("id")
    made = list(before)
    if not made and _take_back(corpus, events, states, operation_id=operation_id, by=by):
        made = list(before.all())
    return _answer(operation_id, events, made, by=by)


@transaction.atomic
def undo_events(corpus: Corpus, events: Sequence[Verdict], *, operation_id: UUID, by: User) -> int:
    """Take back a part of a large batch, its events newest first; how many events that took.

    As `undo_batch`; the next part may come with the same `operation_id`. Again: no change.
    """
    states = lock_states(key for event in events for key in _keys(event))
    return _take_back(corpus, events, states, operation_id=operation_id, by=by)


def _take_back(
    corpus: Corpus, events: Sequence[Verdict], states: dict[Key, Held], *, operation_id: UUID, by: User
) -> int:
    lock_stacks(events)
    entries = _compensate(events, states, operation_id=operation_id)
    if entries:
        number(entries)
        add_states(corpus, states.values())
        append(corpus, by, entries, created_at=timezone.now())
        settle_disputes(states, entries)
        save_states(states.values())
        if any(event.mode == "derived" for event in events):
            forget_sources_off(corpus)
    return len(entries)


def _events_of(
    corpus: Corpus, batch: UUID, *, by: User, is_manager: bool, author: str | None
) -> list[Verdict]:
    """The events of one person in `batch`, newest first, that `by` may take back."""
    events = list(
        Verdict.objects.filter(corpus=corpus, batch=batch).select_related("annotator").order_by("-id")
    )
    names = {event.annotator.username for event in events}
    if author is None and by.username in names:
        author = by.username
    if author is not None:
        events = [event for event in events if event.annotator.username == author]
    if not events:
        raise Verdict.DoesNotExist
    if not is_manager and events[0].annotator_id != by.pk:
        raise PermissionDenied
    if author is None and len(names) > 1:
        raise SeveralAuthors(
            f"This batch id was used by {', '.join(sorted(names))}: say whose answers to undo (author)."
        )
    return events


def _compensate(events: Sequence[Verdict], states: dict[Key, Held], *, operation_id: UUID) -> list[Entry]:
    """The events that take `events` (newest first) back, as far as they still count.

    One per event and answer that counts again, since an event says one answer; its operation id is
    derived, so that it is the same at every try.
    """
    made: list[Entry] = []
    for event in events:
        if event.is_blind:
            made += _take_back_vote(event, states[_keys(event)[0]], operation_id=operation_id)
            continue
        again: dict[str, list[tuple[Held, bool]]] = {}
        for key, mark in zip(_keys(event), event.replaced, strict=True):
            state = states[key]
            if _still_counts(event, state):
                again.setdefault(mark.rstrip("*"), []).append((state, mark.endswith("*")))
        for answer, moved in again.items():
            first, *rest = moved  # the event's own item, where it is among them
            entry = Entry(
                item_id=first[0].item,
                stack_id=event.stack_id,
                member_ids=[state.item for state, _ in rest],
                replaced=[state.mark for state, _ in moved],
                label_class_id=event.label_class_id,
                answer=answer,
                version=first[0].version + 1,
                operation_id=uuid5(operation_id, f"{event.pk}/{answer}"),
                batch=operation_id,
                reverts_id=event.pk,
                mode="undo",
                box=_box_of(first[0], answer, before=event),
                left_stack=move_back(event) if first[0].item == event.item_id else None,
            )
            for state, is_derived in moved:
                state.move(entry, answer, is_derived=is_derived)
            made.append(entry)
    return made


def _box_of(state: Held, answer: str, *, before: Verdict) -> list[float] | None:
    """The part of the item that was outlined when it was given the answer that counts again."""
    if answer == "":
        return None
    said = Verdict.objects.filter(item=state.item, label_class=state.label_class, id__lt=before.pk)
    said = said.filter(answer=answer, is_blind=False).order_by("-id")
    return said.values_list("box", flat=True).first()


def _take_back_vote(event: Verdict, state: Held, *, operation_id: UUID) -> list[Entry]:
    """What takes a blind vote back, or back again: a version more, and what counts stays."""
    if Verdict.objects.filter(reverts=event).exists():
        return []
    entry = Entry(
        item_id=event.item_id,
        stack_id=event.stack_id,
        replaced=[state.mark],
        label_class_id=event.label_class_id,
        answer="",
        version=state.version + 1,
        operation_id=uuid5(operation_id, f"{event.pk}/vote"),
        batch=operation_id,
        reverts_id=event.pk,
        mode="undo",
        is_blind=True,
    )
    state.vote()
    return [entry]


def _still_counts(event: Verdict, state: Held) -> bool:
    """Whether nothing was said since `event`, apart from later events of the batch, undone just now."""
    if state.entry is None:
        return state.verdict_id == event.pk
    between = Verdict.objects.filter(
        Q(item=state.item) | Q(member_ids__contains=[state.item]),
        label_class=state.label_class,
        corpus=event.corpus_id,
        is_blind=False,
        id__gt=event.pk,
        id__lt=state.entry.reverts_id,
    )
    return not between.exists()


def _answer(operation_id: UUID, events: Sequence[Verdict], made: Sequence[Verdict], *, by: User) -> Undone:
    touched = {key for event in events for key in _keys(event)}
    restored = {key for event in made for key in _keys(event)}
    own = {event.pk for event in events if event.annotator_id == by.pk}
    # To who voted blind, what counts stays hidden: the tile shows their own vote, or none.
    hidden = {
        _keys(event)[0]: _shown_after(event) for event in made if event.is_blind and event.reverts_id in own
    }
    now = CurrentVerdict.objects.filter(
        item__in={item for item, _ in restored}, label_class__in={label_class for _, label_class in restored}
    ).order_by("item")
    undone = []
    for state in now:
        key = (state.item_id, state.label_class_id)
        if key in hidden:
            undone.append(Restored(state.item_id, hidden[key], 0))
        elif key in restored:
            undone.append(Restored(state.item_id, state.answer, state.version))
    return Undone(
        batch=operation_id,
        label_classes=sorted({label_class for _, label_class in touched}),
        undone=undone,
        kept=len(touched - restored),
    )


def _shown_after(undo: Verdict) -> str:
    """The vote that stands after `undo`: none after taking one back, the vote itself after redoing it."""
    undone = undo.reverts
    if undone is None or undone.reverts is None:
        return ""
    said = undone.reverts  # what `undo` brings back
    return said.answer if said.reverts_id is None else _shown_after(said)


def _keys(event: Verdict) -> list[Key]:
    return [(item, event.label_class_id) for item in (event.item_id, *event.member_ids)]
