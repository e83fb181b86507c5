"""Exceptions leave their stack: an answer against what was derived for a member takes it out, by an event."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from indexing.models import Item, Stack
from labeling.models import Verdict
from labeling.services.entries import Entry
from sisyphus_web.accounts.models import Corpus


def split_stacks(corpus: Corpus, entries: Sequence[Entry]) -> None:
    """Move the items of entries with `left_stack` into new stacks; the others keep theirs.

    What left one stack by one batch with one answer stays together: a stack is split where somebody said so.
    A new stack, not none, so that the next grouping does not put them back; it names the old one, and both
    stay one group for the splits of datasets.
    """
    leaving = [entry for entry in entries if entry.left_stack is not None and entry.reverts_id is None]
    if not leaving:
        return
    old = Stack.objects.in_bulk({entry.left_stack for entry in leaving if entry.left_stack is not None})
    together: dict[tuple[int | None, UUID, int, str], list[int]] = {}
    for entry in leaving:
        key = (entry.left_stack, entry.batch, entry.label_class_id, entry.answer)
        together.setdefault(key, []).append(entry.item_id)
    for (left_stack, *_), items in together.items():
        stack = old[left_stack]  # type: ignore[index]  # not None by the filter
        apart = Stack.objects.create(
            corpus=corpus, media_file_id=stack.media_file_id, split_from_id=stack.split_from_id or stack.pk
        )
        Item.objects.filter(pk__in=items).update(stack=apart, stack_revision=0)


def lock_stacks(events: Sequence[Verdict]) -> None:
    """Hold the stacks that items may go back to, in one order, so that two undos cannot deadlock."""
    left = {event.left_stack for event in events if event.left_stack is not None}
    if left:
        list(
            Stack.objects.select_for_update(no_key=True).filter(pk__in=left).order_by("pk").values_list("pk")
        )


def move_back(event: Verdict) -> int | None:
    """Undo what `event` did to its item's stack; the stack the item was in until now, None if it stays.

    Who was shown the stack before did not see the item in it: it joins as a later member.
    """
    if event.left_stack is None:
        return None
    stack = Stack.objects.select_for_update(no_key=True).filter(pk=event.left_stack).first()
    item = Item.objects.filter(pk=event.item_id).first()
    if stack is None or item is None or item.stack_id == stack.pk:
        return None
    stack.revision += 1
    stack.save(update_fields=["revision"])
    Item.objects.filter(pk=item.pk).update(stack=stack, stack_revision=stack.revision)
    return item.stack_id
