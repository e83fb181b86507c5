"""Clips of real videos: cut, encoded, stacked, indexed, searched beside frames and never among them."""

import shutil
from collections import Counter

import numpy as np
import pytest
from rest_framework.test import APIClient

from indexing import tasks
from indexing.compute.cutting import ClipCutter, ClipPolicy
from indexing.compute.decoder import Decoder
from indexing.compute.sampling import FramePolicy
from indexing.models import Item, MediaFile, Stack, Unit
from indexing.search_service.corpora import Corpora
from indexing.search_service.errors import Refusal
from indexing.search_service.ranker import Ranker
from indexing.search_service.requests import RankRequest, Span, Term
from indexing.services.clips import NoSuchSpan, clip_of_span
from indexing.services.corpora import change_settings
from indexing.services.features import active_set, start_extract, units_of
from indexing.services.ingest import start_ingest
from indexing.services.thumbnails import thumbnail_of
from labeling.compute.ranking import fit_query
from labeling.models import LabelClass
from labeling.services.ledger_reader import LedgerReader
from labeling.services.verdicts import record_verdicts
from sisyphus_web.cli.main import main as sfi
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.labeling.conftest import operation

pytestmark = pytest.mark.django_db(transaction=True)

GESTURES = ("bird", "walk", "yes")
TASKS = {
    "media_ingest": tasks.ingest_media,
    "clips_cut": tasks.cut_clips,
    "features_extract": tasks.extract_features,
    "stacks_build": tasks.build_stacks,
    "index_build": tasks.build_index,
}


def work(corpus) -> Counter:
    """Do every job that waits, in order; how many of each kind."""
    done: Counter = Counter()
    while job := corpus.jobs.filter(status=Job.Status.QUEUED).order_by("id").first():
        TASKS[job.kind](job.pk)
        job.refresh_from_db()
        assert job.status == "done", job.error
        done[job.kind] += 1
    return done


def clips_of(media_file: MediaFile) -> list[Item]:
    return list(media_file.items.live().filter(kind="clip").order_by("start_pts"))


