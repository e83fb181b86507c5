"""Filters, terms of a class, the corpus as it lies and mixed queues, by the search service and its client."""

import numpy as np
import pytest

from indexing import search
from indexing.models import Item, MediaFile, MediaPath, Source
from labeling.models import LabelClass, SplitAssignment
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import answer, found, like, service, shared  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def vectors():
    return clustered(200)


@pytest.fixture
def items(corpus, vectors):
    """Item n is of cluster n % 20: 150 photos, the first 40 in stacks of 2, then 50 frames of a video."""
    feature_set = make_feature_set(corpus)
    photos = add_items(feature_set, vectors[:40], num_per_stack=2)
    photos += add_items(feature_set, vectors[40:150])
    return photos + add_items(feature_set, vectors[150:], kind="video")


@pytest.fixture
def cars(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="car", created_by=mia)


@pytest.fixture
def trucks(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="truck", created_by=mia)


def listed(corpus, filters, **more):
    """The numbers of the items that the filters leave, by browsing and by ranking alike."""
    ids = list(Item.objects.filter(corpus=corpus).order_by("pk").values_list("pk", flat=True))
    number = {pk: n for n, pk in enumerate(ids)}
    asked = {"filters": filters, "k": 500, "fold": False} | more
    browsed = search.rank(corpus, terms=[], mode="browse", **asked)
    vector = [{"kind": "vector", "vector": [1.0, *[0.0] * 31]}]
    ranked = search.rank(corpus, terms=vector, **asked)
    assert browsed.total == ranked.total == len(browsed.neighbors) == len(ranked.neighbors)
    assert [n.item for n in browsed.neighbors] == sorted(n.item for n in ranked.neighbors)
    assert {n.similarity for n in browsed.neighbors} <= {None}
    return [number[n.item] for n in browsed.neighbors]


def test_the_corpus_as_it_lies_is_whole_in_order_and_folded(corpus, items):
    assert listed(corpus, {}) == list(range(200))
    folded = search.rank(corpus, terms=[], mode="browse", filters={}, k=500)
    assert (folded.total, len(folded.neighbors), folded.neighbors[0].count) == (180, 180, 2)
    assert {(n.source, n.preset) for n in folded.neighbors} == {("browse", "browse")}


def test_pages_of_a_listing_follow_one_another(corpus, items):
    of_round = {"terms": [], "mode": "browse", "filters": {"kinds": ["image"]}, "round_id": 77, "k": 50}
    pages = [search.rank(corpus, offset=start, **of_round) for start in (0, 50, 100)]
    everything = search.rank(corpus, terms=[], mode="browse", filters={"kinds": ["image"]}, k=500)
    assert [item for page in pages for item in found(page)] == found(everything)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"has": ["stack"]}, range(40)),
        ({"has_not": ["stack"]}, range(40, 200)),
        ({"has": ["video"]}, range(150, 200)),
        ({"has_not": ["video"], "has": ["stack"]}, range(40)),
        ({"has": ["video", "image"]}, []),
        ({"has": ["stack"], "has_not": ["stack"]}, []),
        ({"kinds": ["video"], "start_seconds": 10, "stop_seconds": 12}, [160, 161]),
        ({"files": ["image 3"]}, [3, *range(30, 40)]),
        ({"files": ["image 3"], "has_not": ["stack"]}, []),
        ({"files": ["*E 3"]}, [3]),
        ({"files": ["%"]}, []),
        ({"not_files": ["image"]}, range(150, 200)),
        ({"has": ["verdict"]}, []),
        ({"has": ["box"]}, []),
    ],
)
def test_filters_find_what_they_say(corpus, items, filters, wanted):
    first_40 = {MediaFile.objects.filter(corpus=corpus).order_by("pk")[n].pk: n for n in range(40)}
    for pk, n in first_40.items():
        MediaFile.objects.filter(pk=pk).update(name=f"image {n}")
    MediaFile.objects.filter(corpus=corpus, kind="image").exclude(pk__in=first_40).update(name="image -")
    assert listed(corpus, filters) == list(wanted)


def test_what_is_accepted_in_another_class_is_found_or_left_out(corpus, ann, items, cars, trucks):
    for n in (50, 60):
        answer(corpus, ann, trucks, items[n], "accept")
    answer(corpus, ann, trucks, items[70], "reject")
    answer(corpus, ann, cars, items[60], "accept")
    assert listed(corpus, {"classes": [trucks.pk]}) == [50, 60]
    assert listed(corpus, {"classes": [trucks.pk, cars.pk]}) == [60]
    assert listed(corpus, {"classes": [trucks.pk], "not_classes": [cars.pk]}) == [50]
    assert listed(corpus, {"not_classes": [trucks.pk]}) == [n for n in range(200) if n not in (50, 60)]
    assert listed(corpus, {"has": ["verdict"]}) == [50, 60, 70]
    assert listed(corpus, {"states": ["untouched"], "has": ["verdict"]}, label_class_id=cars.pk) == [50, 70]


