"""A box drawn on a frame becomes an item: once, in whole pixels, with answers of its own."""

import pytest
from rest_framework.test import APIClient

from indexing.models import Item, MediaFile
from labeling.models import CurrentVerdict
from labeling.services.verdicts import record_verdicts
from sisyphus_web.jobs.models import Job
from tests.factories import ThumbnailPackFactory
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.labeling.conftest import items_of, operation

pytestmark = pytest.mark.django_db
CORNER = [0.5, 0.25, 1.0, 0.75]  # of 640 x 480


@pytest.fixture
def drawn(corpus, cat):
    def draw(user, item, box=CORNER, label_class=cat):
        client = APIClient()
        client.force_authenticate(user)
        asked = {"item": item.pk, "box": box, "class": label_class.pk}
        return client.post(f"/api/v1/corpora/{corpus.pk}/boxes/", asked, format="json")

    return draw


def test_a_box_is_a_region_made_once_whoever_draws_it(corpus, ann, mia, cat, drawn):
    (frame,) = items_of(corpus, 1)
    first, second = drawn(ann, frame).json(), drawn(mia, frame).json()
    assert (first["is_new"], second["is_new"]) == (True, False)
    tile = first["tile"]
    assert tile["item"] == second["tile"]["item"]
    assert (tile["kind"], tile["box"], tile["answer"], tile["stack"]) == ("region", CORNER, "", None)
    region = Item.objects.get(pk=tile["item"])
    assert (region.x0_px, region.y0_px, region.x1_px, region.y1_px) == (320, 120, 640, 360)
    assert (region.media_file_id, region.start_pts) == (frame.media_file_id, frame.start_pts)


def test_a_region_is_shown_by_the_thumbnail_of_its_frame(corpus, ann, drawn):
    (frame,) = items_of(corpus, 1)
    pack = ThumbnailPackFactory(corpus=corpus)
    of_frame = {"thumbnail_pack": pack, "thumbnail_offset": 7, "thumbnail_bytes": 900}
    Item.objects.filter(pk=frame.pk).update(**of_frame, thumbnail_width_px=256, thumbnail_height_px=192)
    region = Item.objects.get(pk=drawn(ann, frame).json()["tile"]["item"])
    assert (region.thumbnail_pack, region.thumbnail_offset, region.thumbnail_bytes) == (pack, 7, 900)


def test_its_answer_is_its_own_and_a_box_on_a_region_is_of_the_frame(corpus, ann, cat, drawn):
    (frame,) = items_of(corpus, 1)
    region = Item.objects.get(pk=drawn(ann, frame).json()["tile"]["item"])
    record_verdicts(corpus=corpus, annotator=ann, operations=[operation(region, cat)])
    assert drawn(ann, frame).json()["tile"]["answer"] == "accept"
    assert not CurrentVerdict.objects.filter(item=frame).exists()
    again = drawn(ann, region, [0.0, 0.0, 0.5, 0.5]).json()["tile"]
    assert (again["media_file"], again["box"]) == (frame.media_file_id, [0.0, 0.0, 0.5, 0.5])


@pytest.mark.parametrize("box", [[0, 0, 1, 1], [0.5, 0.5, 0.501, 0.9], [0.6, 0.2, 0.4, 0.9]])
def test_a_box_of_no_size_or_of_the_whole_frame_is_refused(corpus, ann, drawn, box):
    (frame,) = items_of(corpus, 1)
    refused = drawn(ann, frame, box)
    assert (refused.status_code, refused.json()["code"]) == (400, "no-such-box")
    assert Item.objects.filter(corpus=corpus).count() == 1


def test_many_boxes_are_encoded_by_one_job(corpus, ann, drawn):
    (frame, *_) = add_items(make_feature_set(corpus), clustered(4))
    MediaFile.objects.filter(pk=frame.media_file_id).update(width_px=640, height_px=480)
    for side in (0.5, 0.6, 0.7):
        assert drawn(ann, frame, [0.0, 0.0, side, side]).status_code == 200
    assert Job.objects.filter(corpus=corpus, kind="features_extract").count() == 1
