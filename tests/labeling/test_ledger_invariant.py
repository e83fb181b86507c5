"""Whatever two annotators do, in whatever order it arrives: the projection is the fold of the ledger."""

import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from labeling.models import BlindLook, CurrentVerdict, LabelClass, Verdict
from labeling.services import counts
from labeling.services.counts import count_states, wrong_counts
from labeling.services.projection import projection_differences
from labeling.services.undo import undo_batch
from labeling.services.verdicts import record_verdicts
from sisyphus_web.accounts.models import Corpus, User
from tests.labeling.conftest import items_of, operation

ANSWERS = st.sampled_from(["accept", "reject", "unsure"])
WHO = st.sampled_from([0, 1])
ITEM = st.integers(0, 5)  # 0-3 are one stack


class Ledger(RuleBasedStateMachine):
    """Two annotators answer, repeat, conflict, force, split stacks, vote blindly, settle, undo and redo."""

    batches = Bundle("batches")
    sent = Bundle("sent")

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.people = [User.objects.create(username=uuid4().hex) for _ in range(2)]
        self.corpus = Corpus.objects.create(name=uuid4().hex, created_by=self.people[0])
        self.label_class = LabelClass.objects.create(
            corpus=self.corpus, name="cat", created_by=self.people[0]
        )
        self.items = [*items_of(self.corpus, 4, in_stack=True), *items_of(self.corpus, 2)]
        self.acknowledged = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    def send(self, who, *operations):
        results = record_verdicts(corpus=self.corpus, annotator=self.people[who], operations=operations)
        for result in results:
            if result.outcome == "applied":
                key = (who, UUID(result.operation_id))
                assert key not in self.acknowledged
                self.acknowledged[key] = (result.item, result.answer, result.version)
            elif result.outcome == "duplicate":
                assert self.acknowledged[who, UUID(result.operation_id)] == (
                    result.item,
                    result.answer,
                    result.version,
                )
        return results

    def version(self, item):
        state = CurrentVerdict.objects.filter(item=item).first()
        return state.version if state else 0

    @rule(target=batches, who=WHO, index=ITEM, answer=ANSWERS, as_stack=st.booleans(), force=st.booleans(),
          staleness=st.sampled_from([0, 0, 0, 1]))  # fmt: skip
    def answer(self, who, index, answer, as_stack, force, staleness):
        item = self.items[index]
        batch = uuid4()
        version = max(0, self.version(item) - staleness)
        made = operation(
            item, self.label_class, answer, version, batch=batch, force=force,
            stack=item.stack_id if as_stack else None,
        )  # fmt: skip
        self.send(who, made)
        self.last = (who, made)
        return batch

    @rule(target=batches, who=WHO, answers=st.lists(st.tuples(ITEM, ANSWERS, st.booleans()), max_size=6))
    def answer_many(self, who, answers):
        batch = uuid4()
        made = [
            operation(
                self.items[index],
                self.label_class,
                answer,
                self.version(self.items[index]),
                batch=batch,
                stack=self.items[index].stack_id if as_stack else None,
            )
            for index, answer, as_stack in answers
        ]
        self.send(who, *made)
        self.send(who, *reversed(made))  # the answer was lost; the retry arrives in another order
        return batch

    @rule(target=batches, who=WHO, index=ITEM, answer=ANSWERS, kind=st.sampled_from(BlindLook.Kind.values),
          as_stack=st.booleans())  # fmt: skip
    def vote_blindly(self, who, index, answer, kind, as_stack):
        item, batch = self.items[index], uuid4()
        BlindLook.objects.get_or_create(
            label_class=self.label_class,
            item=item,
            annotator=self.people[who],
            defaults={
                "corpus": self.corpus, "kind": kind, "due_at": timezone.now(), "served_at": timezone.now(),
            },
        )  # fmt: skip
        before = CurrentVerdict.objects.filter(item=item).first()
        stack = item.stack_id if as_stack else None
        made = operation(item, self.label_class, answer, 0, batch=batch, stack=stack)
        (result,) = self.send(who, made)
        assert (result.outcome, result.answer) == ("applied", answer)
        if before and before.answer and Verdict.objects.get(operation_id=made.operation_id).is_blind:
            after = CurrentVerdict.objects.get(item=item)
            assert (after.answer, after.verdict_id) == (before.answer, before.verdict_id)
        return batch

    @rule(target=batches, who=WHO, index=ITEM, answer=ANSWERS)
    def review(self, who, index, answer):
        item, batch = self.items[index], uuid4()
        self.send(
            who,
            operation(
                item, self.label_class, answer, self.version(item), batch=batch, mode="review", reason="seen"
            ),
        )
        assert not CurrentVerdict.objects.filter(
            item=item, verdict__is_settling=True, is_disputed=True
        ).exists()
        return batch

    @rule(target=batches, who=WHO, batch=batches)
    def undo_or_redo(self, who, batch):
        operation_id = uuid4()
        if not Verdict.objects.filter(batch=batch).exists():
            return multiple()
        arguments = {"corpus": self.corpus, "batch": batch, "operation_id": operation_id}
        first = undo_batch(**arguments, by=self.people[who], is_manager=True)
        assert undo_batch(**arguments, by=self.people[who], is_manager=True) == first
        return operation_id

    @invariant()
    def the_projection_is_the_fold(self):
        assert projection_differences(self.corpus) == []

    @invariant()
    def the_running_counts_are_those_of_a_full_recount(self):
        assert wrong_counts(self.corpus) == []
        states = CurrentVerdict.objects.filter(label_class=self.label_class)
        found = count_states(self.label_class)
        by_answer = [states.filter(answer=each).count() for each in ("accept", "reject", "unsure")]
        assert [found.accepted, found.rejected, found.unsure] == by_answer
        assert found.disputed == states.filter(is_disputed=True).count()

    @rule()
    def put_counts_together(self):
        counts.put_together(most_changes=1)

    @invariant()
    def nothing_is_lost_or_doubled(self):
        said = Verdict.objects.filter(corpus=self.corpus, reverts=None)
        recorded = {(self.people.index(verdict.annotator), verdict.operation_id) for verdict in said}
        assert recorded == set(self.acknowledged)
        assert said.count() == len(recorded)


