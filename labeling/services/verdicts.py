"""Write answers into the ledger: a batch of operations, each applied, a duplicate, a conflict or rejected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone

from indexing.models import Item
from labeling.models import LabelClass, QueryRound, Verdict
from labeling.services.states import Held, Key, lock_states, save_states, settle_disputes
from sisyphus_web.accounts.models import Corpus, User

BATCH_LIMIT = 100  # operations in one request
BIGINT = 2**63 - 1
Id = Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
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
    force: bool = False
    round: Id | None = None
    rank: Count | None = None
    mode: Annotated[str, msgspec.Meta(max_length=16, pattern="^[ -~]*$")] = ""
    client_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


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
    it was shown, the answer is about the item alone. One's own answer to a stack is no conflict for one's
    later answer to a member.
    """
    try:
        return _record(corpus, annotator, operations)
    except IntegrityError:
        # One of the operation ids was written meanwhile, with other items and so past our locks.
        return _record(corpus, annotator, operations)


@transaction.atomic
def _record(corpus: Corpus, annotator: User, operations: Sequence[Operation]) -> list[Result]:
    context = _Context(corpus, annotator, operations)
    results: list[Result] = []
    appended: list[Verdict] = []
    conflicts: list[tuple[Result, Held]] = []
    for operation in operations:
        result = Result(operation_id=str(operation.operation_id), outcome="applied", item=operation.item)
        results.append(result)
        said = context.known.get(operation.operation_id)
        if said is not None:
            _repeat(result, said, corpus)
            continue
        reason = context.refusal(operation)
        if reason:
            result.outcome, result.reason = "rejected", reason
            continue
        state = context.states[operation.item, operation.label_class]
        has_moved_on = state.version != operation.base_version and not context.is_own_stack(state)
        if has_moved_on and not operation.force:
            result.outcome, result.reason = "conflict", "answered-since"
            conflicts.append((result, state))
            continue
        verdict = _append(context, operation, state)
        appended.append(verdict)
        context.known[operation.operation_id] = verdict
        result.answer, result.version = verdict.answer, verdict.version
        result.by, result.at = annotator.username, verdict.created_at
    Verdict.objects.bulk_create(appended)
    if appended:
        settle_disputes(context.states, appended)
        save_states(context.states.values())
    _explain(conflicts)
    return results


class _Context:
    """What a batch is checked against, read in a constant number of statements, its states locked."""

    def __init__(self, corpus: Corpus, annotator: User, operations: Sequence[Operation]) -> None:
        self.corpus, self.annotator = corpus, annotator
        self.now = timezone.now()
        live = Item.objects.live().filter(corpus=corpus)
        self.stack_of: dict[int, int | None] = dict(
            live.filter(pk__in={operation.item for operation in operations}).values_list("pk", "stack_id")
        )
        asked = {operation.label_class for operation in operations}
        self.retired: dict[int, bool] = {
            pk: retired is not None
            for pk, retired in LabelClass.objects.filter(corpus=corpus, pk__in=asked).values_list(
                "pk", "retired_at"
            )
        }
        rounds = {operation.round for operation in operations if operation.round is not None}
        self.rounds = set(
            QueryRound.objects.filter(corpus=corpus, pk__in=rounds).values_list("pk", flat=True)
            if rounds
            else ()
        )
        self.members: dict[int, list[int]] = {}
        stacks = {self.stack_for(operation) for operation in operations} - {None}
        if stacks:
            for stack, item in live.filter(stack__in=stacks).order_by("pk").values_list("stack_id", "pk"):
                self.members.setdefault(stack, []).append(item)  # type: ignore[arg-type]  # not null by the filter
        keys: set[Key] = set()
        for operation in operations:
            if self.refusal(operation) == "":
                keys |= {(item, operation.label_class) for item in (operation.item, *self.others(operation))}
        self.states = lock_states(corpus, keys)
        # After the lock: a retry that raced with its first try must find what that one wrote.
        self.known = {
            verdict.operation_id: verdict
            for verdict in Verdict.objects.filter(
                annotator=annotator, operation_id__in=[operation.operation_id for operation in operations]
            )
        }
        self.own_stacks = self._own_stack_events()

    def stack_for(self, operation: Operation) -> int | None:
        """The stack that is answered: the one shown, while its item is still in it."""
        is_there = operation.stack is not None and self.stack_of.get(operation.item) == operation.stack
        return operation.stack if is_there else None

    def others(self, operation: Operation) -> list[int]:
        """The other members of the stack that is answered."""
        stack = self.stack_for(operation)
        return [item for item in self.members.get(stack or 0, []) if item != operation.item]

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
        return state.verdict is not None or state.verdict_id in self.own_stacks

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


def _append(context: _Context, operation: Operation, state: Held) -> Verdict:
    """The event, not yet in the database, and the moves of every state it touches."""
    others = [context.states[item, operation.label_class] for item in context.others(operation)]
    followers = [other for other in others if other.is_derived or other.answer == ""]
    verdict = Verdict(
        corpus=context.corpus,
        item_id=operation.item,
        stack_id=context.stack_for(operation),
        member_ids=[other.item for other in followers],
        replaced=[state.mark, *(other.mark for other in followers)],
        label_class_id=operation.label_class,
        answer=operation.answer,
        version=state.version + 1,
        annotator=context.annotator,
        operation_id=operation.operation_id,
        batch=operation.batch,
        query_round_id=operation.round,
        rank=operation.rank,
        mode=operation.mode,
        is_forced=operation.force and state.version != operation.base_version,
        client_time=operation.client_time,
        created_at=context.now,
    )
    state.move(verdict, operation.answer, is_derived=False)
    for other in followers:
        other.move(verdict, operation.answer, is_derived=True)
    return verdict


def _repeat(result: Result, said: Verdict, corpus: Corpus) -> None:
    if said.corpus_id != corpus.pk:
        result.outcome, result.reason = "rejected", "operation-used-elsewhere"
        return
    result.outcome, result.item = "duplicate", said.item_id
    result.answer, result.version, result.at = said.answer, said.version, said.created_at
    result.by = said.annotator.username


def _explain(conflicts: Sequence[tuple[Result, Held]]) -> None:
    """Say what counts instead, since when, and who said it."""
    ids = {
        state.verdict_id for _, state in conflicts if state.verdict is None and state.verdict_id is not None
    }
    events = Verdict.objects.filter(pk__in=ids).select_related("annotator").in_bulk() if ids else {}
    for result, state in conflicts:
        event = state.verdict or events.get(state.verdict_id)
        result.answer, result.version = state.answer, state.version
        if event is not None:
            result.by, result.at = event.annotator.username, event.created_at
