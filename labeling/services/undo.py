"""Take a batch of answers back, or back again: by further events, never by a delete."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from labeling.models import CurrentVerdict, Verdict
from labeling.services.states import Held, Key, lock_states, save_states, settle_disputes
from sisyphus_web.accounts.models import Corpus, User


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


@transaction.atomic
def undo_batch(*, corpus: Corpus, batch: UUID, operation_id: UUID, by: User, is_manager: bool) -> Undone:
    """Append, for each event of `batch`, what brings back what counted before it; undoing that is redo.

    Only where nothing was said since: other items are kept and counted. Annotators undo their own
    events, managers anyone's. The same `operation_id` again changes nothing and gives the same answer.
    """
    events = list(Verdict.objects.filter(corpus=corpus, batch=batch).order_by("-id"))
    if not events:
        raise Verdict.DoesNotExist
    if not is_manager:
        events = [event for event in events if event.annotator_id == by.pk]
        if not events:
            raise PermissionDenied
    states = lock_states(corpus, {key for event in events for key in _keys(event)})
    before = Verdict.objects.filter(corpus=corpus, annotator=by, batch=operation_id, reverts__isnull=False)
    made = list(before.order_by("id"))
    if not made:
        made = _compensate(events, states, by=by, operation_id=operation_id)
        Verdict.objects.bulk_create(made)
        if made:
            settle_disputes(states, made)
            save_states(states.values())
    return _answer(operation_id, events, made)


def _compensate(
    events: Sequence[Verdict], states: dict[Key, Held], *, by: User, operation_id: UUID
) -> list[Verdict]:
    """The events that take `events` (newest first) back, as far as they still count.

    One per event and answer that counts again, since an event says one answer; its operation id is
    derived, so that it is the same at every try.
    """
    made: list[Verdict] = []
    for event in events:
        again: dict[str, list[tuple[Held, bool]]] = {}
        for key, mark in zip(_keys(event), event.replaced, strict=True):
            state = states[key]
            if _still_counts(event, state):
                again.setdefault(mark.rstrip("*"), []).append((state, mark.endswith("*")))
        for answer, moved in again.items():
            first, *rest = moved  # the event's own item, where it is among them
            verdict = Verdict(
                corpus_id=event.corpus_id,
                item_id=first[0].item,
                stack_id=event.stack_id,
                member_ids=[state.item for state, _ in rest],
                replaced=[state.mark for state, _ in moved],
                label_class_id=event.label_class_id,
                answer=answer,
                version=first[0].version + 1,
                annotator=by,
                operation_id=uuid5(operation_id, f"{event.pk}/{answer}"),
                batch=operation_id,
                reverts=event,
                mode="undo",
            )
            for state, is_derived in moved:
                state.move(verdict, answer, is_derived=is_derived)
            made.append(verdict)
    return made


def _still_counts(event: Verdict, state: Held) -> bool:
    """Whether nothing was said since `event`, apart from later events of the batch, undone just now."""
    if state.verdict is None:
        return state.verdict_id == event.pk
    between = Verdict.objects.filter(
        Q(item=state.item) | Q(member_ids__contains=[state.item]),
        label_class=state.label_class,
        corpus=event.corpus_id,
        id__gt=event.pk,
        id__lt=state.verdict.reverts_id,
    )
    return not between.exists()


def _answer(operation_id: UUID, events: Sequence[Verdict], made: Sequence[Verdict]) -> Undone:
    touched = {key for event in events for key in _keys(event)}
    restored = {key for event in made for key in _keys(event)}
    now = CurrentVerdict.objects.filter(
        item__in={item for item, _ in restored}, label_class__in={label_class for _, label_class in restored}
    ).order_by("item")
    return Undone(
        batch=operation_id,
        label_classes=sorted({label_class for _, label_class in touched}),
        undone=[
            Restored(state.item_id, state.answer, state.version)
            for state in now
            if (state.item_id, state.label_class_id) in restored
        ],
        kept=len(touched - restored),
    )


def _keys(event: Verdict) -> list[Key]:
    return [(item, event.label_class_id) for item in (event.item_id, *event.member_ids)]
