"""Tiles of frames: which part each slot is, and that an item is as near as the nearest of its slots."""

import itertools

import numpy as np
import pytest

from indexing.compute.answers import Answers, Change, bytes_of_states
from indexing.compute.builds import open_build, write_build
from indexing.compute.engine import Ranking
from indexing.compute.listing import Listing
from indexing.compute.regions import (
    NUM_TILES,
    SCALE_PRIOR,
    TILE_SLOTS,
    TILES,
    WHOLE,
    box_of,
    bytes_of_frame,
    cut_tiles,
    slot_like,
)
from indexing.compute.residents import Items, Part, Resident
from indexing.compute.selections import Filters, select
from indexing.compute.vectors import exact_index
from tests.indexing.made import clustered

WIDTH = 32
NUM = 120
TILED = NUM - 15  # the last items have no tiles


def test_the_slots_are_the_whole_and_two_grids():
    assert box_of(WHOLE) is None
    assert box_of(1) == (0, 0, 0.5, 0.5)
    assert box_of(2) == (0.5, 0, 1, 0.5)
    assert box_of(4) == (0.5, 0.5, 1, 1)
    assert box_of(5) == (0, 0, pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert box_of(9) == tuple(pytest.approx(side) for side in (1 / 3, 1 / 3, 2 / 3, 2 / 3))
    assert box_of(13) == tuple(pytest.approx(side) for side in (2 / 3, 2 / 3, 1, 1))
    assert NUM_TILES == 13
    for slot in (-1, 14):
        with pytest.raises(LookupError, match="0 to 13"):
            box_of(slot)


@pytest.mark.parametrize("grid", [2, 3])
def test_the_tiles_of_a_grid_cover_the_frame_once(grid):
    own = TILES[:4] if grid == 2 else TILES[4:]
    for x, y in itertools.product(np.linspace(0.01, 0.99, 25), repeat=2):
        assert sum(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in own) == 1


def test_tiles_are_cut_where_their_boxes_are():
    pixels = np.arange(61 * 100 * 3, dtype=np.uint32).reshape(61, 100, 3)
    tiles = cut_tiles(pixels)
    np.testing.assert_array_equal(tiles[0], pixels[:31, :50])
    np.testing.assert_array_equal(tiles[3], pixels[30:, 50:])
    np.testing.assert_array_equal(tiles[8], pixels[20:41, 33:67])
    assert all(tile.size for tile in cut_tiles(pixels[:1, :1]))


def test_a_frame_with_tiles_takes_fourteen_vectors():
    assert bytes_of_frame(512, with_tiles=False) == 1024
    assert bytes_of_frame(512, with_tiles=True) == 14 * 1024


# An item is as near as the nearest of its slots

IDS = np.arange(NUM) * 2 + 3
VECTORS = clustered(NUM * 14, WIDTH, num_clusters=40, seed=4).reshape(NUM, 14, WIDTH)
STACKS = np.where(np.arange(NUM) % 3 == 0, 0, np.arange(NUM) // 7 + 1)
TILE_IDS = np.repeat(IDS[:TILED], NUM_TILES)
TILE_VECTORS = VECTORS[:TILED, 1:].reshape(-1, WIDTH)
SLOTS = np.tile(np.array(TILE_SLOTS, np.int16), TILED)


def by_codes(num, width):
    return [f"PQ{width // 2}x4fs", "SQfp16"]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Of the first half of the tiles, by compressed codes."""
    folder = tmp_path_factory.mktemp("build") / "b"
    half = TILED // 2 * NUM_TILES
    blocks = [(TILE_IDS[a:b], TILE_VECTORS[a:b], SLOTS[a:b]) for a, b in ((0, 300), (300, half))]
    write_build(folder, blocks, encoder="e@1", weights_sha256="", shard_ids=[1], factories=by_codes)
    return open_build(folder)


def resident_of(*, tiles=True, build=None):
    items = Items(IDS, IDS // 10, STACKS, np.zeros(NUM), np.zeros(NUM, bool))
    whole = [
        Part(IDS[:50], exact_index(VECTORS[:50, 0])),
        Part(IDS[50:], exact_index(VECTORS[50:, 0])),
    ]
    if not tiles:
        return Resident(tuple(whole), items, "e@1", WIDTH)
    start = TILED // 2 * NUM_TILES if build else 0
    rest = Part(TILE_IDS[start:], exact_index(TILE_VECTORS[start:]), slots=SLOTS[start:])
    return Resident((*whole, *([Part.of_build(build)] if build else []), rest), items, "e@1", WIDTH)


def brute_force(query, shown, *, fold, tiles=True):
    """[(item, slot, similarity)] best first, one for each stack."""
    near = VECTORS.astype(np.float16).astype(np.float32) @ query
    near[:, 1:] -= SCALE_PRIOR
    if not tiles:
        near[:, 1:] = -9
    near[TILED:, 1:] = -9
    best = [(IDS[n], int(near[n].argmax()), near[n].max()) for n in range(NUM) if shown[n]]
    best.sort(key=lambda each: -each[2])
    taken, folded = set(), []
    for item, slot, similarity in best:
        stack = STACKS[(item - 3) // 2]
        key = stack if fold and stack else -item
        if key not in taken:
            folded.append((item, slot, similarity))
        taken.add(key)
    return folded


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("has_build", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_pages_are_the_largest_over_slots_by_brute_force(build, fold, has_build, seed):
    resident = resident_of(build=build if has_build else None)
    query = clustered(1, WIDTH, seed=100 + seed)[0]
    answers = Answers()
    decided = IDS[np.random.default_rng(seed).choice(NUM, 30, replace=False)]
    answers.apply(Change(int(item), 1, "reject") for item in decided)
    selection = select(
        resident,
        Filters(),
        fold=fold,
        said=answers.said_of(1, resident),
        bytes_shown=bytes_of_states(["untouched"]),
    )
    ranking = Ranking(resident, query, selection, fold=fold)
    expected = brute_force(query, ~np.isin(IDS, decided), fold=fold)
    assert ranking.total == len(expected)
    hits = [hit for offset in range(0, NUM, 17) for hit in ranking.page(offset, 17)]
    assert [hit.item for hit in hits] == [item for item, _, _ in expected]
    np.testing.assert_allclose([hit.similarity for hit in hits], [each[2] for each in expected], atol=2e-3)
    assert [hit.box for hit in hits] == [box_of(slot) for _, slot, _ in expected]


def test_every_member_of_a_stack_counts_once(build):
    resident = resident_of(build=build)
    ranking = Ranking(resident, VECTORS[0, 0], select(resident, Filters(), fold=True))
    hits = ranking.page(0, NUM)
    assert sum(hit.count for hit in hits) == NUM
    with_stack = select(resident, Filters(has_stack=True), fold=False)
    sizes = np.bincount(STACKS)
    assert with_stack.num_groups == np.count_nonzero((STACKS > 0) & (sizes[STACKS] > 1))


def test_a_limit_on_similarity_holds_for_tiles_less_the_prior(build):
    resident = resident_of(build=build)
    query = VECTORS[7, 3]
    selection = select(resident, Filters(), fold=False)
    ranking = Ranking(resident, query, selection, fold=False, min_similarity=0.3)
    expected = [each for each in brute_force(query, np.ones(NUM, bool), fold=False) if each[2] >= 0.3]
    assert [hit.item for hit in ranking.page(0, NUM)] == [item for item, _, _ in expected]
    assert 0 < ranking.total == len(expected) < NUM


def test_the_whole_frame_wins_a_near_tie():
    query = np.eye(WIDTH, dtype=np.float32)[0]
    item = Items(np.array([5]), np.array([1]), np.array([0]), np.zeros(1), np.zeros(1, bool))
    whole = Part(np.array([5]), exact_index(np.sqrt([[0.5] * 2 + [0] * (WIDTH - 2)]).astype(np.float32)))
    for better_by, slot in ((SCALE_PRIOR / 2, WHOLE), (SCALE_PRIOR * 2, 1)):
        near = np.sqrt(0.5) + better_by
        tile = np.zeros((1, WIDTH), np.float32)
        tile[0, :2] = near, np.sqrt(1 - near**2)
        tiles = Part(np.array([5]), exact_index(tile), slots=np.array([1], np.int16))
        resident = Resident((whole, tiles), item, "e@1", WIDTH)
        (hit,) = Ranking(resident, query, select(resident, Filters(), fold=True)).page(0, 1)
        assert hit.box == box_of(slot)


def test_a_ranking_goes_on_over_whole_frames_when_tiles_are_let_go():
    resident = resident_of()
    ranking = Ranking(resident, VECTORS[0, 5], select(resident, Filters(), fold=True))
    given = [hit.item for hit in ranking.page(0, 20)]
    without = resident_of(tiles=False)
    again = ranking.page(0, 20, resident=without)
    assert [hit.item for hit in again] == given
    assert {hit.box for hit in again} == {None}
    assert len({hit.item for hit in ranking.page(0, NUM, resident=without)}) == ranking.total


def test_a_list_that_compares_nothing_has_no_regions():
    resident = resident_of()
    listing = Listing(
        resident, np.zeros(WIDTH, np.float32), select(resident, Filters(), fold=False), fold=False
    )
    hits = listing.page(0, NUM)
    assert [hit.item for hit in hits] == IDS.tolist()
    assert {hit.box for hit in hits} == {None}


def test_recall_of_a_build_of_tiles_is_that_of_items(build):
    half = TILED // 2
    exact = TILE_VECTORS[: half * NUM_TILES].astype(np.float16).astype(np.float32)
    assert build.manifest.num_items == half
    assert build.manifest.num_vectors == half * NUM_TILES
    assert build.slots.tolist() == SLOTS[: half * NUM_TILES].tolist()
    found = 0
    queries = range(0, half * NUM_TILES, 29)
    k = min(100, half)
    for row in queries:
        truth = (exact @ exact[row]).reshape(half, NUM_TILES).max(axis=1)
        near = build.codes.nearest(exact[row], num_candidates=k * 4 * build.manifest.candidate_factor)
        items = list(dict.fromkeys(build.item_ids[near.rows].tolist()))[:k]
        found += sum(truth[(np.array(items) - 3) // 2] >= np.sort(truth)[-k] - 1e-4)
    assert build.manifest.recall_at_100 == pytest.approx(found / (k * len(queries)), abs=0.02)


def test_boxes_stay_right_over_a_newer_resident(build):
    first = resident_of()
    ranking = Ranking(first, VECTORS[3, 4], select(first, Filters(), fold=True))
    before = ranking.page(0, 30)
    assert any(hit.box for hit in before)
    newer = resident_of(build=build)
    again = ranking.page(0, 30, resident=newer)
    assert [(hit.item, hit.box) for hit in again] == [(hit.item, hit.box) for hit in before]
    further = ranking.page(30, NUM, resident=newer)
    expected = brute_force(VECTORS[3, 4], np.ones(NUM, bool), fold=True)[30:]
    assert [(hit.item, hit.box) for hit in further] == [(item, box_of(slot)) for item, slot, _ in expected]


def test_the_slot_like_a_box_is_the_one_that_shares_most_of_both_by_a_count_of_small_squares():
    rng = np.random.default_rng(0)
    grid = (np.stack(np.meshgrid(np.arange(60), np.arange(60)), axis=-1).reshape(-1, 2) + 0.5) / 60

    def inside(box):
        return ((grid >= box[:2]) & (grid < box[2:])).all(axis=1)

    parts = [inside((0.0, 0.0, 1.0, 1.0)), *(inside(tile) for tile in TILES)]
    for _ in range(200):
        low = rng.integers(0, 59, 2)
        box = tuple(np.concatenate([low, rng.integers(low + 1, 61)]) / 60)
        own = inside(box)
        shares = [np.count_nonzero(own & part) / np.count_nonzero(own | part) for part in parts]
        assert slot_like(box) == int(np.argmax(np.round(shares, 9)))
    assert [slot_like(tile) for tile in TILES] == list(TILE_SLOTS)
