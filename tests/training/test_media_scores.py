"""Scores along a video: in order of time, of the live version, with the point they are judged by."""

import pytest
from rest_framework.test import APIClient

from indexing.models import Item, MediaFile
from sisyphus_web.jobs.models import Job
from tests.training.conftest import run_job, trained
from training.services.scores import request_scores, scores_of_items

pytestmark = pytest.mark.django_db(transaction=True)


def test_scores_come_in_order_of_time_with_the_operating_point(corpus, vera, mia, cat, version, there):
    found = trained(version, mia, name="cats")
    client = APIClient()
    client.force_authenticate(vera)
    video = there.items[0].media_file
    url = f"/api/v1/corpora/{corpus.pk}/classifiers/{found.classifier_id}/media/{video.pk}/scores/"
    Job.objects.filter(kind="classifier_predict").delete()
    early = client.get(url)
    assert (early.status_code, early.json()["code"]) == (409, "not-scored")
    run_job(request_scores(found, by=mia).job)
    MediaFile.objects.filter(pk=video.pk).update(kind="video")
    moved = there.items[:5]
    for place, item in enumerate(reversed(moved)):
        Item.objects.filter(pk=item.pk).update(media_file=video, start_pts=place + 10, stop_pts=place + 11)
    Item.objects.create(corpus=corpus, media_file=video, start_pts=99, stop_pts=100)  # not scored yet
    line = client.get(url, {"class": cat.pk}).json()
    assert line["items"] == [item.pk for item in reversed(moved)]
    scores = scores_of_items(found, sorted(line["items"]))
    stored = dict(zip(scores.item_ids.tolist(), scores.values[:, 0].tolist(), strict=True))
    assert line["values"] == [pytest.approx(stored[item], abs=1e-4) for item in line["items"]]
    point = found.operating_points.order_by("-pk").first()
    assert (line["version"], line["number"], line["threshold"]) == (found.pk, 1, point.threshold)
    assert client.get(url, {"class": 10**9}).status_code == 404
