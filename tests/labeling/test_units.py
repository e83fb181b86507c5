"""Frames and clips over REST: a ranking, its counts and its audits are of one of them."""

import orjson
import pytest
from rest_framework.test import APIClient

from indexing.models import FeatureSet, Item
from labeling.models import Audit, LabelClass, WeakBatch
from labeling.services.audits_draw import audit_recall
from labeling.services.datasets import MixedUnits, create_version
from labeling.services.weak import take_weak
from tests.indexing.made import WIDTH, add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_api import an_answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


@pytest.fixture
def client(ann):
    made = APIClient()
    made.force_authenticate(ann)
    return made


@pytest.fixture
def cat(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="cat", created_by=mia)


@pytest.fixture
def frames(corpus):
    return add_items(make_feature_set(corpus), clustered(40), kind="video")


def add_clips(corpus, num: int = 30) -> list[Item]:
    """Clips of a second of one video, with features of their own."""
    feature_set = FeatureSet.objects.create(
        corpus=corpus, unit="clip", encoder="builtin-clip@1", width=WIDTH, is_active=True
    )
    made = add_items(feature_set, clustered(num, seed=5), kind="video")
    Item.objects.filter(pk__in=[item.pk for item in made]).update(kind="clip")
    return list(Item.objects.filter(pk__in=[item.pk for item in made]).order_by("pk"))


@pytest.fixture
def clips(corpus):
    return add_clips(corpus)


def post(client, path, body):
    return client.post(path, orjson.dumps(body), content_type="application/json")


def rank(client, api, **body):
    answer = post(client, f"{api}/rank/", {"k": 200, "fold": False} | body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def items_of(found) -> set[int]:
    return {each["item"] for each in found["neighbors"]}


def test_a_ranking_is_of_the_unit_that_was_asked_for(client, api, frames, clips):
    by_frame = rank(client, api, terms=[{"kind": "item", "item": frames[0].pk}])
    assert (by_frame["unit"], items_of(by_frame)) == ("frame", {each.pk for each in frames})
    by_clip = rank(client, api, terms=[{"kind": "item", "item": clips[0].pk}], unit="clip")
    assert (by_clip["unit"], items_of(by_clip)) == ("clip", {each.pk for each in clips})
    assert by_clip["encoder"] == "builtin-clip@1"
    tile = by_clip["neighbors"][0]
    assert (tile["kind"], tile["media_file"], tile["start_pts"]) == ("clip", clips[0].media_file_id, 0)
    assert tile["stop_seconds"] == tile["pts_seconds"] + 1
    assert by_frame["neighbors"][0]["stop_seconds"] is None
    listed = client.get(f"{api}/rounds/").json()["results"]
    assert [each["unit"] for each in listed] == ["clip", "frame"]
    browsed = rank(client, api, mode="browse", unit="clip")
    assert items_of(browsed) == {each.pk for each in clips}


def test_pages_of_a_round_stay_within_its_unit(client, api, clips, frames):
    asked = {"mode": "browse", "unit": "clip", "k": 20}
    first = rank(client, api, **asked)
    second = rank(client, api, **asked, offset=20, round=first["round"])
    assert second["round"] == first["round"]
    assert items_of(first) | items_of(second) == {each.pk for each in clips}
    other = rank(client, api, **asked | {"unit": "frame"}, round=first["round"])
    assert other["round"] != first["round"]


def test_where_there_are_only_clips_they_are_searched(client, api, clips):
    found = rank(client, api, terms=[{"kind": "item", "item": clips[3].pk}])
    assert (found["unit"], items_of(found)) == ("clip", {each.pk for each in clips})
    refused = post(client, f"{api}/rank/", {"mode": "browse", "unit": "frame"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no-features")


def test_without_clips_asking_for_them_says_how_to_get_them(client, api, frames):
    refused = post(client, f"{api}/rank/", {"mode": "browse", "unit": "clip"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no-features")
    assert "switch clips on" in refused.json()["detail"]
    assert post(client, f"{api}/rank/", {"mode": "browse", "unit": "pixel"}).status_code == 400


def test_a_span_is_of_a_video_of_this_corpus(client, api, clips):
    span = {"media_file": clips[0].media_file_id, "start_pts": 5, "stop_pts": 5}
    refused = post(client, f"{api}/rank/", {"terms": [{"kind": "span", "span": span}]})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad-term")
    foreign = {"media_file": 10**9, "start_pts": 5, "stop_pts": 9}
    assert post(client, f"{api}/rank/", {"terms": [{"kind": "span", "span": foreign}]}).status_code == 404


def test_counts_tell_clips_apart(client, api, cat, frames, clips):
    said = [an_answer(frames[0], cat), an_answer(clips[0], cat), an_answer(clips[1], cat, answer="reject")]
    post(client, f"{api}/verdicts/", {"operations": said})
    counts = client.get(f"{api}/counts/", {"class": cat.pk}).json()
    assert (counts["accepted"], counts["rejected"], counts["items"]) == (2, 1, 70)
    of_clips = counts["clips"]
    assert (of_clips["accepted"], of_clips["rejected"], of_clips["untouched"]) == (1, 1, 28)
    assert (of_clips["items"], of_clips["stacks"]) == (30, 30)


def test_a_learned_ranking_learns_from_answers_of_its_unit(client, api, cat, frames, clips):
    post(client, f"{api}/verdicts/", {"operations": [an_answer(frames[0], cat)]})
    refused = post(client, f"{api}/rank/", {"class": cat.pk, "mode": "learned", "unit": "clip"})
    assert refused.json()["code"] == "nothing-accepted"
    post(client, f"{api}/verdicts/", {"operations": [an_answer(clips[0], cat)]})
    found = rank(client, api, **{"class": cat.pk}, mode="learned", unit="clip")
    assert items_of(found) == {each.pk for each in clips[1:]}


def test_weak_labels_and_audits_stay_within_the_unit_of_their_round(
    client, api, corpus, cat, frames, clips, ann
):
    term = {"kind": "item", "item": clips[0].pk}
    rank(client, api, **{"class": cat.pk}, terms=[term], unit="clip")
    of_clips = cat.query_rounds.get()
    batch = take_weak(corpus=corpus, query_round=of_clips, first_n=5, by=ann)
    kinds = set(WeakBatch.objects.get(pk=batch.pk).labels.values_list("item__kind", flat=True))
    assert kinds == {"clip"}
    audit = audit_recall(query_round=of_clips, horizon=30, looks=10, by=ann)
    assert set(Audit.objects.get(pk=audit.pk).draws.values_list("item__kind", flat=True)) == {"clip"}
    among_frames = rank(client, api, **{"class": cat.pk}, terms=[{"kind": "item", "item": frames[0].pk}])
    assert items_of(among_frames) <= {each.pk for each in frames}


def test_a_dataset_version_is_of_one_unit(client, api, corpus, cat, frames, clips, ann):
    said = [an_answer(frames[0], cat), an_answer(clips[0], cat), an_answer(clips[1], cat, answer="reject")]
    post(client, f"{api}/verdicts/", {"operations": said})
    with pytest.raises(MixedUnits, match="choose frames or clips"):
        create_version(corpus=corpus, label_classes=[cat], by=ann)
    of_clips = create_version(corpus=corpus, label_classes=[cat], unit="clip", by=ann)
    assert (of_clips.unit, of_clips.entries.count()) == ("clip", 2)
    assert set(of_clips.entries.values_list("item__kind", flat=True)) == {"clip"}
    of_frames = create_version(corpus=corpus, label_classes=[cat], unit="frame", by=ann)
    assert (of_frames.unit, of_frames.entries.count()) == ("frame", 1)
