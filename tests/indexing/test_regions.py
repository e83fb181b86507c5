"""The region index of a corpus: switched by page, REST and sfi, extracted bit by bit, searched."""

import json
import uuid

import numpy as np
import pytest
from PIL import Image

from indexing.compute.features import read_shard
from indexing.compute.regions import NUM_TILES, SCALE_PRIOR, TILE_SLOTS, box_of, cut_tiles
from indexing.models import FeatureIndex, FeatureRow, IndexingSettings, Item, MediaFile
from indexing.search_service.corpora import Corpora
from indexing.search_service.ranker import Ranker
from indexing.search_service.requests import Mix, RankRequest, Term
from indexing.services import builds
from indexing.services import features as services
from indexing.services.corpora import change_settings
from indexing.services.regions import cost_of
from indexing.tasks import build_index
from indexing.tasks import features as tasks
from labeling.compute.ranking import fit_query
from labeling.models import LabelClass
from labeling.services.ledger_reader import LedgerReader
from labeling.services.verdicts import Operation, record_verdicts
from sisyphus_web.cli.main import main as sfi
from sisyphus_web.jobs.models import Job
from tests.indexing.test_features_job import photo

pytestmark = pytest.mark.django_db(transaction=True)


def switch(corpus, mia, regions):
    return change_settings(corpus, by=mia, regions=regions)


def work(corpus) -> list[Job]:
    """Do what is queued, in its order."""
    queued = list(corpus.jobs.filter(status="queued").order_by("pk"))
    for job in queued:
        {"features_extract": tasks.extract_features, "index_build": build_index}[job.kind](job.pk)
        job.refresh_from_db()
        assert job.status == "done", (job.kind, job.error_detail)
    return queued


@pytest.fixture
def items(corpus, mia, tmp_path):
    made = [photo(corpus, tmp_path, seed) for seed in range(5)]
    services.start_extract(corpus, created_by=mia)
    work(corpus)
    return made


