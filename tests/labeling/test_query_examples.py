"""What somebody searched by is never in test: the query was made to find it."""

import pytest

from indexing.models import Item
from labeling.models import QueryRound, SplitAssignment
from labeling.services.datasets import create_version
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record


def search_by(corpus, user, *items) -> QueryRound:
    terms = [{"kind": "item", "item": item.pk, "box": None, "weight": 1.0} for item in items]
    return QueryRound.objects.create(corpus=corpus, created_by=user, mode="similar", terms=terms)


def freeze(corpus, mia, cat, *, val_share=0.2):
    return create_version(corpus=corpus, label_classes=[cat], val_share=val_share, test_share=0.4, by=mia)


@pytest.fixture
def decided(corpus, ann, cat) -> list[Item]:
    items = items_of(corpus, 40)
    record(
        corpus,
        ann,
        *(operation(item, cat, "reject" if n % 4 == 0 else "accept") for n, item in enumerate(items)),
    )
    return items


def in_test(version) -> set[int]:
    return set(version.entries.filter(split="test").values_list("item", flat=True))


def test_what_was_searched_by_goes_to_train_where_it_would_have_gone_to_test(corpus, mia, cat, decided):
    unsearched = in_test(freeze(corpus, mia, cat, val_share=0))
    assert len(unsearched) > 5
    SplitAssignment.objects.all().delete()  # as if nothing had been frozen before
    examples = [item for item in decided if item.pk in unsearched][:3]
    search_by(corpus, mia, *examples)
    version = freeze(corpus, mia, cat, val_share=0)
    assert in_test(version) == unsearched - {item.pk for item in examples}
    sides = set(version.entries.filter(item__in=examples).values_list("split", flat=True))
    assert sides == {"train"}
    assert version.card["leakage"]["query_examples_left_out_of_test"] == 0


def test_what_was_in_test_before_it_was_searched_by_is_left_out_and_counted(corpus, mia, cat, decided):
    before = in_test(freeze(corpus, mia, cat))
    example = next(item for item in decided if item.pk in before)
    search_by(corpus, mia, example)
    version = freeze(corpus, mia, cat)
    assert not version.entries.filter(item=example).exists()  # its group's side is for ever
    assert in_test(version) == before - {example.pk}
    assert version.card["leakage"]["query_examples_left_out_of_test"] == 1


def test_the_stack_of_an_example_is_left_out_with_it(corpus, ann, mia, cat, decided):
    stacks = [items_of(corpus, 3, in_stack=True) for _ in range(12)]
    record(corpus, ann, *(operation(stack[0], cat, stack=stack[0].stack_id) for stack in stacks))
    before = in_test(freeze(corpus, mia, cat))
    stack = next(each for each in stacks if each[0].pk in before)
    search_by(corpus, mia, stack[1])
    version = freeze(corpus, mia, cat)
    assert not in_test(version) & {item.pk for item in stack}
    assert version.card["leakage"]["query_examples_left_out_of_test"] == 3


def test_no_class_is_brought_into_test_by_what_was_searched_by(corpus, ann, mia, cat):
    items = items_of(corpus, 6)
    record(corpus, ann, *(operation(item, cat) for item in items))
    search_by(corpus, mia, *items)
    version = freeze(corpus, mia, cat)
    assert in_test(version) == set()
    assert any("test has no accepted example" in warning for warning in version.card["warnings"])