@pytest.fixture
def gestures(corpus, mia, shared_data, tmp_path, settings):
    """Videos of three gestures, cut into clips of a second every half second."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in GESTURES:
        shutil.copyfile(shared_data / "videos" / "gestures" / f"{name}.mkv", folder / f"{name}.mkv")
    settings.MEDIA_ROOTS = [str(tmp_path)]
    change_settings(corpus, by=mia, clips="on", clip_seconds=1.0, clip_stride_seconds=0.5)
    start_ingest(corpus, path=str(folder), created_by=mia)
    done = work(corpus)
    assert done == {
        "media_ingest": 1,
        "clips_cut": 1,
        "features_extract": 2,
        "stacks_build": 2,
        "index_build": 2,
    }
    return {file.name.removesuffix(".mkv"): file for file in corpus.media_files.all()}


@pytest.fixture
def ranker(settings, data_dir):
    made = Ranker(Corpora(LedgerReader), fit_query)
    yield made
    made.close()


def ranked(ranker, corpus, *terms: Term, **asked) -> list[int]:
    request = RankRequest(corpus=corpus.pk, unit="clip", terms=list(terms), k=500, fold=False, **asked)
    return [each.item for each in ranker.rank(request).neighbors]


def mean_rank(order: list[int], wanted: set[int]) -> float:
    """0 at the top, 1 at the end, about 0.5 by chance."""
    return float(np.mean([order.index(pk) for pk in wanted])) / (len(order) - 1)


@pytest.mark.parametrize(
    ("policy", "times", "cuts"),
    [
        (ClipPolicy(2, 2), range(5), [(0, 2), (2, 4), (4, 5)]),
        (ClipPolicy(2, 1), range(5), [(0, 2), (1, 3), (2, 4), (3, 5)]),
        (ClipPolicy(1, 2), range(5), [(0, 1), (2, 3), (4, 5)]),
        (ClipPolicy(2, 2), [0, 1, 9, 10], [(0, 2), (9, 10), (10, 11)]),
        (ClipPolicy(5, 5), [3], [(3, 4)]),
    ],
)
def test_clips_begin_and_end_at_frames_and_a_gap_is_no_part_of_one(policy, times, cuts):
    cutter = ClipCutter(policy)
    found = []
    for at in times:
        cutter.sees(at, float(at))
        found += cutter.over()
    found += cutter.end()
    assert [(cut.start_pts, cut.stop_pts) for cut in found] == cuts
    assert all(cut.start_pts <= cut.picture_pts < cut.stop_pts for cut in found)


def test_the_forecast_of_a_policy_is_what_it_cuts(shared_data):
    path = shared_data / "videos" / "gestures" / "walk.mkv"
    with Decoder() as decoder:
        frames = [(frame.pts, frame.pts_seconds) for frame in decoder.frames(path, FramePolicy("every"))]
        for policy in (ClipPolicy(2, 2), ClipPolicy(1, 0.5), ClipPolicy(0.4, 1)):
            clips = list(decoder.clips(path, policy))
            assert len(clips) == policy.num_clips(frames[-1][1] + 1 / 30)
            for clip in clips:
                facts = clip.facts
                within = [pts for pts, _ in frames if facts["start_pts"] <= pts < facts["stop_pts"]]
                assert within[0] == facts["start_pts"]
                assert dict(frames)[within[0]] == facts["pts_seconds"]
                span = list(decoder.span(path, facts["start_pts"], facts["stop_pts"], max_side_px=64))
                assert [frame.pts for frame in span] == within


def test_videos_become_clips_with_thumbnails_features_and_an_index(corpus, gestures):
    titles = [job.title for job in corpus.jobs.filter(kind="features_extract").order_by("id")]
    assert titles == ["Extract features", "Extract features of clips"]
    assert units_of(corpus) == ["frame", "clip"]
    frames, clips = active_set(corpus), active_set(corpus, Unit.CLIP)
    assert (frames.encoder, clips.encoder) == ("builtin@1", "builtin-clip@1")
    every = Item.objects.live().filter(corpus=corpus, kind="clip")
    assert clips.rows.count() == every.count() > 3 * len(GESTURES)
    assert not frames.rows.filter(item__kind="clip").exists()
    assert clips.builds.get(is_published=True).num_vectors == every.count()
    for item in clips_of(gestures["walk"]):
        assert thumbnail_of(item).startswith(b"\xff\xd8")
    lengths = [item.stop_pts - item.start_pts for item in clips_of(gestures["walk"])]
    assert all(960 < length <= 1040 for length in lengths[:-1])  # milliseconds
    stacked = every.filter(stack__isnull=False).values_list("stack__items__kind", flat=True)
    assert set(stacked) <= {"clip"}


def test_a_clip_finds_the_gesture_it_is_of(corpus, gestures, ranker):
    ranks = []
    for media_file in gestures.values():
        first, *others = clips_of(media_file)
        order = [pk for pk in ranked(ranker, corpus, Term(kind="item", item=first.pk)) if pk != first.pk]
        ranks.append(mean_rank(order, {item.pk for item in others}))
    assert max(ranks) < 0.5
    assert np.mean(ranks) < 0.25


def test_frames_and_clips_are_never_in_one_ranking(corpus, gestures, ranker):
    clip = clips_of(gestures["yes"])[0]
    kinds = dict(Item.objects.filter(corpus=corpus).values_list("pk", "kind"))
    term = Term(kind="item", item=clip.pk)
    assert {kinds[pk] for pk in ranked(ranker, corpus, term)} == {"clip"}
    among_frames = ranker.rank(RankRequest(corpus=corpus.pk, terms=[term], k=500, fold=False))
    assert {kinds[each.item] for each in among_frames.neighbors} == {"frame"}
    best = Item.objects.get(pk=among_frames.neighbors[0].item)
    assert best.media_file == gestures["yes"]


def test_a_span_without_kept_frames_is_among_frames_its_middle_one(corpus, gestures, ranker):
    video = gestures["yes"]
    assert not video.items.filter(kind="frame", start_pts__range=(400, 700)).exists()
    term = Term(kind="span", span=Span(video.pk, 400, 700))
    found = ranker.rank(RankRequest(corpus=corpus.pk, terms=[term], k=500, fold=False)).neighbors
    assert Item.objects.get(pk=found[0].item).media_file == video


def test_the_middle_of_a_span_is_the_same_sought_or_passed_through(gestures, mia, monkeypatch):
    passed = clip_of_span(gestures["walk"], 100, 700, mia)
    monkeypatch.setattr("indexing.services.clips.PASSED_THROUGH_SECONDS", 0.1)
    sought = clip_of_span(gestures["walk"], 100, 701, mia)
    hashes = [each.perceptual_hash & (2**64 - 1) for each in (passed, sought)]
    assert (hashes[0] ^ hashes[1]).bit_count() <= 4  # neighbors at most
    assert (passed.number, passed.pts_seconds) == (sought.number, sought.pts_seconds)


def test_a_frame_stands_for_the_clip_it_is_in_and_several_for_their_mean(corpus, gestures, ranker):
    frame = gestures["bird"].items.filter(kind="frame").first()
    best = Item.objects.get(pk=ranked(ranker, corpus, Term(kind="item", item=frame.pk))[0])
    assert best.media_file == gestures["bird"]
    assert best.start_pts <= frame.start_pts < best.stop_pts
    other = gestures["walk"].items.filter(kind="frame").first()
    both = ranked(ranker, corpus, *(Term(kind="item", item=each.pk) for each in (frame, other)))
    files = dict(Item.objects.filter(corpus=corpus).values_list("pk", "media_file"))
    assert {files[pk] for pk in both[:4]} <= {gestures["bird"].pk, gestures["walk"].pk}


def test_a_span_is_encoded_as_the_clip_of_the_same_frames(corpus, gestures, ranker):
    clip = clips_of(gestures["yes"])[1]
    span = Span(media_file=clip.media_file_id, start_pts=clip.start_pts, stop_pts=clip.stop_pts)
    request = RankRequest(
        corpus=corpus.pk, unit="clip", terms=[Term(kind="span", span=span)], k=3, fold=False
    )
    best = ranker.rank(request).neighbors[0]
    assert (best.item, best.similarity) == (clip.pk, pytest.approx(1, abs=2e-3))
    with pytest.raises(Refusal, match="ends after it starts"):
        ranked(ranker, corpus, Term(kind="span", span=Span(clip.media_file_id, 5, 5)))
    with pytest.raises(Refusal, match="no media file"):
        ranked(ranker, corpus, Term(kind="span", span=Span(10**9, 0, 5)))
    with pytest.raises(Refusal, match="among frames"):
        ranked(ranker, corpus, Term(kind="item", item=clip.pk, box=(0, 0, 0.5, 0.5)))


def test_a_span_becomes_one_item_that_is_searched(corpus, gestures, ranker, mia):
    video = gestures["yes"]
    made = clip_of_span(video, 100, 700, mia)
    assert (made.kind, made.start_pts, made.stop_pts) == ("clip", 100, 700)
    assert clip_of_span(video, 100, 700, mia) == made
    assert work(corpus) == {"features_extract": 1}
    assert made.pk in ranked(ranker, corpus, Term(kind="item", item=made.pk))
    with pytest.raises(NoSuchSpan, match="no frame"):
        clip_of_span(video, 10**9, 10**9 + 5, mia)


def test_another_policy_retires_what_nobody_decided(corpus, gestures, ranker, mia):
    decided, *others = clips_of(gestures["walk"])
    sign = LabelClass.objects.create(corpus=corpus, name="sign", created_by=mia)
    record_verdicts(corpus=corpus, operations=[operation(decided, sign)], annotator=mia)
    before = ranked(ranker, corpus, Term(kind="item", item=decided.pk))
    change_settings(corpus, by=mia, clip_seconds=0.7, clip_stride_seconds=0.7)
    work(corpus)
    now = clips_of(gestures["walk"])
    assert decided in now
    assert not {item.pk for item in others} & {item.pk for item in now}
    assert all(item.stop_pts - item.start_pts < 740 for item in now if item != decided)
    after = ranked(ranker, corpus, Term(kind="item", item=decided.pk))
    assert set(after) == set(
        Item.objects.live().filter(corpus=corpus, kind="clip").values_list("pk", flat=True)
    )
    change_settings(corpus, by=mia, clip_seconds=1.0, clip_stride_seconds=0.5)
    assert work(corpus)["clips_cut"] == 1
    assert sorted(ranked(ranker, corpus, Term(kind="item", item=decided.pk))) == sorted(before)
    change_settings(corpus, by=mia, clips="off")
    work(corpus)
    assert list(Item.objects.live().filter(corpus=corpus, kind="clip")) == [decided]


def test_a_clip_that_was_decided_by_the_answer_to_its_stack_is_not_retired(corpus, gestures, mia):
    sign = LabelClass.objects.create(corpus=corpus, name="sign", created_by=mia)
    shown, hidden, *_ = clips_of(gestures["walk"])
    stack = Stack.objects.create(corpus=corpus, media_file=gestures["walk"])
    Item.objects.filter(media_file=gestures["walk"], kind="clip").update(stack=None)
    Item.objects.filter(pk__in=[shown.pk, hidden.pk]).update(stack=stack)
    record_verdicts(corpus=corpus, operations=[operation(shown, sign, stack=stack.pk)], annotator=mia)
    change_settings(corpus, by=mia, clips="off")
    work(corpus)
    assert clips_of(gestures["walk"]) == [shown, hidden]


def test_cutting_again_changes_nothing(corpus, gestures, mia):
    clips = Item.objects.filter(corpus=corpus, kind="clip").order_by("pk").values_list("pk", "deleted_at")
    before = list(clips.all())
    jobs.enqueue("clips_cut", corpus=corpus, created_by=mia)
    work(corpus)
    MediaFile.objects.filter(corpus=corpus).update(clips_cut_by="")  # as after a kill
    jobs.enqueue("clips_cut", corpus=corpus, created_by=mia)
    work(corpus)
    assert list(clips.all()) == before


def test_denser_frames_are_another_feature_set(corpus, gestures, mia):
    used = active_set(corpus, Unit.CLIP)
    change_settings(corpus, by=mia, clip_frames_per_second=30.0)
    start_extract(corpus, created_by=mia, unit="clip")
    work(corpus)
    assert active_set(corpus, Unit.CLIP) == used  # a set goes on as it began
    start_extract(corpus, created_by=mia, unit="clip", activate=True)
    work(corpus)
    now = active_set(corpus, Unit.CLIP)
    assert (now.clip_frames_per_second, now.rows.count()) == (30.0, used.rows.count())


def test_settings_say_what_clips_come_to(corpus, gestures, mia, ann, capsys):
    client = APIClient()
    client.force_authenticate(ann)
    told = client.get(f"/api/v1/corpora/{corpus.pk}/clips/").json()
    there = Item.objects.live().filter(corpus=corpus, kind="clip").count()
    assert (told["num_videos"], told["num_clips"], told["num_there"]) == (3, there, there)
    longer = client.get(f"/api/v1/corpora/{corpus.pk}/clips/?seconds=10&stride_seconds=10").json()
    assert longer["num_clips"] == 3
    assert client.get(f"/api/v1/corpora/{corpus.pk}/clips/?seconds=0").status_code == 400
    assert sfi(["settings", corpus.name, "--as", mia.username]) == 0
    said = capsys.readouterr().out
    assert "clip_seconds          1.0" in said
    assert "3 videos" in said
    assert sfi(["settings", corpus.name, "--as", ann.username, "--clips", "off"]) == 2
    assert sfi(["settings", corpus.name, "--as", mia.username, "--clip-seconds", "0"]) == 2
    assert "0.1 to 600 s" in capsys.readouterr().err
    assert sfi(["settings", corpus.name, "--as", mia.username, "--clip-encoder", "none@1"]) == 2
