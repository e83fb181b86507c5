"""The box that an answer was about, frozen with it: in the version, in every export, and back by import."""

from uuid import uuid4

import pytest

from labeling.models import DatasetEntry
from labeling.services.dataset_diff import compare_versions
from labeling.services.datasets import canonical_sha256, create_version
from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_datasets import take_weakly
from tests.labeling.test_verdicts import record

CORNER = (0.5, 0.5, 1.0, 1.0)
THIRD = (0.1, 1 / 3, 0.7, 2 / 3)  # no share of it is a short number


def freeze(corpus, mia, *classes, **fields):
    return create_version(corpus=corpus, label_classes=classes, by=mia, **fields)


def boxes_in(version) -> dict[int, list[float] | None]:
    return dict(version.entries.values_list("item", "box"))


def test_a_version_holds_the_box_of_each_answer_that_has_one(corpus, ann, mia, cat):
    accepted, rejected, whole = items_of(corpus, 3)
    record(
        corpus,
        ann,
        operation(accepted, cat, box=CORNER),
        operation(rejected, cat, "reject", box=THIRD),
        operation(whole, cat),
    )
    version = freeze(corpus, mia, cat)
    assert boxes_in(version) == {accepted.pk: list(CORNER), rejected.pk: list(THIRD), whole.pk: None}
    assert version.card["boxes"] == 2


def test_the_members_of_a_stack_have_no_box_of_an_answer_to_another(corpus, ann, mia, cat):
    shown, other = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(shown, cat, stack=shown.stack_id, box=CORNER))
    assert boxes_in(freeze(corpus, mia, cat)) == {shown.pk: list(CORNER), other.pk: None}


def test_weak_labels_have_no_box(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    take_weakly(corpus, mia, cat, [item])
    version = freeze(corpus, mia, cat, includes_weak=True)
    assert boxes_in(version) == {item.pk: None}
    assert "boxes" not in version.card


def test_a_version_keeps_its_boxes_whatever_is_said_later(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, box=CORNER))
    first = freeze(corpus, mia, cat)
    again = operation(item, cat, box=THIRD, base_version=1)
    record(corpus, ann, again)
    second = freeze(corpus, mia, cat)
    undo_batch(corpus=corpus, batch=again.batch, operation_id=uuid4(), by=ann, is_manager=False)
    third = freeze(corpus, mia, cat)
    assert [boxes_in(each)[item.pk] for each in (first, second, third)] == [
        list(CORNER),
        list(THIRD),
        list(CORNER),
    ]
    assert canonical_sha256(first) == first.sha256 == third.sha256 != second.sha256
    assert compare_versions(first, third).changes == []


def test_another_box_is_a_change_of_its_own(corpus, ann, mia, cat):
    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    first = freeze(corpus, mia, cat)
    record(corpus, ann, operation(item, cat, box=CORNER, base_version=1))
    found = compare_versions(first, freeze(corpus, mia, cat))
    assert found.counts["outlined"] == 1
    assert [(change.item, change.change) for change in found.changes] == [(item.pk, "outlined")]


def test_a_frozen_box_has_four_sides(corpus, ann, mia, cat):
    from django.db import IntegrityError, transaction

    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat, box=CORNER))
    freeze(corpus, mia, cat)
    with pytest.raises(IntegrityError, match="four_sides"), transaction.atomic():
        DatasetEntry.objects.update(box=[0.1, 0.2])
