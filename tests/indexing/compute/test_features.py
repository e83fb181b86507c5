import numpy as np
import pytest

from indexing.compute.features import (
    Features,
    ShardDamaged,
    merge,
    normalize,
    open_vectors,
    read_shard,
    write_shard,
)


def some(n=5, width=8, *, start=100) -> Features:
    vectors = normalize(np.random.default_rng(n).normal(size=(n, width)))
    return Features(vectors, np.arange(start, start + n, dtype=np.int64), "builtin@1")


def test_a_shard_comes_back_as_it_was_written(tmp_path):
    given = some()
    files = write_shard(tmp_path, given, precision="float32")
    found = read_shard(tmp_path, files.sha256, files.ids_sha256, encoder="builtin@1")
    assert np.array_equal(found.vectors, given.vectors)
    assert np.array_equal(found.item_ids, given.item_ids)
    assert files.num_rows == 5


def test_half_precision_moves_a_vector_by_little(tmp_path):
    given = some(50, 1024)
    files = write_shard(tmp_path, given)
    found = read_shard(tmp_path, files.sha256, files.ids_sha256)
    assert (found.vectors * given.vectors).sum(axis=1).min() > 0.9999
    assert open_vectors(tmp_path, files.sha256).dtype == np.float16


def test_the_same_features_give_the_same_files_and_no_others(tmp_path):
    folder = tmp_path / "shards"
    assert write_shard(folder, some()) == write_shard(folder, some())
    assert len(list(folder.iterdir())) == 2


def test_twins_share_their_vectors_and_keep_their_ids(tmp_path):
    one, other = write_shard(tmp_path, some(start=1)), write_shard(tmp_path, some(start=7))
    assert one.sha256 == other.sha256
    assert read_shard(tmp_path, *other[:2]).item_ids[0] == 7


def test_an_empty_shard_is_a_shard(tmp_path):
    empty = Features(np.zeros((0, 8), np.float32), np.zeros(0, np.int64), "builtin@1")
    files = write_shard(tmp_path, empty)
    assert read_shard(tmp_path, *files[:2]).vectors.shape == (0, 8)


@pytest.mark.parametrize("which", [0, 1])
def test_a_flipped_bit_is_noticed(tmp_path, which):
    files = write_shard(tmp_path, some())
    path = tmp_path / (f"{files.sha256}.npy", f"{files.ids_sha256}.ids.npy")[which]
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ShardDamaged, match="is damaged"):
        read_shard(tmp_path, *files[:2])


def test_a_missing_file_says_what_to_do(tmp_path):
    files = write_shard(tmp_path, some())
    (tmp_path / f"{files.sha256}.npy").unlink()
    with pytest.raises(ShardDamaged, match="run the feature job again"):
        read_shard(tmp_path, *files[:2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vectors": np.zeros((5, 8), np.float64)}, r"vectors must be \(5, D\) float32"),
        ({"vectors": np.zeros((4, 8), np.float32)}, r"vectors must be \(5, D\) float32, got \(4, 8\)"),
        ({"vectors": np.ones((5, 8), np.float32)}, "must be L2-normalized"),
        ({"item_ids": np.arange(5, dtype=np.int32)}, r"item_ids must be \(5,\) int64"),
        ({"slots": np.zeros(5, np.int64)}, r"slots must be \(5,\) int16"),
    ],
)
def test_features_that_are_wrong_cannot_be_made(change, said):
    good = some()
    values = {"vectors": good.vectors, "item_ids": good.item_ids, "encoder": "x@1", "slots": good.slots}
    with pytest.raises(ValueError, match=said):
        Features(**values | change)


def test_a_row_of_zeros_gets_a_direction():
    assert normalize(np.zeros((1, 3)))[0].tolist() == [1, 0, 0]


def test_features_of_two_encoders_do_not_merge():
    other = Features(some().vectors, some().item_ids, "other@1")
    with pytest.raises(ValueError, match="of one encoder"):
        merge([some(), other])
    assert len(merge([some(), some(3)])) == 8
