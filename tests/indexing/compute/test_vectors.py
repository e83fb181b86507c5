import errno
from pathlib import Path

import numpy as np
import pytest

from indexing.compute import vectors
from indexing.compute.stored_rows import to_half, to_single, write_rows
from indexing.compute.vectors import RefinedIndex, VectorsRefused
from tests.indexing.made import clustered


@pytest.fixture(scope="module")
def xb():
    return clustered(3000, 64)


@pytest.fixture(scope="module")
def exact(xb):
    return vectors.exact_index(xb)


def brute(xb, query, k):
    similarities = xb.astype(np.float16).astype(np.float32) @ query
    order = np.argsort(-similarities, kind="stable")[:k]
    return order, similarities[order]


@pytest.mark.parametrize("factory", ["Flat", "SQfp16"])
def test_an_exact_index_finds_what_brute_force_finds(xb, factory):
    index = vectors.make_index(factory, training=xb)
    vectors.add(index, [xb[:1000], xb[1000:]])
    found = index.nearest(xb[17], k=50)
    _, similarities = brute(xb, xb[17], 50)
    assert found.rows[0] == 17
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-3)


def test_rows_that_are_not_allowed_are_left_out_and_the_next_take_their_place(xb, exact):
    allowed = np.arange(len(xb)) % 3 == 0
    found = exact.nearest(xb[17], k=40, allowed=allowed)
    everything = exact.nearest(xb[17], k=len(xb)).rows
    assert found.rows.tolist() == [row for row in everything if allowed[row]][:40]


def test_fewer_rows_than_wanted_come_without_places_of_minus_one(exact, xb):
    allowed = np.zeros(len(xb), bool)
    allowed[:7] = True
    assert sorted(exact.nearest(xb[0], k=100, allowed=allowed).rows) == list(range(7))


def test_at_least_is_the_top_of_the_whole_order_down_to_the_limit(exact, xb):
    everything = exact.nearest(xb[3], k=len(xb))
    limit = float(everything.similarities[60])
    found = exact.at_least(xb[3], min_similarity=limit)
    assert found.rows.tolist() == everything.rows[: len(found.rows)].tolist()
    assert found.similarities.min() >= limit
    assert len(found.rows) >= 61


def test_refined_codes_give_exact_similarities(exact, xb):
    codes = vectors.make_index("PQ16x4fs", training=xb)
    vectors.add(codes, [xb])
    refined = RefinedIndex(codes, exact)
    found = refined.nearest(xb[5], num_candidates=400)
    true = exact.nearest(xb[5], k=100)
    assert len(set(found.rows[:100]) & set(true.rows)) >= 95
    half = exact.vectors_of(found.rows)
    np.testing.assert_allclose(found.similarities, half @ xb[5], atol=1e-5)


@pytest.mark.parametrize(
    ("width", "per_code", "factory"),
    [(512, 4, "PQ128x4fs"), (510, 4, "PQ102x4fs"), (2048, 2, "PQ1024x4fs"), (127, 4, None), (3, 4, None)],
)
def test_the_number_of_codes_divides_the_width(width, per_code, factory):
    assert vectors.compressed_factory(width, width_per_code=per_code) == factory


def test_a_query_of_another_width_is_refused_with_both_widths(exact):
    with pytest.raises(VectorsRefused, match=r"must be \(64,\).*got \(32,\)"):
        exact.nearest(np.zeros(32, np.float32), k=1)


def test_a_query_that_is_no_number_is_refused(exact):
    with pytest.raises(VectorsRefused, match="finite"):
        exact.nearest(np.full(64, np.nan, np.float32), k=1)


def test_vectors_of_another_width_are_refused(exact, xb):
    with pytest.raises(VectorsRefused, match=r"\(N, 64\)"):
        exact.grown_by(xb[:, :32])


def test_growing_leaves_the_index_as_it_was(exact, xb):
    grown = exact.grown_by(xb[:5])
    assert (len(exact), len(grown)) == (3000, 3005)
    assert sorted(grown.nearest(xb[2], k=2).rows) == [2, 3002]


def test_an_index_mapped_from_a_file_does_not_grow(tmp_path, exact, xb):
    vectors.save(exact, tmp_path / "x")
    loaded = vectors.load(tmp_path / "x", factory="SQfp16", num_vectors=3000, width=64)
    with pytest.raises(VectorsRefused, match="does not grow"):
        loaded.grown_by(xb[:1])


def test_a_file_cut_short_is_refused(tmp_path, exact):
    path = tmp_path / "x"
    vectors.save(exact, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(VectorsRefused, match="not a whole index"):
        vectors.load(path, factory="SQfp16", num_vectors=3000, width=64)


def test_a_file_of_other_vectors_is_refused(tmp_path, exact):
    vectors.save(exact, tmp_path / "x")
    with pytest.raises(VectorsRefused, match="should hold 10 x 64"):
        vectors.load(tmp_path / "x", factory="SQfp16", num_vectors=10, width=64)


def test_a_full_disk_is_an_oserror_that_says_so(exact):
    with pytest.raises(OSError, match="No space left") as full:
        vectors.save(exact, Path("/dev/full"))
    assert full.value.errno == errno.ENOSPC


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rows_written_one_block_after_another_are_the_file_faiss_writes(tmp_path, xb, dtype):
    xb = xb.astype(np.float16)  # as shards hold them
    whole = vectors.exact_index(xb)
    vectors.save(whole, tmp_path / "by_faiss")
    rows = write_rows(tmp_path / "by_blocks", [xb[:100].astype(dtype), xb[100:].astype(dtype)])
    assert (tmp_path / "by_blocks").read_bytes() == (tmp_path / "by_faiss").read_bytes()
    np.testing.assert_array_equal(np.concatenate(list(rows.blocks())), xb.astype(np.float32))
    np.testing.assert_array_equal(rows.at(np.array([7, 3])), whole.vectors_of(np.array([7, 3])))


def test_halves_are_the_nearest_as_numpy_has_them(xb):
    odd = np.array([[0, -0.0, 1e-8, 6e-5, 65504, 1e6, np.inf, 1 + 2**-11, 1 + 3 * 2**-11]], np.float32)
    with np.errstate(over="ignore"):
        for rows in (xb, odd, xb[:0], xb[:, ::2]):
            np.testing.assert_array_equal(to_half(rows), rows.astype(np.float16))
            np.testing.assert_array_equal(
                to_single(to_half(rows)), rows.astype(np.float16).astype(np.float32)
            )
