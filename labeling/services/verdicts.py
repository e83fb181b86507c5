"""Write answers into the ledger: a batch of operations, each applied, a duplicate, a conflict or rejected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.models import BlindLook, Verdict
from labeling.services.derivation import forget_sources_off, items_off
from labeling.services.entries import Entry, append, number
from labeling.services.exceptions import split_stacks
from labeling.services.leases import release_tiles
from labeling.services.looks import draw_looks, looks_of, vote_of
from labeling.services.states import (
    Held,
    Key,
    Raced,
    add_states,
    lock_states,
    save_states,
    settle_disputes,
)
from sisyphus_web.accounts.models import Corpus, User

BATCH_LIMIT = 100  # operations in one request
BIGINT = 2**63 - 1
Id = Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
RESERVED = {"second", "gold", "derived", "undo"}  # modes that only the server says
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the annotator gave it, to an item or, through that item, to its stack."""

    operation_id: UUID
    batch: UUID
    item: Id
    label_class: Id = msgspec.field(name="class")
    answer: Literal["accept", "reject", "unsure"]
    base_version: Count
    stack: Id | None = None
    stack_revision: Count | None = None  # as the tile had it: who joined the stack later is not answered
    force: bool = False
    round: Id | None = None
    rank: Count | None = None
    mode: Annotated[str, msgspec.Meta(max_length=16, pattern="^[ -~]*$")] = ""
    client_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""  # why, said in review


class Result(msgspec.Struct, kw_only=True):
    """What became of one operation; `answer`, `version`, `by` and `at` are of what counts (now, or then)."""

    operation_id: str | None  # as it was sent
    outcome: Literal["applied", "duplicate", "conflict", "rejected"]
    item: int | None = None
    answer: str = ""
    version: int = 0
    reason: str = ""
    by: str | None = None
    at: datetime | None = None


REASONS = {
    "unknown-item": "There is no such item in this corpus.",
    "unknown-class": "There is no such class in this corpus.",
    "retired-class": "This class was retired: bring it back or answer for another.",
    "unknown-round": "There is no such ranking in this corpus.",
    "operation-used-elsewhere": "This operation id was already used in another corpus.",
}


def record_verdicts(*, corpus: Corpus, annotator: User, operations: Sequence[Operation]) -> list[Result]:
    """Append each operation that saw the version that counts; the results come in the order of `operations`.

    A known operation id gives `duplicate` with what it did the first time. A version that moved on gives
    `conflict` with what counts now, unless `force`. An answer to a stack is one event: members that nobody
    answered directly follow it, the others are exceptions and stay. If the item has left the stack since
    it was shown, or its source's stacks are answered frame by frame, the answer is about the item alone.
    One's own answer to a stack is no conflict for one's later answer to a member.

    An answer to a member against what was derived for it takes the member out of the stack. An answer to what
    was served blind is a vote beside what counts (compute/ledger.py), whatever version its tile showed. An
    answer in review to a disputed item settles the dispute.
    """
    try:
        return _record(corpus, annotator, operations)
    except (IntegrityError, Raced):
        # One of the items was answered for the first time meanwhile, or one of the operation ids was written
        # with other items and so past our locks.
        return _record(corpus, annotator, operations, is_contended=True)


@transaction.atomic
def _record(
    corpus: Corpus, annotator: User, operations: Sequence[Operation], *, is_contended: bool = False
) -> list[Result]:
    context = _Context(corpus, annotator, operations, is_contended=is_contended)
    results: list[Result] = []
    entries: list[Entry] = []
    conflicts: list[tuple[Result, Held]] = []
    for operation in operations:
        result = Result(operation_id=str(operation.operation_id), outcome="applied", item=operation.item)
        results.append(result)
        said = context.known.get(operation.operation_id)
        if said is not None:
            _repeat(result, operation, said, context)
            continue
        reason = context.refusal(operation)
        if reason:
            result.outcome, result.reason = "rejected", reason
            continue
        state = context.states[operation.item, operation.label_class]
        look = context.look(operation, state)
        has_moved_on = state.version != operation.base_version and not context.is_own_stack(state)
        if has_moved_on and not operation.force and look is None:
            result.outcome, result.reason = "conflict", "answered-since"
            conflicts.append((result, state))
            continue
        entry = _entry(context, operation, state, vote_of(look, state) if look else None)
        if look is not None:
            context.answered.append((look, entry))
        entries.append(entry)
        context.known[operation.operation_id] = Known(
            corpus.pk, entry.item_id, entry.answer, entry.version, entry.is_blind, context.now
        )
        result.answer, result.version = entry.answer, _version_shown(operation, entry)
        result.by, result.at = annotator.username, context.now
    if entries:
        number(entries)
        add_states(corpus, context.states.values())
        append(corpus, annotator, entries, created_at=context.now)
        settle_disputes(context.states, entries)
        save_states(context.states.values())
        split_stacks(corpus, entries)
        draw_looks(corpus, entries, context.second_shares, said_at=context.now)
        release_tiles({(entry.label_class_id, entry.stack_id or -entry.item_id) for entry in entries})
        context.save_looks()
    _explain(conflicts, context)
    return results


