"""What a batch of operations is checked against, read in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from labeling.models import BlindLook, Verdict
from labeling.services.derivation import forget_sources_off, items_off
from labeling.services.entries import Entry
from labeling.services.looks import looks_of
from labeling.services.operations import Operation
from labeling.services.parties import agreement_of, answers_on, others_than, who_settles
from labeling.services.states import Held, Key, lock_states
from sisyphus_web.accounts.models import Corpus, User


class Known(NamedTuple):
    """What an operation id did when it was recorded."""

    corpus_id: int
    item_id: int
    answer: str
    version: int
    is_blind: bool
    created_at: datetime


class OwnDispute(NamedTuple):
    """What this annotator and somebody else disagree about, and third ones may settle."""

    settlers: list[str]  # their names
    agreement: str  # the answer of all the others, '' where they differ


CHECK = """
    SELECT 'item', id, stack_id, NULL::double precision, NULL::boolean FROM indexing_item
    WHERE id = ANY(%(items)s) AND corpus_id = %(corpus)s AND deleted_at IS NULL
    UNION ALL
    SELECT 'class', id, NULL, second_share, retired_at IS NOT NULL FROM labeling_labelclass
    WHERE id = ANY(%(classes)s) AND corpus_id = %(corpus)s
    UNION ALL
    SELECT 'round', id, NULL, NULL, NULL FROM labeling_queryround
    WHERE id = ANY(%(rounds)s) AND corpus_id = %(corpus)s
    UNION ALL
    SELECT 'audited', draw.item_id, audit.label_class_id, extract(epoch FROM audit.created_at), NULL
    FROM labeling_auditdraw draw JOIN labeling_audit audit ON audit.id = draw.audit_id
    WHERE draw.item_id = ANY(%(items)s) AND audit.label_class_id = ANY(%(classes)s)
      AND audit.corpus_id = %(corpus)s
      AND NOT EXISTS (SELECT FROM labeling_auditstop stop WHERE stop.audit_id = audit.id)
"""
MEMBERS = """
    SELECT stack_id, id, stack_revision FROM indexing_item
    WHERE stack_id = ANY(%s) AND corpus_id = %s AND deleted_at IS NULL ORDER BY id
"""
KNOWN = """
    SELECT operation_id, corpus_id, item_id, answer, version, is_blind, created_at FROM labeling_verdict
    WHERE annotator_id = %s AND operation_id = ANY(%s)
"""


class BatchContext:
    """What there is of what a batch names, its states locked, and what its operation ids did before.

    `is_contended`: a try before this one met somebody else, so nothing is taken for new.
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
        self.audited: dict[Key, datetime] = {}  # draws of audits, and when they were drawn
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
        self.states = lock_states(keys)
        # After the lock: a retry that raced with its first try must find what that one wrote. What was never
        # answered was not answered by these operations either, nor was anybody served it blind.
        is_new = all(state.is_new for state in self.states.values())
        self.known = {} if is_new and not is_refused and not is_contended else self._known(operations)
        self.looks = {} if is_new else looks_of(annotator, self.states)
        self.answered: list[tuple[BlindLook, Entry]] = []
        self.own_stacks = set() if is_new else self._own_stack_events()
        self.own_disputes = {} if is_new else self._own_disputes(operations)

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
            for kind, pk, stack, number, is_retired in cursor.fetchall():
                if kind == "item":
                    self.stack_of[pk] = stack
                elif kind == "class":
                    self.retired[pk], self.second_shares[pk] = is_retired, number
                elif kind == "audited":
                    self.audited[pk, stack] = datetime.fromtimestamp(number, UTC)
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

    def _own_disputes(self, operations: Sequence[Operation]) -> dict[Key, OwnDispute]:
        """Of what is answered in review: the disputes of this annotator that somebody else may settle."""
        settled = {
            key
            for key in ((each.item, each.label_class) for each in operations if each.mode == "review")
            if key in self.states and self.states[key].is_disputed
        }
        own = {key: said for key, said in answers_on(settled).items() if self.annotator.pk in said}
        settlers = who_settles(self.corpus) if own else {}
        found = {key: (others_than(said, settlers), said) for key, said in own.items()}
        me = self.annotator.pk
        return {key: OwnDispute(who, agreement_of(me, said)) for key, (who, said) in found.items() if who}

    def own_dispute(self, operation: Operation) -> OwnDispute | None:
        """The dispute that this would settle, where it is the annotator's own and others may."""
        is_review = operation.mode == "review"
        return self.own_disputes.get((operation.item, operation.label_class)) if is_review else None

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
        if operation.box is not None and not (
            operation.box[0] < operation.box[2] and operation.box[1] < operation.box[3]
        ):
            return "bad-box"
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