def test_sides_of_the_split_and_sources_are_of_media_files(corpus, mia, items):
    files = [items[n].media_file for n in (100, 110, 120)]
    for file, side in zip(files, ("train", "val", "test"), strict=True):
        SplitAssignment.objects.create(corpus=corpus, media_file=file, split=side)
    assert listed(corpus, {"splits": ["train", "test"]}) == [100, 120]
    assert listed(corpus, {"splits": ["none"]}) == [n for n in range(200) if n not in (100, 110, 120)]
    assert listed(corpus, {"splits": ["none", "val"]}) == [n for n in range(200) if n not in (100, 120)]
    source = Source.objects.create(corpus=corpus, kind="folder", path="/a", created_by=mia)
    for file in files[:2]:
        path = {"relative_path": str(file.pk), "size_bytes": 1, "mtime_ns": 1}
        MediaPath.objects.create(source=source, media_file=file, **path)
    assert listed(corpus, {"sources": [source.pk]}) == [100, 110]
    assert listed(corpus, {"sources": [source.pk], "splits": ["val"]}) == [110]
    assert listed(corpus, {"not_sources": [source.pk], "splits": ["train", "test"]}) == [120]
    assert listed(corpus, {"media_files": [files[2].pk], "not_media_files": [files[2].pk]}) == []


def test_a_class_is_a_term_the_mean_of_what_was_accepted(corpus, ann, items, trucks, vectors):
    asked = {"terms": [{"kind": "class", "class": trucks.pk}], "filters": {}, "k": 30, "fold": False}
    with pytest.raises(search.SearchRefused, match="Nothing was accepted of the class"):
        search.rank(corpus, **asked)
    for n in (50, 70, 91):
        answer(corpus, ann, trucks, items[n], "accept")
    half = vectors.astype(np.float16).astype(np.float32)
    mean = half[[50, 70, 91]].mean(axis=0)
    true = np.argsort(-(half @ mean))[:30]
    assert set(found(search.rank(corpus, **asked))) == {items[n].pk for n in true}


def test_a_class_is_a_term_by_what_was_learned_of_it(corpus, ann, items, cars, trucks):
    for n in (50, 70, 90, 110, 130, 150):
        answer(corpus, ann, trucks, items[n], "accept")
    for n in (51, 71, 92):
        answer(corpus, ann, trucks, items[n], "reject")
    term = {"kind": "class", "class": trucks.pk, "learned": True}
    got = search.rank(corpus, terms=[term], filters={}, k=10, fold=False)
    learned = search.rank(
        corpus,
        terms=[],
        filters={"states": ["untouched", "accept", "reject"]},
        k=10,
        fold=False,
        mode="learned",
        label_class_id=trucks.pk,
    )
    assert found(got) == found(learned)


def test_a_text_is_refused_where_the_encoder_reads_none(corpus, items):
    with pytest.raises(search.SearchRefused, match="builtin@1 has no vectors for text") as refused:
        search.rank(corpus, terms=[{"kind": "text", "text": "a car"}], filters={}, k=5)
    assert refused.value.detail.code == "encoder-reads-no-text"


MIX = {"harvest": 0.4, "boundary": 0.2, "explore": 0.2, "hard": 0.2}


def test_a_mixed_queue_says_why_and_its_pages_follow_one_another(corpus, ann, items, cars):
    for n, what in ((3, "accept"), (23, "accept"), (44, "reject"), (64, "reject")):
        answer(corpus, ann, cars, items[n], what)
    asked = {"terms": like(items[3]), "filters": {}, "label_class_id": cars.pk, "mix": MIX}
    first = search.rank(corpus, **asked, k=60, round_id=91)
    second = search.rank(corpus, **asked, k=60, offset=60, round_id=91)
    rest = search.rank(corpus, **asked, k=500, offset=120, round_id=91)
    everything = [n for page in (first, second, rest) for n in page.neighbors]
    assert len({n.stack or -n.item for n in everything}) == len(everything) == first.total
    assert first.mix == MIX
    assert {(n.preset, n.source) for n in first.neighbors} == {
        ("harvest", "neighbor"),
        ("boundary", "neighbor"),
        ("explore", "explore"),
        ("hard", "hard negative"),
    }
    again = search.rank(corpus, **asked, k=60, round_id=92)
    assert [(n.item, n.preset) for n in again.neighbors] == [(n.item, n.preset) for n in first.neighbors]


def test_a_preset_without_answers_gives_its_share_away_and_says_why(corpus, items, cars):
    got = search.rank(corpus, terms=like(items[3]), filters={}, k=20, label_class_id=cars.pk, mix=MIX)
    assert got.mix == {"harvest": pytest.approx(0.6667, abs=1e-3), "explore": pytest.approx(0.3333, abs=1e-3)}
    assert len(got.notes) == 2


def test_a_queue_of_the_harvest_alone_is_the_ranking(corpus, items):
    plain = search.rank(corpus, terms=like(items[3]), filters={}, k=50)
    mixed = search.rank(corpus, terms=like(items[3]), filters={}, k=50, mix={"harvest": 1.0})
    assert plain.neighbors == mixed.neighbors
    assert mixed.mix == {}


def test_an_unknown_fact_is_refused(corpus, items):
    with pytest.raises(search.SearchRefused, match="no has:wings"):
        search.rank(corpus, terms=like(items[3]), filters={"has": ["wings"]}, k=5)


def test_a_class_nobody_knows_has_accepted_nothing(corpus, items):
    got = search.rank(corpus, terms=[], mode="browse", filters={"classes": [2**40]}, k=5)
    assert got.total == 0