class Known(NamedTuple):
    """What an operation id did when it was recorded."""

    corpus_id: int
    item_id: int
    answer: str
    version: int
    is_blind: bool
    created_at: datetime


CHECK = """
    SELECT 'item', id, stack_id, NULL::double precision, NULL::boolean FROM indexing_item
    WHERE id = ANY(%(items)s) AND corpus_id = %(corpus)s AND deleted_at IS NULL
    UNION ALL
    SELECT 'class', id, NULL, second_share, retired_at IS NOT NULL FROM labeling_labelclass
    WHERE id = ANY(%(classes)s) AND corpus_id = %(corpus)s
    UNION ALL
    SELECT 'round', id, NULL, NULL, NULL FROM labeling_queryround
    WHERE id = ANY(%(rounds)s) AND corpus_id = %(corpus)s
"""
MEMBERS = """
    SELECT stack_id, id, stack_revision FROM indexing_item
    WHERE stack_id = ANY(%s) AND corpus_id = %s AND deleted_at IS NULL ORDER BY id
"""
KNOWN = """
    SELECT operation_id, corpus_id, item_id, answer, version, is_blind, created_at FROM labeling_verdict
    WHERE annotator_id = %s AND operation_id = ANY(%s)
"""


class _Context:
    """What a batch is checked against, read in a constant number of statements, its states locked.

    `is_contended`: rows of the projection are made before they are locked, and nothing is taken for new.
    """

    def __init__(
        self, corpus: Corpus, annotator: User, operations: Sequence[Operation], *, is_contended: bool
    ) -> None:
        self.corpus, self.annotator = corpus, annotator
        self.now = timezone.now()
        self.stack_of: dict[int, int | None] = {}
        self.retired: dict[int, bool] = {}
        self.second_shares: dict[int, float] = {}
        self.rounds: set[int] = set()
        self._check(operations)
        self.off = items_off(corpus, [each.item for each in operations if each.stack is not None])
        self.members: dict[int, list[tuple[int, int]]] = {}  # (item, the stack's revision when it joined)
        stacks = {self.stack_for(operation) for operation in operations} - {None}
        if stacks:
            with connection.cursor() as cursor:
                cursor.execute(MEMBERS, [list(stacks), corpus.pk])
                for stack, item, revision in cursor.fetchall():
                    self.members.setdefault(stack, []).append((item, revision))
        keys: set[Key] = set()
        is_refused = False
        for operation in operations:
            if self.refusal(operation):
                is_refused = True
                continue
            keys.add((operation.item, operation.label_class))
            keys.update((item, operation.label_class) for item in self.others(operation))
        self.states = lock_states(corpus, keys, make_missing=is_contended)
        # After the lock: a retry that raced with its first try must find what that one wrote. What was never
        # answered was not answered by these operations either, nor was anybody served it blind.
        is_new = all(state.is_new for state in self.states.values())
        self.known = {} if is_new and not is_refused and not is_contended else self._known(operations)
        self.looks = {} if is_new else looks_of(annotator, self.states)
        self.answered: list[tuple[BlindLook, Entry]] = []
        self.own_stacks = set() if is_new else self._own_stack_events()

    def _check(self, operations: Sequence[Operation]) -> None:
        """What there is, in this corpus, of what the operations name."""
        asked: dict[str, Any] = {
            "corpus": self.corpus.pk,
            "items": list({operation.item for operation in operations}),
            "classes": list({operation.label_class for operation in operations}),
            "rounds": list({operation.round for operation in operations if operation.round is not None}),
        }
        with connection.cursor() as cursor:
            cursor.execute(CHECK, asked)
            for kind, pk, stack, second_share, is_retired in cursor.fetchall():
                if kind == "item":
                    self.stack_of[pk] = stack
                elif kind == "class":
                    self.retired[pk], self.second_shares[pk] = is_retired, second_share
                else:
                    self.rounds.add(pk)

    def _known(self, operations: Sequence[Operation]) -> dict[UUID, Known]:
        with connection.cursor() as cursor:
            cursor.execute(KNOWN, [self.annotator.pk, [operation.operation_id for operation in operations]])
            return {row[0]: Known(*row[1:]) for row in cursor.fetchall()}

    def stack_for(self, operation: Operation) -> int | None:
        """The stack that is answered: the one shown, while its item is still in it."""
        is_there = operation.stack is not None and self.stack_of.get(operation.item) == operation.stack
        return operation.stack if is_there and operation.item not in self.off else None

    def others(self, operation: Operation) -> list[int]:
        """The other members of the stack that is answered, as far as they were in it when it was shown."""
        stack, seen = self.stack_for(operation), operation.stack_revision
        return [
            item
            for item, revision in self.members.get(stack or 0, [])
            if item != operation.item and (seen is None or revision <= seen)
        ]

    def look(self, operation: Operation, state: Held) -> BlindLook | None:
        """What this answers if it was served blind: then its tile showed a version below the true one."""
        look = self.looks.get((operation.item, operation.label_class))
        is_open = operation.mode == "review" or operation.force or operation.base_version >= state.version
        return None if is_open else look

    def save_looks(self) -> None:
        """Mark what was answered."""
        if not self.answered:
            return
        for look, entry in self.answered:
            look.said_id = entry.id
        BlindLook.objects.bulk_update([look for look, _ in self.answered], ["said"])
        if any(look.kind == BlindLook.Kind.DERIVED for look, _ in self.answered):
            forget_sources_off(self.corpus)

    def refusal(self, operation: Operation) -> str:
        """Why the operation cannot be recorded, or ''."""
        if operation.item not in self.stack_of:
            return "unknown-item"
        if operation.label_class not in self.retired:
            return "unknown-class"
        if self.retired[operation.label_class]:
            return "retired-class"
        if operation.round is not None and operation.round not in self.rounds:
            return "unknown-round"
        return ""

    def is_own_stack(self, state: Held) -> bool:
        """Whether what counts was derived from this annotator's own answer to the stack."""
        if not state.is_derived:
            return False
        return state.entry is not None or state.verdict_id in self.own_stacks

    def _own_stack_events(self) -> set[int]:
        derived = {
            state.verdict_id
            for state in self.states.values()
            if state.is_derived and state.verdict_id is not None
        }
        if not derived:
            return set()
        own = Verdict.objects.filter(pk__in=derived, annotator=self.annotator)
        return set(own.values_list("pk", flat=True))


