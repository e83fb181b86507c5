"""Plain indices: equal to brute force, old pairs, every defect of the old sfi, parts of pictures."""

import json
import resource
from pathlib import Path

import faiss
import numpy as np
import pytest
from PIL import Image

from indexing.compute.plain import index_files
from indexing.compute.plain.index_search import search
from indexing.compute.plain.query_pictures import cells_under, shares_of
from indexing.compute.plain.side_files import Row, read_meta, write_meta, write_rows
from sisyphus_web.cli.errors import Exit
from tests.data.make import make_clip

WIDTH = 64


def clustered(count: int, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Vectors as networks give them: some directions matter, none is below 0."""
    chance = np.random.default_rng(seed)
    centers = chance.random((40, width))
    return np.maximum(
        centers[chance.integers(0, 40, count)] + 0.2 * chance.standard_normal((count, width)), 0
    ).astype(np.float32)


def write(folder: Path, vectors: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, vector in enumerate(vectors):
        np.save(folder / f"v-{i}.npy", vector)
    return folder


def brute(vectors: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distances = ((vectors - query) ** 2).sum(axis=1)
    order = np.argsort(distances, kind="stable")
    return order, distances[order]


def number(path: str) -> int:
    return int(Path(path).stem.removeprefix("v-"))


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return clustered(1200)


@pytest.fixture(scope="module")
def features(tmp_path_factory, vectors) -> Path:
    return write(tmp_path_factory.mktemp("plain") / "features", vectors)


@pytest.fixture
def built(sfi, features, tmp_path) -> index_files.PlainIndex:
    assert sfi("build-index", "--features", features, "--index", tmp_path / "i", "--num-train", 400).code == 0
    return index_files.load(tmp_path / "i")


def test_with_all_cells_probed_every_file_finds_itself_first(built, vectors):
    for i in range(0, len(vectors), 40):
        found = search(built, vectors[i : i + 1], num_results=10, num_probes=100).neighbors
        assert number(found[0].path) == i
        assert found[0].distance == pytest.approx(0, abs=1e-4)


def test_codes_alone_find_every_file_in_the_first_ten(built, vectors):
    near = built.index.near(vectors[::20], k=10, num_probes=100)
    assert all(20 * i in rows for i, (rows, _) in enumerate(near))


def test_with_all_cells_probed_the_order_is_that_of_brute_force(built, vectors):
    for query in clustered(20, seed=7):
        found = search(built, query[None], num_results=10, num_probes=100).neighbors
        order, distances = brute(vectors, query)
        assert [number(each.path) for each in found] == order[:10].tolist()
        np.testing.assert_allclose([each.distance for each in found], distances[:10], rtol=1e-4)
        cosines = (
            vectors[order[:10]] @ query / np.linalg.norm(vectors[order[:10]], axis=1) / np.linalg.norm(query)
        )
        np.testing.assert_allclose([each.similarity for each in found], cosines, rtol=1e-4)


def test_with_all_cells_probed_codes_give_the_exhaustive_search_of_the_codes(built, vectors, tmp_path):
    decoded = decode_all(tmp_path / "i.idx", len(vectors))
    query = clustered(1, seed=9)
    rows, distances = built.index.near(query, k=50, num_probes=100)[0]
    order, wanted = brute(decoded, query[0])
    np.testing.assert_allclose(distances, wanted[:50], rtol=1e-3, atol=1e-3)
    assert len(set(rows.tolist()) & set(order[:50].tolist())) >= 48  # of equal codes any may come


def decode_all(path: Path, count: int) -> np.ndarray:
    """What the codes of an index stand for."""
    index = faiss.read_index(str(path))
    index.make_direct_map()
    return index.reconstruct_n(0, count)


def test_no_result_is_row_minus_1_and_probes_are_raised_until_there_are_enough(built, vectors):
    rows, _ = built.index.near(vectors[:1], k=512, num_probes=1)[0]
    assert 0 < len(rows) < 512
    assert rows.min() >= 0
    answer = search(built, vectors[:1], num_results=1100, num_probes=1)
    assert len({each.path for each in answer.neighbors}) == 1100
    assert answer.num_probes > 1
    assert search(built, vectors[:1], num_results=5, num_probes=1).num_probes == 1


def test_more_results_than_there_are_give_all_there_are_once(built, vectors):
    found = search(built, vectors[:1], num_results=10_000).neighbors
    assert sorted(number(each.path) for each in found) == list(range(1200))


def test_recall_rises_with_the_cells_that_are_probed(built, vectors):
    def recall(probes: int) -> float:
        shares = []
        for query in clustered(40, seed=3):
            rows, _ = built.index.near(query[None], k=100, num_probes=probes)[0]
            shares.append(np.isin(brute(vectors, query)[0][:10], rows).mean())
        return float(np.mean(shares))

    shares = [recall(probes) for probes in (1, 8, 100)]
    assert shares[0] < shares[1] <= shares[2]
    assert shares[2] > 0.98


def test_what_trained_the_index_is_found_too(sfi, features, tmp_path, vectors):
    sfi("build-index", "--features", features, "--index", tmp_path / "i", "--num-train", 1200)
    opened = index_files.load(tmp_path / "i")
    assert len(opened.paths) == 1200
    assert number(search(opened, vectors[77:78], num_results=1, num_probes=100).neighbors[0].path) == 77


def test_one_seed_gives_one_index_and_another_seed_another(sfi, features, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 5)):
        sfi(
            "build-index",
            "--features",
            features,
            "--index",
            tmp_path / name,
            "--num-train",
            300,
            "--seed",
            seed,
        )
    a, b, c = ((tmp_path / f"{name}.idx").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert read_meta(tmp_path / "c.idx")["seed"] == 5


def test_a_vector_of_2048_numbers_takes_256_bytes_of_codes(sfi, tmp_path):
    write(tmp_path / "f", clustered(300, 2048))
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--num-train", 256)
    cells = faiss.read_index(str(tmp_path / "i.idx"))
    assert (cells.code_size, cells.nlist, cells.pq.M, cells.pq.nbits) == (256, 100, 256, 8)


def test_names_are_in_numeric_order_and_rows_are_their_places(sfi, tmp_path):
    vectors = clustered(12)
    write(tmp_path / "f", vectors)
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    names = json.loads((tmp_path / "i.json").read_text())
    assert names == [str(tmp_path / "f" / f"v-{i}.npy") for i in range(12)]


def test_below_256_vectors_the_index_is_exact(sfi, tmp_path):
    vectors = clustered(255)
    write(tmp_path / "f", vectors)
    ended = sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--json")
    assert (ended.json["factory"], ended.json["recall_at_10"]) == (
        "Flat",
        {"1": {"codes": 1.0, "reranked": 1.0}},
    )


def test_recall_is_printed_and_kept(sfi, features, tmp_path):
    ended = sfi("build-index", "--features", features, "--index", tmp_path / "i", "--num-train", 400)
    assert "recall@10 with 1 of 100 cells probed" in ended.out
    measured = read_meta(tmp_path / "i.idx")["recall_at_10"]
    assert list(measured) == ["1", "8", "32", "100"]
    assert measured["100"]["reranked"] >= 0.99


def test_a_list_of_files_serves_as_well_as_a_folder(sfi, features, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(str(features / f"v-{i}.npy") for i in (3, 1, 2)) + "\n\n")
    sfi("build-index", "--features", tmp_path / "list.txt", "--index", tmp_path / "i")
    assert [number(path) for path in json.loads((tmp_path / "i.json").read_text())] == [3, 1, 2]


def test_the_same_features_are_not_indexed_again_and_changed_ones_are(sfi, tmp_path):
    write(tmp_path / "f", clustered(20))
    call = ("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--json")
    assert sfi(*call).json["counts"]["done"] == 20
    assert sfi(*call).json["counts"]["skipped"] == 20
    np.save(tmp_path / "f" / "v-20.npy", clustered(1)[0])
    assert sfi(*call).json["counts"]["done"] == 21
    assert sfi(*call, "--force").json["counts"]["done"] == 21


def test_a_disk_that_takes_no_more_leaves_the_index_before_it_whole(sfi, tmp_path, tree):
    write(tmp_path / "f", clustered(40))
    call = ("build-index", "--features", tmp_path / "f", "--index", tmp_path / "out" / "i")
    assert sfi(*call).code == 0
    before = tree(tmp_path / "out")
    write(tmp_path / "f", clustered(60))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # no file may grow beyond it
    try:
        ended = sfi(*call)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ended.code == Exit.FAILED
    assert "File too large; what was done stays done" in ended.err
    assert "faiss" not in ended.err
    assert tree(tmp_path / "out") == before
    assert len(index_files.load(tmp_path / "out" / "i").paths) == 40


def test_files_that_are_no_features_are_rejected_and_the_others_indexed(sfi, tmp_path):
    write(tmp_path / "f", clustered(20))
    (tmp_path / "f" / "words.npy").write_bytes(b"words")
    np.save(tmp_path / "f" / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(tmp_path / "f" / "nan.npy", np.full(WIDTH, np.nan, np.float32))
    ended = sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--json")
    assert ended.code == Exit.SOME_REJECTED
    codes = {
        Path(each["input"]).name: each["code"] for each in ended.json["inputs"] if each["state"] == "rejected"
    }
    assert codes == {"words.npy": "not-npy", "objects.npy": "pickled", "nan.npy": "not-finite"}
    assert ended.json["count"] == 20


def refused(ended) -> str:
    assert ended.code == Exit.REFUSED
    assert "Traceback" not in ended.err
    return ended.err


def test_features_of_two_widths_are_refused_before_any_work(sfi, tmp_path):
    write(tmp_path / "f", clustered(20))
    np.save(tmp_path / "f" / "v-99.npy", np.zeros(WIDTH + 1, np.float32))
    err = refused(sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i"))
    assert f"v-99.npy has {WIDTH + 1} numbers per row" in err
    assert not (tmp_path / "i.idx").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dim", 128), "--dim is 128, the features have 64"),
        (("--num-train", 255), "at least 256 vectors (--num-train), these would be 255"),
        (("--index-factory", "IVF100,PQ7x8"), "faiss cannot make IVF100,PQ7x8 of 1200 x 64"),
        (("--index-factory", "Wood"), "1200 x 64 numbers: could not parse index string Wood\n"),
        (("--features", "/no/such"), "/no/such does not exist"),
        (("--from", "/no/such.idx"), "/no/such.idx does not exist"),
        (("--features-size", 7), "with --features-size 7 each must have 49"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(sfi, features, tmp_path, words, sentence):
    assert sentence in refused(sfi("build-index", "--features", features, "--index", tmp_path / "i", *words))


def test_features_of_two_encoders_are_refused(sfi, tmp_path):
    write(tmp_path / "f", clustered(2))
    for i, key in enumerate(("a@1", "b@1")):
        write_meta(tmp_path / "f" / f"v-{i}.npy", {"encoder": key})
    err = refused(sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i"))
    assert "was made with encoder b@1" in err


def test_another_factory_is_built_as_asked(sfi, features, tmp_path):
    ended = sfi(
        "build-index",
        "--features",
        features,
        "--index",
        tmp_path / "i",
        "--index-factory",
        "IVF8,Flat",
        "--json",
    )
    assert ended.json["factory"] == "IVF8,Flat"
    assert ended.json["recall_at_10"]["8"]["codes"] == 1.0


def test_from_takes_what_an_old_index_learned_and_none_of_its_rows(sfi, features, tmp_path):
    sfi("build-index", "--features", features, "--index", tmp_path / "old", "--num-train", 400)
    write(tmp_path / "f", clustered(30, seed=4))
    ended = sfi(
        "build-index",
        "--features",
        tmp_path / "f",
        "--index",
        tmp_path / "new",
        "--from",
        tmp_path / "old.idx",
    )
    assert ended.code == 0
    old, new = (faiss.read_index(str(tmp_path / f"{name}.idx")) for name in ("old", "new"))
    np.testing.assert_array_equal(
        faiss.vector_to_array(old.pq.centroids), faiss.vector_to_array(new.pq.centroids)
    )
    assert (new.ntotal, len(index_files.load(tmp_path / "new").paths)) == (30, 30)


@pytest.fixture
def old_pair(tmp_path, features, vectors) -> Path:
    """A pair as the old sfi wrote it: trained on a part that was not added, no side file."""
    coarse = faiss.IndexFlatL2(WIDTH)
    index = faiss.IndexIVFPQ(coarse, WIDTH, 20, 16, 8)
    index.do_polysemous_training = False
    index.train(vectors[:400])
    index.add(vectors[400:])
    faiss.write_index(index, str(tmp_path / "old.idx"))
    names = [str(features / f"v-{i}.npy") for i in range(400, 1200)]
    (tmp_path / "old.json").write_text(json.dumps(names))
    return tmp_path / "old.idx"


def test_an_old_pair_is_read_as_it_is_and_re_ranked_where_its_features_are(old_pair, vectors):
    opened = index_files.load(old_pair)
    assert (opened.has_meta, opened.encoder, opened.has_vectors) == (False, None, True)
    found = search(opened, vectors[500:501], num_results=5, num_probes=20).neighbors
    order, _ = brute(vectors[400:], vectors[500])
    assert [number(each.path) - 400 for each in found] == order[:5].tolist()


def test_an_old_pair_without_its_features_is_searched_by_codes(old_pair, vectors):
    names = [f"/gone/v-{i}.npy" for i in range(400, 1200)]
    old_pair.with_suffix(".json").write_text(json.dumps(names))
    opened = index_files.load(old_pair)
    answer = search(opened, vectors[500:501], num_results=10, num_probes=20)
    assert not answer.is_exact
    assert 500 in [number(each.path) for each in answer.neighbors]
    assert answer.neighbors[0].similarity is None
    with pytest.raises(index_files.IndexRefused, match="expand needs the feature files"):
        search(opened, vectors[500:501], num_results=10, expand=3)


def test_a_pair_that_is_none_is_refused(old_pair, tmp_path):
    old_pair.with_suffix(".json").write_text(json.dumps(["a.npy"]))
    with pytest.raises(index_files.IndexRefused, match="holds 800 vectors"):
        index_files.load(old_pair)
    (tmp_path / "old.json").write_text("{}")
    with pytest.raises(index_files.IndexRefused, match="must be a list of file names"):
        index_files.load(old_pair)
    old_pair.write_bytes(old_pair.read_bytes()[:1000])
    with pytest.raises(index_files.IndexRefused):
        index_files.load(old_pair)


def test_an_index_changed_after_its_build_is_refused(sfi, features, tmp_path):
    sfi("build-index", "--features", features, "--index", tmp_path / "i", "--num-train", 300)
    content = bytearray((tmp_path / "i.idx").read_bytes())
    content[-9] ^= 1
    (tmp_path / "i.idx").write_bytes(content)
    with pytest.raises(index_files.IndexRefused, match="it was changed, or a build was cut off"):
        index_files.load(tmp_path / "i")


def test_a_relative_name_is_found_from_where_the_index_was_built(sfi, tmp_path, monkeypatch):
    vectors = clustered(30)
    write(tmp_path / "work" / "f", vectors)
    monkeypatch.chdir(tmp_path / "work")
    sfi("build-index", "--features", "f", "--index", "i")
    assert json.loads(Path("i.json").read_text())[0] == "f/v-0.npy"
    monkeypatch.chdir(tmp_path)
    assert index_files.load(Path("work/i")).has_vectors


def test_expansion_asks_with_the_mean_of_the_query_and_its_neighbors(built, vectors):
    query = clustered(1, seed=11)
    first = search(built, query, num_results=3, num_probes=100).neighbors
    mean = np.mean([query[0], *(vectors[number(each.path)] for each in first)], axis=0)
    found = search(built, query, num_results=10, num_probes=100, expand=3).neighbors
    assert [number(each.path) for each in found] == brute(vectors, mean)[0][:10].tolist()


def test_rows_of_a_video_are_results_with_their_times(sfi, tmp_path):
    (tmp_path / "f").mkdir()
    vectors = clustered(5)
    np.save(tmp_path / "f" / "a.npy", vectors[:3])
    np.save(tmp_path / "f" / "b.npy", vectors[3:])
    for name, count in (("a", 3), ("b", 2)):
        output = tmp_path / "f" / f"{name}.npy"
        write_rows(
            output, [Row(i, 64 * i, 640 * i, 640 * (i + 1), 2.56 * i, 64 * (i + 1)) for i in range(count)]
        )
        write_meta(output, {"kind": "video", "source": f"/media/{name}.mp4"})
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    opened = index_files.load(tmp_path / "i")
    assert opened.layout == "windows"
    found = search(opened, vectors[4:5], num_results=1).neighbors[0]
    assert (found.media, found.number, found.pts, found.pts_seconds) == ("/media/b.mp4", 64, 640, 2.56)


def test_a_picture_written_from_a_video_names_its_time(sfi, shared_data, tmp_path):
    video = shared_data / "videos" / "gestures" / "eat.mkv"
    sfi("video-to-resampled-frames", video, tmp_path / "frames", 4)
    sfi("feature-extract", "--images", tmp_path / "frames", "--features", tmp_path / "f", "--image-size", 32)
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    opened = index_files.load(tmp_path / "i")
    query = np.load(tmp_path / "f" / "frame-3.npy")[None]
    found = search(opened, query, num_results=1).neighbors[0]
    assert found.media == str(tmp_path / "frames" / "frame-3.jpg")
    assert found.video == str(video)
    assert found.pts_seconds == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("verb", ["build-index", "stream-index", "feature-extract-vid"])
def test_where_nothing_can_be_written_is_told_before_the_work(sfi, photos, tmp_path, verb):
    write(tmp_path / "f", clustered(4))
    video = make_clip(tmp_path / "v.mp4", num_frames=4)
    nowhere = Path("/proc/self/nowhere.npy")  # also for root
    words = {
        "build-index": ("--features", tmp_path / "f", "--index", nowhere),
        "stream-index": ("--images", photos, "--index", nowhere, "--encoder", "builtin@1"),
        "feature-extract-vid": ("--video", video, "--feature", nowhere),
    }[verb]
    ended = sfi(verb, *words)
    assert ended.code == Exit.FAILED
    assert f"sfi {verb}: {nowhere}" in ended.err
    assert "Traceback" not in ended.err


def test_one_feature_file_of_several_rows_is_indexed_by_its_name(sfi, tmp_path):
    np.save(tmp_path / "rows.npy", clustered(30))
    ended = sfi("build-index", "--features", tmp_path / "rows.npy", "--index", tmp_path / "i", "--json")
    assert ended.json["count"] == 30


def test_streamed_pictures_are_not_encoded_again_until_one_changes(sfi, photos, tmp_path):
    (photos / "notes.txt").write_text("no picture")
    words = ("stream-index", "--images", photos, "--index", tmp_path / "i", "--encoder", "builtin@1")
    assert sfi(*words, "--json").json["counts"] == {"done": 6, "skipped": 0, "rejected": 1}
    again = sfi(*words, "--json")
    assert (again.code, again.json["counts"]) == (
        Exit.SOME_REJECTED,
        {"done": 0, "skipped": 6, "rejected": 1},
    )
    assert sfi(*words, "--json", "--force").json["counts"]["done"] == 6
    (photos / "crab" / "new.png").write_bytes(next((photos / "crab").iterdir()).read_bytes())
    assert sfi(*words, "--json").json["counts"]["done"] == 7


def test_images_go_straight_into_an_index_that_names_them(sfi, photos, tmp_path):
    (photos / "notes.txt").write_text("no picture")
    ended = sfi(
        "stream-index",
        "--images",
        photos,
        "--index",
        tmp_path / "i",
        "--num-train",
        2,
        "--image-size",
        32,
        "--json",
    )
    assert ended.code == Exit.SOME_REJECTED
    assert ended.json["count"] == 6
    sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", "--image-size", 32)
    opened = index_files.load(tmp_path / "i")
    for path in (tmp_path / "f").rglob("*.npy"):
        found = search(opened, np.load(path)[None], num_results=1).neighbors[0]
        assert Path(found.media).relative_to(photos).with_suffix("") == path.relative_to(
            tmp_path / "f"
        ).with_suffix("")


# Parts of pictures -----------------------------------------------------------------------------------------


def as_maps(folder: Path, maps: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for i, rows in enumerate(maps):
        np.save(folder / f"v-{i}.npy", rows)
    return folder


@pytest.fixture
def maps() -> np.ndarray:
    """(30, 9, 64): pictures of 3 x 3 positions."""
    return clustered(270, seed=5).reshape(30, 9, WIDTH)


@pytest.mark.parametrize("aggregate", ["min", "mean", "votes"])
@pytest.mark.parametrize("factory", ["Flat", "IVF4,PQ32x8np"])
def test_several_rows_are_aggregated_per_picture_as_brute_force_does(sfi, tmp_path, maps, aggregate, factory):
    as_maps(tmp_path / "f", maps)
    sfi(
        "build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--features-size", 3,
        "--index-factory", factory,
    )  # fmt: skip
    opened = index_files.load(tmp_path / "i")
    query = clustered(4, seed=8)
    found = search(opened, query, num_results=30, num_probes=4, aggregate=aggregate).neighbors
    distances = ((query[:, None, None] - maps[None]) ** 2).sum(axis=3)  # (4, 30, 9)
    best = distances.min(axis=2)
    wanted = best.min(axis=0) if aggregate == "min" else best.mean(axis=0)
    order = np.argsort(wanted, kind="stable")  # every row meets every picture here, so votes are all equal
    assert [number(each.path) for each in found] == order.tolist()
    np.testing.assert_allclose([each.distance for each in found], wanted[order], rtol=1e-3, atol=1e-4)
    for each in found:
        row, at = np.unravel_index(distances[:, number(each.path)].argmin(), (4, 9))
        assert each.position == (at // 3, at % 3), row


def test_the_position_of_a_planted_row_is_returned(sfi, tmp_path, maps):
    query = clustered(1, seed=77)
    maps[13, 5] = query[0]
    as_maps(tmp_path / "f", maps)
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--features-size", 3)
    found = search(index_files.load(tmp_path / "i"), query, num_results=1, num_probes=100).neighbors[0]
    assert (number(found.path), found.position, found.grid) == (13, (1, 2), (3, 3))


def test_a_box_covers_the_cells_whose_centers_it_covers_or_the_one_it_lies_in():
    assert cells_under((0, 0, 0.5, 0.5), (2, 2)) == [0]
    assert cells_under((0, 0, 1, 1), (2, 2)) == [0, 1, 2, 3]
    assert cells_under((0.9, 0.9, 0.95, 0.95), (7, 7)) == [48]
    assert shares_of((10, 20, 30, 40), 100, 100) == (0.1, 0.2, 0.3, 0.4)
    with pytest.raises(ValueError, match="within the picture of 100 x 100"):
        shares_of((10, 20, 130, 40), 100, 100)


@pytest.fixture
def hidden(shared_data, tmp_path) -> tuple[Path, list[str]]:
    """Scenes; one object, small, in five of them at different places, and look-alikes without it."""
    root = tmp_path / "scenes"
    root.mkdir()
    scenes = sorted((shared_data / "photos" / "BACKGROUND_Google").iterdir())[:12]
    thing = sorted((shared_data / "photos" / "yin_yang").iterdir())[0]
    small = Image.open(thing).convert("RGB").resize((80, 80))
    places = {1: (10, 20), 2: (130, 100), 3: (140, 5), 4: (30, 135), 5: (70, 70)}
    for i, path in enumerate(scenes):
        scene = Image.open(path).convert("RGB").resize((224, 224))
        if i == 0:
            scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "alike-flipped.png")
            scene.point(lambda value: min(255, int(value * 1.15))).save(root / "alike-bright.png")
            scene.paste(small, (64, 96))
            scene.save(tmp_path / "query.png")
            continue
        if i in places:
            scene.paste(small, places[i])
        scene.save(root / f"scene-{i}.png")
    return tmp_path / "query.png", [f"scene-{i}.png" for i in places]


@pytest.mark.slow
def test_a_box_around_a_small_object_finds_it_elsewhere_before_whole_pictures_that_are_alike(
    sfi, hidden, tmp_path, shared_weights, served
):
    query, wanted = hidden
    network = ("--weights", shared_weights / "mobilenet_v2_imagenet_fp16.pt")
    sfi(
        "feature-extract", "--images", tmp_path / "scenes", "--features", tmp_path / "f", "--pool", "none",
        "--image-size", 224, "--encoder", "mobilenet_v2", *network,
    )  # fmt: skip
    assert sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i").code == 0
    port = served(tmp_path / "i", "--num-probes", 100, "--aggregate", "mean")
    call = ("query-index", "--image", query, *network, "--port", port, "--num-results", 13)
    boxed = sfi(*call, "--box", "64,96,144,176", "--draw", tmp_path / "drawn").json
    found = [Path(each["media"]).name for each in boxed]
    assert set(found[:5]) == set(wanted)
    whole = [Path(each["media"]).name for each in sfi(*call).json]
    assert whole[0].startswith("alike")
    assert boxed[0]["grid"] == [7, 7]
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 13
    places = {"scene-1.png": (10, 20), "scene-2.png": (130, 100), "scene-3.png": (140, 5)}
    for each in boxed[:5]:
        name = Path(each["media"]).name
        if name in places:
            (row, column), (x, y) = each["position"], places[name]
            assert x - 16 <= column * 32 + 16 <= x + 96
            assert y - 16 <= row * 32 + 16 <= y + 96
