"""Dataset versions: what is in them, that they repeat, that nothing leaks."""

from uuid import uuid4

import pytest

from indexing.models import Item, Stack
from labeling.models import DatasetEntry, QueryRound, SplitAssignment, WeakBatch, WeakLabel
from labeling.services.dataset_diff import compare_versions
from labeling.services.datasets import NothingToFreeze, canonical_sha256, create_version
from labeling.services.exports import request_export
from tests.labeling.conftest import items_of, operation, photo
from tests.labeling.test_verdicts import record


def freeze(corpus, mia, *classes, **fields):
    return create_version(corpus=corpus, label_classes=classes, by=mia, **fields)


def take_weakly(corpus, mia, label_class, items):
    made = QueryRound.objects.create(
        corpus=corpus, label_class=label_class, created_by=mia, mode="similar", terms=[]
    )
    batch = WeakBatch.objects.create(
        corpus=corpus, label_class=label_class, query_round=made, first_n=len(items), created_by=mia
    )
    for rank, item in enumerate(items):
        WeakLabel.objects.create(batch=batch, item=item, label_class=label_class, rank=rank, similarity=0.5)
    return batch


@pytest.fixture
def decided(corpus, ann, cat):
    """30 accepted, 10 rejected, 1 unsure; a stack of 3 of which one was looked at."""
    items = items_of(corpus, 41)
    answers = ["accept"] * 30 + ["reject"] * 10 + ["unsure"]
    made = [operation(item, cat, answer) for item, answer in zip(items, answers, strict=True)]
    record(corpus, ann, *made)
    stack = items_of(corpus, 3, in_stack=True)
    record(corpus, ann, operation(stack[0], cat, stack=stack[0].stack_id))
    return items


def test_a_version_holds_what_counts_and_says_where_it_came_from(corpus, mia, cat, decided):
    version = freeze(corpus, mia, cat)
    assert version.card["origins"] == {"verdict": 41, "derived": 2, "weak": 0, "import": 0}
    assert sum(side["accept"] for side in version.counts.values()) == 33
    assert sum(side["reject"] for side in version.counts.values()) == 10
    assert version.card["left_out"] == {"unsure": 1, "disputed": 0, "on_no_side": 0}
    assert version.card["leakage"]["groups_across_splits"] == 0
    assert version.last_verdict_id > 0
    assert (version.number, len(version.sha256)) == (1, 64)


def test_the_same_again_has_the_same_hash_and_another_answer_another(corpus, ann, mia, cat, decided):
    first, second = freeze(corpus, mia, cat), freeze(corpus, mia, cat, seed=9)
    assert (second.number, second.sha256) == (2, first.sha256)  # sides are kept, whatever the seed
    record(corpus, ann, operation(decided[0], cat, "reject", base_version=1))
    third = freeze(corpus, mia, cat)
    assert third.sha256 != first.sha256
    assert canonical_sha256(first) == first.sha256
    difference = compare_versions(first, third)
    assert difference.counts["answered_otherwise"] == 1
    assert [change.item for change in difference.changes] == [decided[0].pk]


def test_weak_labels_are_in_it_only_if_asked_for_and_while_nobody_has_answered(corpus, mia, ann, cat):
    items = items_of(corpus, 6)
    batch = take_weakly(corpus, mia, cat, items)
    record(corpus, ann, operation(items[0], cat, "accept"), operation(items[1], cat, "reject"))
    assert freeze(corpus, mia, cat).card["origins"] == {"verdict": 2, "derived": 0, "weak": 0, "import": 0}
    assert freeze(corpus, mia, cat, includes_weak=True).card["origins"]["weak"] == 4
    batch.reverted_at = batch.created_at
    batch.save()
    assert freeze(corpus, mia, cat, includes_weak=True).card["origins"]["weak"] == 0


def test_what_is_disputed_or_deleted_is_left_out(corpus, ann, mia, cat, decided):
    record(corpus, mia, operation(decided[0], cat, "reject", force=True))
    Item.objects.filter(pk=decided[1].pk).update(deleted_at=cat.created_at)
    version = freeze(corpus, mia, cat)
    assert version.card["left_out"]["disputed"] == 1
    assert not DatasetEntry.objects.filter(item__in=decided[:2]).exists()


def test_nothing_accepted_is_nothing_to_freeze(corpus, mia, cat):
    with pytest.raises(NothingToFreeze):
        freeze(corpus, mia, cat)


def test_photos_of_one_stack_are_on_one_side(corpus, ann, mia, cat):
    stacks = [items_of(corpus, 4, in_stack=True) for _ in range(12)]
    made = [operation(items[0], cat, stack=items[0].stack_id) for items in stacks]
    record(corpus, ann, *made)
    version = freeze(corpus, mia, cat, val_share=0.3, test_share=0.3)
    for items in stacks:
        assert version.entries.filter(item__in=items).values("split").distinct().count() == 1
    assert version.entries.values("split").distinct().count() == 3


def test_frames_of_one_video_are_on_one_side(corpus, ann, mia, cat):
    videos = [photo(corpus, f"{number}.mp4", kind="video") for number in range(10)]
    items = [
        Item.objects.create(corpus=corpus, media_file=video, start_pts=pts, stop_pts=pts + 1)
        for video in videos
        for pts in range(5)
    ]
    record(corpus, ann, *(operation(item, cat) for item in items))
    version = freeze(corpus, mia, cat, val_share=0.3, test_share=0.3)
    for video in videos:
        assert version.entries.filter(item__media_file=video).values("split").distinct().count() == 1


def test_two_exported_sides_that_a_new_stack_joins_do_not_cross(corpus, ann, mia, cat):
    items = items_of(corpus, 30)
    record(corpus, ann, *(operation(item, cat) for item in items))
    first = freeze(corpus, mia, cat, val_share=0.3, test_share=0.3)
    sides = dict(SplitAssignment.objects.values_list("media_file", "split"))
    in_train = next(item for item in items if sides[item.media_file_id] == "train")
    in_test = next(item for item in items if sides[item.media_file_id] == "test")
    request_export(version=first, format="csv", by=mia)
    stack = Stack.objects.create(corpus=corpus)
    Item.objects.filter(pk__in=[in_train.pk, in_test.pk]).update(stack=stack)
    second = freeze(corpus, mia, cat, val_share=0.3, test_share=0.3)
    assert second.card["left_out"]["on_no_side"] == 1
    assert second.card["leakage"]["groups_across_splits"] == 0
    assert dict(SplitAssignment.objects.values_list("media_file", "split")) == sides


def test_a_version_knows_the_class_as_it_was_named(corpus, mia, cat, decided):
    version = freeze(corpus, mia, cat, name=f"first {uuid4()}")
    cat.name = "lynx"
    cat.save()
    assert version.card["classes"][0]["name"] == "cat"
    assert canonical_sha256(version) == version.sha256


def test_a_side_without_a_background_is_warned_of(corpus, ann, mia, cat):
    items = items_of(corpus, 31)
    answers = ["accept"] * 30 + ["reject"]
    record(corpus, ann, *(operation(item, cat, answer) for item, answer in zip(items, answers, strict=True)))
    warnings = freeze(corpus, mia, cat).card["warnings"]
    assert sum("background folder is empty" in warning for warning in warnings) == 2
