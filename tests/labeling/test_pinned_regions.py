"""The part of a frame that was outlined when it was answered stays with the answer."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from labeling.models import Verdict
from labeling.services.review import review_page
from labeling.services.tiles import Shown, describe_tiles
from labeling.services.undo import undo_batch
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record

pytestmark = pytest.mark.django_db
CORNER = (0.5, 0.5, 1.0, 1.0)


def said_of(corpus, cat, item):
    (tile,) = describe_tiles(corpus, [Shown(item.pk, None, 1, None, 0)], label_class_id=cat.pk)
    return tile.said_of


def test_the_region_is_in_the_ledger_and_on_the_tile_of_the_review(corpus, ann, cat):
    found, whole = items_of(corpus, 2)
    record(corpus, ann, operation(found, cat, box=CORNER), operation(whole, cat))
    assert Verdict.objects.get(item=found).box == list(CORNER)
    assert Verdict.objects.get(item=whole).box is None
    tiles = {tile.item: tile for tile in review_page(cat, state="accepted").results}
    assert (tiles[found.pk].said_of, tiles[whole.pk].said_of) == (CORNER, None)
    assert not tiles[found.pk].is_found  # nobody searched


def test_an_answer_to_a_stack_is_pinned_for_the_member_that_was_shown_alone(corpus, ann, cat):
    shown, other = items_of(corpus, 2, in_stack=True)
    record(corpus, ann, operation(shown, cat, stack=shown.stack_id, box=CORNER))
    assert said_of(corpus, cat, shown) == CORNER
    assert said_of(corpus, cat, other) is None


def test_undo_brings_back_the_region_of_the_answer_that_counts_again(corpus, ann, cat):
    (item,) = items_of(corpus, 1)
    accept = operation(item, cat, box=CORNER)
    reject = operation(item, cat, "reject", base_version=1)
    record(corpus, ann, accept)
    record(corpus, ann, reject)
    assert said_of(corpus, cat, item) is None
    undo = {"corpus": corpus, "by": ann, "is_manager": False}
    undone = undo_batch(**undo, batch=reject.batch, operation_id=uuid4())
    assert said_of(corpus, cat, item) == CORNER
    undo_batch(**undo, batch=undone.batch, operation_id=uuid4())
    assert said_of(corpus, cat, item) is None


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.5, 1.0), (0.9, 0.0, 0.1, 1.0)])
def test_a_region_without_an_inside_is_refused(corpus, ann, cat, box):
    (item,) = items_of(corpus, 1)
    (result,) = record(corpus, ann, operation(item, cat, box=box))
    assert (result.outcome, result.reason) == ("rejected", "bad-box")
    assert not Verdict.objects.filter(item=item).exists()


@pytest.mark.parametrize("box", [[0, 0, 1], [0, 0, 1, 1.5], "all", [0, 0, None, 1]])
def test_a_region_that_is_none_is_refused_over_rest(corpus, ann, cat, box):
    (item,) = items_of(corpus, 1)
    sent = {
        "operation_id": "0a1b2c3d-0000-4000-8000-000000000001",
        "batch": "0a1b2c3d-0000-4000-8000-000000000002",
        "item": item.pk,
        "class": cat.pk,
        "answer": "accept",
        "base_version": 0,
        "box": box,
    }
    client = APIClient()
    client.force_authenticate(ann)
    answer = client.post(f"/api/v1/corpora/{corpus.pk}/verdicts/", {"operations": [sent]}, format="json")
    assert answer.json()["results"][0]["outcome"] == "rejected"
    assert not Verdict.objects.filter(item=item).exists()