def stored_tiles(corpus) -> dict[int, np.ndarray]:
    """Item -> (13, D), as they lie in the shards."""
    feature_set = corpus.feature_sets.get()
    found: dict[int, np.ndarray] = {}
    for shard in feature_set.shards.filter(has_regions=True):
        features = read_shard(services.shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        first = dict(shard.rows.values_list("item_id", "row"))
        assert set(shard.rows.values_list("slot", flat=True)) == {1}
        for item, row in first.items():
            assert features.item_ids[row : row + NUM_TILES].tolist() == [item] * NUM_TILES
            assert features.slots[row : row + NUM_TILES].tolist() == list(TILE_SLOTS)
            assert item not in found
            found[item] = features.vectors[row : row + NUM_TILES]
    return found


def test_switched_on_every_frame_gets_the_vectors_of_its_tiles(corpus, mia, items):
    from indexing.compute import encoders

    assert stored_tiles(corpus) == {}
    switch(corpus, mia, "tiles")
    extract, _ = work(corpus)
    assert extract.result["new"] == 0
    assert extract.result["new_tiled"] == 5
    assert (extract.units_done, extract.units_total) == (5, 5)
    found = stored_tiles(corpus)
    encoder = encoders.load("builtin@1", model_dir=services.settings.MODEL_DIR)
    for item in items:
        tiles = cut_tiles(np.asarray(Image.open(item.media_file.path)))
        expected = encoder.encode([np.ascontiguousarray(tile) for tile in tiles])
        assert (np.sum(found[item.pk] * expected, axis=1) > 0.99).all()


def test_only_what_is_missing_is_extracted(corpus, mia, items, tmp_path):
    switch(corpus, mia, "tiles")
    work(corpus)
    before = set(corpus.feature_sets.get().shards.values_list("sha256", flat=True))
    new = photo(corpus, tmp_path, 9)
    services.start_extract(corpus, created_by=mia)
    (job,) = work(corpus)
    assert (job.result["new"], job.result["new_tiled"]) == (1, 1)
    after = corpus.feature_sets.get().shards
    assert before < set(after.values_list("sha256", flat=True))
    assert sorted(after.exclude(sha256__in=before).values_list("has_regions", "num_rows")) == [
        (False, 1),
        (True, NUM_TILES),
    ]
    assert new.pk in stored_tiles(corpus)


def test_stopped_amid_tiles_the_next_job_goes_on(corpus, mia, items, monkeypatch):
    from sisyphus_web.jobs import services as jobs

    monkeypatch.setattr(tasks, "PICTURES_PER_BATCH", 2)
    monkeypatch.setattr(tasks, "ROWS_PER_SHARD", 2)
    switch(corpus, mia, "tiles")
    job = corpus.jobs.filter(status="queued").order_by("pk").first()
    store = services.store_features

    def store_then_cancel(*given):
        jobs.cancel(job, by=mia)
        return store(*given)

    with monkeypatch.context() as patch:
        patch.setattr(services, "store_features", store_then_cancel)
        tasks.extract_features(job.pk)
    job.refresh_from_db()
    assert job.status == "cancelled"
    left = 5 - len(stored_tiles(corpus))
    assert left >= 4
    services.start_extract(corpus, created_by=mia)
    tasks.extract_features(corpus.jobs.filter(kind="features_extract").order_by("-pk").first().pk)
    assert len(stored_tiles(corpus)) == 5


def test_a_region_item_and_a_clip_have_no_tiles(corpus, mia, items):
    Item.objects.filter(pk=items[0].pk).update(x0_px=0, y0_px=0, x1_px=50, y1_px=50)
    Item.objects.filter(pk=items[1].pk).update(kind=Item.Kind.CLIP)
    switch(corpus, mia, "tiles")
    work(corpus)
    assert sorted(stored_tiles(corpus)) == [item.pk for item in items[2:]]


def test_tiles_get_a_build_of_their_own(corpus, mia, items):
    switch(corpus, mia, "tiles")
    _, job = work(corpus)
    whole, tiles = FeatureIndex.objects.filter(is_published=True).order_by("has_regions")
    assert (whole.num_vectors, tiles.num_vectors) == (5, 5 * NUM_TILES)
    assert job.result["build"] == str(whole.pk)
    assert job.result["regions"]["build"] == str(tiles.pk)
    assert tiles.recall_at_100 == 1
    assert builds.problems(with_hashes=True) == []
    builds.start_build(corpus, created_by=mia)
    (again,) = work(corpus)
    assert again.result["reason"] == "still right"


# Searched


@pytest.fixture
def ranker(settings, data_dir):
    made = Ranker(Corpora(LedgerReader), fit_query)
    yield made
    made.close()


def rank(ranker, corpus, vector):
    term = Term(kind="vector", vector=[float(number) for number in vector])
    return ranker.rank(RankRequest(corpus=corpus.pk, terms=[term], k=10))


@pytest.mark.parametrize("has_build", [True, False])
def test_the_tile_that_is_nearest_is_said_with_its_box(corpus, mia, items, ranker, has_build):
    switch(corpus, mia, "tiles")
    if has_build:
        work(corpus)
    else:
        tasks.extract_features(corpus.jobs.filter(status="queued").order_by("pk").first().pk)
    tiles = stored_tiles(corpus)
    first = rank(ranker, corpus, tiles[items[2].pk][8]).neighbors[0]
    assert first.item == items[2].pk
    assert first.box == tuple(pytest.approx(side) for side in (1 / 3, 1 / 3, 2 / 3, 2 / 3))
    assert first.similarity == pytest.approx(1 - SCALE_PRIOR, abs=0.01)
    status = ranker.corpora.status()[str(corpus.pk)]
    assert (status["num_vectors"], status["num_regions"], status["problem"]) == (70, 65, "")
    assert status["num_delta"] == (0 if has_build else 70)


def test_switched_off_queries_see_whole_frames_only_and_nothing_is_deleted(corpus, mia, items, ranker):
    switch(corpus, mia, "tiles")
    work(corpus)
    query = stored_tiles(corpus)[items[2].pk][8]
    with_tiles = rank(ranker, corpus, query).neighbors
    switch(corpus, mia, "off")
    without = rank(ranker, corpus, query).neighbors
    assert {each.box for each in without} == {None}
    assert [each.similarity for each in without] < [each.similarity for each in with_tiles]
    assert ranker.corpora.status()[str(corpus.pk)]["num_vectors"] == 5
    assert len(stored_tiles(corpus)) == 5
    switch(corpus, mia, "tiles")
    assert rank(ranker, corpus, query).neighbors == with_tiles
    extract, _ = work(corpus)
    assert extract.result["new_tiled"] == 0


def test_a_deleted_frame_goes_with_its_tiles(corpus, mia, items, ranker):
    from django.utils import timezone

    switch(corpus, mia, "tiles")
    work(corpus)
    query = stored_tiles(corpus)[items[2].pk][8]
    rank(ranker, corpus, query)
    Item.objects.filter(pk=items[2].pk).update(deleted_at=timezone.now())
    answer = rank(ranker, corpus, query)
    assert items[2].pk not in [each.item for each in answer.neighbors]
    assert answer.total == 4


# Switched


def test_the_page_says_what_it_costs_here_and_switches(client, mia, corpus, items):
    client.force_login(mia)
    page = client.get(f"/corpora/{corpus.pk}/").content.decode()
    cost = cost_of(corpus)
    assert cost.tiles_bytes == 14 * cost.whole_bytes == 14 * 5 * 2 * corpus.feature_sets.get().width
    assert "Memory, disk and extraction grow 14 times: for the 5 frames of this corpus from" in page
    form = {"frame_policy": "interval", "encoder": "auto", "regions": "tiles"}
    answer = client.post(f"/corpora/{corpus.pk}/settings/", form, follow=True)
    assert "Tiles of the frames are being extracted" in answer.content.decode()
    assert list(corpus.jobs.filter(status="queued").values_list("kind", flat=True).order_by("pk")) == [
        "features_extract",
        "index_build",
    ]
    client.post(f"/corpora/{corpus.pk}/settings/", form)
    assert corpus.jobs.filter(status="queued").count() == 2
    work(corpus)
    assert "65 tiles" in client.get(f"/corpora/{corpus.pk}/").content.decode()


def test_rest_switches_and_refuses_what_it_does_not_know(client, mia, corpus, items):
    client.force_login(mia)
    url = f"/api/v1/corpora/{corpus.pk}/settings/"
    assert client.get(url).json()["regions"] == "off"
    answer = client.patch(url, json.dumps({"regions": "tiles"}), content_type="application/json")
    assert answer.json()["regions"] == "tiles"
    assert corpus.jobs.filter(status="queued").count() == 2
    refused = client.patch(url, json.dumps({"regions": "cells"}), content_type="application/json")
    assert refused.status_code == 400
    assert IndexingSettings.objects.get(corpus=corpus).regions == "tiles"


def test_a_new_corpus_with_tiles_extracts_them_with_its_first_features(corpus, mia, tmp_path):
    switch(corpus, mia, "tiles")
    assert not corpus.jobs.exists()
    photo(corpus, tmp_path, 1)
    services.start_extract(corpus, created_by=mia)
    (job,) = work(corpus)
    assert (job.result["new"], job.result["new_tiled"]) == (1, 1)
    assert FeatureRow.objects.count() == 2
    assert MediaFile.objects.count() == 1


def test_sfi_says_how_a_corpus_is_indexed_and_switches(mia, corpus, items, capsys):
    assert sfi(["settings", corpus.name, "--as", mia.username]) == 0
    said = capsys.readouterr().out
    assert "regions               off" in said
    assert "grow 14 times: for the 5 frames" in said
    assert sfi(["settings", corpus.name, "--as", mia.username, "--regions", "tiles", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regions"] == "tiles"
    assert corpus.jobs.filter(status="queued").count() == 2


def test_who_does_not_manage_a_corpus_does_not_switch_by_sfi(ann, corpus, items, capsys):
    assert sfi(["settings", corpus.name, "--as", ann.username, "--regions", "tiles"]) == 2
    assert "does not manage" in capsys.readouterr().err


# Learned from, mixed


@pytest.fixture
def decided(corpus, ann, items, mia):
    """The first item is accepted, the second rejected."""
    switch(corpus, mia, "tiles")
    work(corpus)
    sign = LabelClass.objects.create(corpus=corpus, name="sign", created_by=mia)
    for item, said in zip(items[:2], ("accept", "reject"), strict=True):
        operation = Operation(
            operation_id=uuid.uuid4(),
            batch=uuid.uuid4(),
            label_class=sign.pk,
            answer=said,
            item=item.pk,
            base_version=0,
        )
        record_verdicts(corpus=corpus, operations=[operation], annotator=ann)
    return sign


def test_an_answer_teaches_by_the_part_that_was_found(corpus, items, ranker, decided):
    tile = stored_tiles(corpus)[items[0].pk][8]
    term = Term(kind="vector", vector=[float(number) for number in tile])
    asked = RankRequest(corpus=corpus.pk, terms=[term], k=10, label_class=decided.pk, mode="learned")
    taught = []

    def watched(start, positives, negatives, undecided, **groups):
        taught.append((positives, negatives, undecided))
        return fit_query(start, positives, negatives, undecided, **groups)

    watching = Ranker(ranker.corpora, watched)
    answer = watching.rank(asked)
    watching.close()
    assert sorted(each.item for each in answer.neighbors) == [item.pk for item in items[2:]]
    ((positives, negatives, undecided),) = taught
    np.testing.assert_allclose(positives, [tile], atol=1e-3)
    assert (len(negatives), len(undecided)) == (1, 3)
    resident = ranker.corpora.followed(corpus.pk).resident
    best = resident.nearest_rows(np.array([items[1].pk]), tile)
    np.testing.assert_allclose(negatives, resident.vectors_of(best), atol=1e-3)


def test_an_answer_teaches_by_the_part_that_was_outlined(corpus, ann, items, ranker, decided):
    """Not by the part that the start query finds; of a box of one's own, by the tile most like it."""
    tiles = stored_tiles(corpus)
    outlined = [
        Operation(
            operation_id=uuid.uuid4(), batch=uuid.uuid4(), item=items[n].pk, label_class=decided.pk,
            answer=answer, base_version=version, box=box,
        )
        for n, answer, version, box in (
            (0, "accept", 1, (0.02, 0.05, 0.45, 0.52)),
            (1, "reject", 1, (2 / 3, 1 / 3, 1.0, 2 / 3)),
        )
    ]  # fmt: skip
    results = record_verdicts(corpus=corpus, annotator=ann, operations=outlined)
    assert {result.outcome for result in results} == {"applied"}
    taught = []

    def watched(start, positives, negatives, undecided, **groups):
        taught.append((positives, negatives))
        return fit_query(start, positives, negatives, undecided, **groups)

    watching = Ranker(ranker.corpora, watched)
    for term in (
        Term(kind="vector", vector=[float(number) for number in tiles[items[0].pk][8]]),
        Term(kind="class", label_class=decided.pk, learned=True),
    ):
        watching.rank(
            RankRequest(corpus=corpus.pk, terms=[term], k=10, label_class=decided.pk, mode="learned")
        )
    watching.close()
    assert len(taught) == 3  # the term that is learned is learned first
    for positives, negatives in taught:
        np.testing.assert_allclose(positives, [tiles[items[0].pk][0]], atol=1e-3)  # upper left quarter
        np.testing.assert_allclose(negatives, [tiles[items[1].pk][9]], atol=1e-3)  # middle of the right


def test_every_preset_of_the_queue_works_over_tiles(corpus, items, ranker, decided):
    term = Term(kind="vector", vector=[float(number) for number in stored_tiles(corpus)[items[2].pk][8]])
    mix = Mix(harvest=0.25, boundary=0.25, explore=0.25, hard=0.25)
    asked = RankRequest(corpus=corpus.pk, terms=[term], k=10, label_class=decided.pk, mix=mix)
    answer = ranker.rank(asked)
    assert sorted(each.item for each in answer.neighbors) == [item.pk for item in items[2:]]
    assert sum(answer.mix.values()) == pytest.approx(1, abs=1e-3)
    assert [each.box for each in answer.neighbors if each.item == items[2].pk] == [box_of(9)]
