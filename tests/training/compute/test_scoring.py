"""Scores of stored features: the same as the probe's own, whole or not at all, read back by item."""

import numpy as np
import pytest

from indexing.compute.features import Features, ShardDamaged, write_shard
from tests.training.compute.made import made
from training.compute.answers import NotFinite, WidthMismatch
from training.compute.probe import fit_probe
from training.compute.score_shards import NUM_BINS, Scores, histogram_of
from training.compute.scoring import score_shards, write_scores


@pytest.fixture(params=["multi_label", "multi_class"])
def probe(request):
    features, answers = made(1500)
    return fit_probe(features, answers, kind=request.param)


@pytest.fixture(params=["float16", "float32"])
def stored(request, tmp_path):
    """(folder, shards of 400 rows, the features as they can be read again)."""
    rows, _ = made(1500)
    shards = []
    for start in range(0, 1500, 400):
        part = rows[start : start + 400]
        ids = np.arange(5000 + start, 5000 + start + len(part))
        shards.append(write_shard(tmp_path, Features(part, ids, "x@1"), precision=request.param))
    return tmp_path, shards, rows.astype(request.param).astype(np.float32)


def test_stored_rows_get_the_scores_of_the_probe(stored, probe):
    folder, shards, rows = stored
    chunks = list(score_shards(folder, shards, probe, chunk_rows=700))
    assert [len(chunk.item_ids) for chunk in chunks] == [800, 700]
    assert [shard for chunk in chunks for shard in chunk.shards] == shards
    assert np.array_equal(np.concatenate([chunk.item_ids for chunk in chunks]), np.arange(5000, 6500))
    values = np.concatenate([chunk.values for chunk in chunks])
    np.testing.assert_allclose(values, probe.scores(rows), atol=1e-5)


def test_going_on_from_any_chunk_gives_the_same_scores(stored, probe):
    folder, shards, _ = stored
    whole = [chunk.values for chunk in score_shards(folder, shards, probe, chunk_rows=400)]
    rest = [chunk.values for chunk in score_shards(folder, shards[2:], probe, chunk_rows=400)]
    assert all(np.array_equal(one, two) for one, two in zip(whole[2:], rest, strict=True))


def test_a_damaged_shard_is_refused_before_it_is_scored(stored, probe):
    folder, shards, _ = stored
    path = folder / f"{shards[1].sha256}.npy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 64
    path.write_bytes(data)
    chunks = score_shards(folder, shards, probe, chunk_rows=400)
    next(chunks)
    with pytest.raises(ShardDamaged, match="damaged"):
        next(chunks)


def test_shards_of_another_encoder_are_refused(tmp_path, probe):
    rows, _ = made(10, width=30)
    shard = write_shard(tmp_path, Features(rows, np.arange(10), "y@1"))
    with pytest.raises(WidthMismatch, match="encoder"):
        list(score_shards(tmp_path, [shard], probe, chunk_rows=10))


def test_a_stored_value_that_is_not_a_number_is_refused(probe):
    rows, _ = made(10)
    rows[4, 4] = np.nan
    weights, bias = probe.head()
    with pytest.raises(NotFinite):
        write_scores(rows.astype(np.float16), weights, bias, probe.kind, out=np.empty((10, 3), np.float32))


def test_scores_are_read_back_by_item_and_the_newest_counts():
    old = np.array([[0.1], [0.2], [0.3]], np.float32)
    new = np.array([[0.9]], np.float32)
    scores = Scores.merged([np.array([20]), np.array([30, 10, 20])], [new, old], num_classes=1)
    assert scores.item_ids.tolist() == [10, 20, 30]
    np.testing.assert_allclose(scores.of(np.array([30, 20, 99, 10]))[:, 0], [0.1, 0.9, np.nan, 0.2])


def test_nothing_scored_is_nothing_found():
    scores = Scores.merged([], [], num_classes=2)
    assert np.isnan(scores.of(np.array([1, 2]))).all()
    assert len(scores.top(0, 5)[0]) == 0
    assert histogram_of(scores.values).sum() == 0


@pytest.mark.parametrize("k", [0, 1, 7, 200])
def test_the_best_of_a_class_are_those_of_a_full_sort(k):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 12, (100, 2)).astype(np.float32) / 12
    scores = Scores(np.arange(100) * 3, values)
    ids, found = scores.top(1, k)
    order = np.lexsort((scores.item_ids, -values[:, 1]))[:k]
    assert np.array_equal(ids, scores.item_ids[order])
    assert np.array_equal(found, values[order, 1])


def test_every_score_is_in_one_bin_and_the_ends_count():
    values = np.array([[0.0], [0.4999], [0.5], [1.0], [0.995]], np.float32)
    counts = histogram_of(values)[0]
    assert counts.sum() == 5
    assert (counts[0], counts[NUM_BINS // 2], counts[NUM_BINS - 1]) == (1, 1, 2)