@pytest.mark.django_db
def test_the_projection_is_always_the_fold_of_the_ledger():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db(transaction=True)
def test_four_at_once_on_the_same_items_lose_nothing_and_never_deadlock(corpus, ann, mia, vera, cat):
    items = [*items_of(corpus, 10, in_stack=True), *items_of(corpus, 10)]
    stan = User.objects.create_user("stan")
    applied, errors = [], []
    start = threading.Barrier(4)

    def work(seed, annotator):
        import random

        order = random.Random(seed)
        try:
            start.wait()
            for _ in range(10):
                chosen = order.sample(items, 5)
                made = [
                    operation(
                        item,
                        cat,
                        order.choice(["accept", "reject"]),
                        order.randint(0, 3),
                        force=order.random() < 0.3,
                        stack=item.stack_id if order.random() < 0.5 else None,
                        batch=(batch := uuid4()),
                    )
                    for item in chosen
                ]
                results = record_verdicts(corpus=corpus, annotator=annotator, operations=made)
                applied.extend(UUID(result.operation_id) for result in results if result.outcome == "applied")
                if order.random() < 0.3 and Verdict.objects.filter(batch=batch).exists():
                    undo_batch(
                        corpus=corpus, batch=batch, operation_id=uuid4(), by=annotator, is_manager=True
                    )
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=(seed, annotator))
        for seed, annotator in enumerate((ann, mia, vera, stan))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert errors == []
    recorded = set(Verdict.objects.filter(reverts=None).values_list("operation_id", flat=True))
    assert recorded == set(applied)
    assert projection_differences(corpus) == []