def _entry(context: _Context, operation: Operation, state: Held, vote: BlindLook.Kind | None) -> Entry:
    """The event, not yet in the ledger, and the moves of every state it touches."""
    is_blind = vote in (BlindLook.Kind.SECOND, BlindLook.Kind.GOLD)
    stack = context.stack_for(operation) if vote != BlindLook.Kind.DERIVED else None
    others = (
        [] if vote else [context.states[item, operation.label_class] for item in context.others(operation)]
    )
    followers = [other for other in others if other.is_derived or other.answer == ""]
    is_exception = stack is None and state.is_derived and state.answer != operation.answer
    entry = Entry(
        item_id=operation.item,
        stack_id=stack,
        member_ids=[other.item for other in followers],
        replaced=[state.mark, *(other.mark for other in followers)],
        label_class_id=operation.label_class,
        answer=operation.answer,
        version=state.version + 1,
        operation_id=operation.operation_id,
        batch=operation.batch,
        query_round_id=operation.round,
        rank=operation.rank,
        mode=vote or ("" if operation.mode in RESERVED else operation.mode),
        is_forced=operation.force and state.version != operation.base_version,
        is_blind=is_blind,
        is_settling=operation.mode == "review" and state.is_disputed,
        reason=operation.reason.strip(),
        left_stack=context.stack_of[operation.item] if is_exception and not is_blind else None,
        client_time=operation.client_time,
    )
    if is_blind:
        state.vote()
        return entry
    state.move(entry, operation.answer, is_derived=False)
    for other in followers:
        other.move(entry, operation.answer, is_derived=True)
    return entry


def _version_shown(operation: Operation, said: Entry | Known) -> int:
    """The version as the sender may know it: that of a blind vote would tell of the answers before it."""
    return operation.base_version + 1 if said.is_blind else said.version


def _repeat(result: Result, operation: Operation, said: Known, context: _Context) -> None:
    if said.corpus_id != context.corpus.pk:
        result.outcome, result.reason = "rejected", "operation-used-elsewhere"
        return
    result.outcome, result.item = "duplicate", said.item_id
    result.answer, result.version, result.at = said.answer, _version_shown(operation, said), said.created_at
    result.by = context.annotator.username


def _explain(conflicts: Sequence[tuple[Result, Held]], context: _Context) -> None:
    """Say what counts instead, since when, and who said it."""
    ids = {state.verdict_id for _, state in conflicts if state.entry is None and state.verdict_id is not None}
    events = Verdict.objects.filter(pk__in=ids).select_related("annotator").in_bulk() if ids else {}
    for result, state in conflicts:
        result.answer, result.version = state.answer, state.version
        event = events.get(state.verdict_id)
        if state.entry is not None:
            result.by, result.at = context.annotator.username, context.now
        elif event is not None:
            result.by, result.at = event.annotator.username, event.created_at
