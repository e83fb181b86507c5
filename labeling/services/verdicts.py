"""Write answers into the ledger: a batch of operations, each applied, a duplicate, a conflict or rejected."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from labeling.models import BlindLook, Verdict
from labeling.services.batch_context import BatchContext, Known
from labeling.services.entries import Entry, append, number
from labeling.services.exceptions import split_stacks
from labeling.services.leases import release_tiles
from labeling.services.looks import draw_looks, vote_of
from labeling.services.operations import BATCH_LIMIT, Operation, Result
from labeling.services.parties import own_dispute
from labeling.services.refusals import SENTENCES
from labeling.services.states import Held, Raced, add_states, save_states, settle_disputes
from sisyphus_web.accounts.models import Corpus, User

__all__ = ["BATCH_LIMIT", "Operation", "Result", "record_verdicts"]

RESERVED = {"second", "gold", "derived", "undo"}  # modes that only the server says


def record_verdicts(*, corpus: Corpus, annotator: User, operations: Sequence[Operation]) -> list[Result]:
    """Append each operation that saw the version that counts; the results come in the order of `operations`.

    A known operation id gives `duplicate` with what it did the first time. A version that moved on gives
    `conflict` with what counts now, unless `force`. An answer to a stack is one event: members that nobody
    answered directly follow it, the others are exceptions and stay. If the item has left the stack since
    it was shown, or its source's stacks are answered frame by frame, the answer is about the item alone.
    One's own answer to a stack is no conflict for one's later answer to a member.

    An answer to a member against what was derived for it takes the member out of the stack. An answer to what
    was served blind is a vote beside what counts (compute/ledger.py), whatever version its tile showed. An
    answer in review to a disputed item settles the dispute; from one of those who disagree it is rejected
    (`own-dispute`), unless it agrees with all the others, or nobody else in the corpus may answer.
    """
    is_contended = has_failed = False
    while True:
        try:
            return _record(corpus, annotator, operations, is_contended=is_contended)
        except Raced:
            pass  # it ends: the row that somebody else has added is there from now on
        except IntegrityError:
            if has_failed:
                raise
            has_failed = True  # an operation id was written with other items and so past our locks
        is_contended = True


@transaction.atomic
def _record(
    corpus: Corpus, annotator: User, operations: Sequence[Operation], *, is_contended: bool
) -> list[Result]:
    context = BatchContext(corpus, annotator, operations, is_contended=is_contended)
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
            _refuse(result, reason)
            continue
        state = context.states[operation.item, operation.label_class]
        own = context.own_dispute(operation)
        if own is not None and operation.answer != own.agreement:
            _refuse(result, "own-dispute", own_dispute(own.settlers))
            result.answer, result.version = state.answer, state.version
            continue
        look = context.look(operation, state)
        has_moved_on = state.version != operation.base_version and not context.is_own_stack(state)
        if has_moved_on and not operation.force and look is None:
            _refuse(result, "answered-since")
            result.outcome = "conflict"
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
        draw_looks(corpus, entries, context.second_shares, context.audited, said_at=context.now)
        release_tiles({(entry.label_class_id, entry.stack_id or -entry.item_id) for entry in entries})
        context.save_looks()
    _explain(conflicts, context)
    return results


def _refuse(result: Result, reason: str, detail: str = "") -> None:
    result.outcome, result.reason, result.detail = "rejected", reason, detail or SENTENCES[reason]


def _entry(context: BatchContext, operation: Operation, state: Held, vote: BlindLook.Kind | None) -> Entry:
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
        is_settling=operation.mode == "review"
        and state.is_disputed
        and context.own_dispute(operation) is None,
        reason=operation.reason.strip(),
        box=operation.box,
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


def _repeat(result: Result, operation: Operation, said: Known, context: BatchContext) -> None:
    if said.corpus_id != context.corpus.pk:
        _refuse(result, "operation-used-elsewhere")
        return
    result.outcome, result.item = "duplicate", said.item_id
    result.answer, result.version, result.at = said.answer, _version_shown(operation, said), said.created_at
    result.by = context.annotator.username


def _explain(conflicts: Sequence[tuple[Result, Held]], context: BatchContext) -> None:
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
