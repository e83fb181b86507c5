"""The fold of the ledger: what counts for every (item, class) after a sequence of events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Event(NamedTuple):
    """A verdict as the fold needs it; `member_ids` are the other items it was propagated to."""

    id: int
    item: int
    member_ids: Sequence[int]
    label_class: int
    answer: str  # '' only where it reverts: nothing counts again
    annotator: int
    reverts: int | None
    is_blind: bool = False  # a vote beside what counts
    is_gold: bool = False  # blind, on an item whose answer is known: it checks a person, not the item
    is_settling: bool = False  # said with all votes shown: the ones before it dispute no more


@dataclass(slots=True)
class State:
    """What counts for one item and class."""

    answer: str = ""
    version: int = 0  # the number of events that touched it
    verdict: int | None = None
    is_derived: bool = False
    is_disputed: bool = False


class Past(NamedTuple):
    event: int
    answer: str
    is_derived: bool


def fold(events: Iterable[Event]) -> dict[tuple[int, int], State]:
    """(item, class) -> state after `events`, which come in order of their ids.

    An answer to a stack counts as derived for its members. An event that reverts another brings back,
    for each of its items, what counted just before the reverted one. A blind vote, and what takes one back,
    is a version of the item that leaves what counts as it is.
    """
    pasts: dict[tuple[int, int], list[Past]] = {}
    said: dict[tuple[int, int], list[Event]] = {}
    versions: dict[tuple[int, int], int] = {}
    for event in events:
        said.setdefault((event.item, event.label_class), []).append(event)
        for item in targets(event):
            key = (item, event.label_class)
            versions[key] = versions.get(key, 0) + 1
            if event.is_blind:
                continue
            past = pasts.setdefault(key, [])
            if event.reverts is None:
                past.append(Past(event.id, event.answer, item != event.item))
            else:
                past.append(_before(past, event.reverts)._replace(event=event.id))
    return {
        key: State(
            answer=past[-1].answer,
            version=versions[key],
            verdict=past[-1].event,
            is_derived=past[-1].is_derived,
            is_disputed=is_disputed(said.get(key, [])),
        )
        for key, past in pasts.items()
    }


def targets(event: Event) -> Iterator[int]:
    """Every item the event touches, the one that was looked at first."""
    yield event.item
    yield from event.member_ids


def is_disputed(said: Sequence[Event]) -> bool:
    """Whether the last answers of two annotators differ; `said` are the events on the item itself."""
    return len(set(last_answers(said).values())) > 1


def last_answers(said: Sequence[Event]) -> dict[int, str]:
    """Annotator -> the last answer to the item that stands; `said` are the events on it, in order.

    What was propagated from a stack is nobody's answer to the item. What was undone does not count, nor do
    gold checks, nor what was said before the last answer that settled a dispute.
    """
    undone: set[int] = set()
    for event in reversed(said):
        if event.reverts is not None and event.id not in undone:
            undone.add(event.reverts)
    last: dict[int, str] = {}
    for event in said:
        if event.reverts is not None or event.id in undone or event.is_gold:
            continue
        if event.is_settling:
            last.clear()
        last[event.annotator] = event.answer
    return last


def _before(past: Sequence[Past], reverted: int) -> Past:
    position = next(i for i in reversed(range(len(past))) if past[i].event == reverted)
    return past[position - 1] if position else Past(0, "", is_derived=False)
