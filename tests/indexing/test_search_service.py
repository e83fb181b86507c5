"""The search service as a process of its own, asked through its client."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from indexing import search
from indexing.models import FeatureIndex, Item
from indexing.search_service.learning import NUM_UNDECIDED, SAMPLES_SEED
from indexing.services.builds import build_folder
from labeling.compute.ranking import fit_query
from labeling.models import LabelClass, QueryRound, WeakBatch, WeakLabel
from labeling.services.undo import undo_batch
from labeling.services.verdicts import Operation, record_verdicts
from sisyphus_web.jobs import services as jobs
from tests.indexing.made import add_items, clustered, make_feature_set

pytestmark = pytest.mark.django_db(transaction=True)


class Service:
    """A search service in its own process, on the test's database."""

    def __init__(self, folder: Path) -> None:
        self.data_dir, self.socket = folder / "data", folder / "search.sock"
        self.log = (folder / "log").open("w+")
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        name = connection.settings_dict["NAME"]
        head, _, query = os.environ["DATABASE_URL"].partition("?")
        url = f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        env = os.environ | {
            "DATABASE_URL": url,
            "SISYPHUS_SEARCH_SOCKET": str(self.socket),
            "SISYPHUS_DATA_DIR": str(self.data_dir),
        }
        self.process = subprocess.Popen([sys.executable, "manage.py", "run_search"], env=env, stderr=self.log)
        deadline = time.monotonic() + 180
        while not self.answers():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return bool(search.status())
        except search.SearchUnavailable:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One process for all tests: their corpora have different ids, and it forgets those that are gone."""
    made = Service(tmp_path_factory.mktemp("search"))
    yield made
    if made.process is not None:
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(timeout=180) == 0
        assert not made.socket.exists()
    made.log.close()


@pytest.fixture(autouse=True)
def service(shared, settings, data_dir):
    settings.DATA_DIR, settings.SEARCH_SOCKET = shared.data_dir, shared.socket
    if not (shared.process and shared.process.poll() is None):
        shared.start()
    return shared


@pytest.fixture
def vectors():
    return clustered(200)


@pytest.fixture
def items(corpus, vectors):
    """Two hundred photos in twenty clusters: item n is of cluster n % 20."""
    return add_items(make_feature_set(corpus), vectors)


@pytest.fixture
def cars(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="car", created_by=mia)


def like(item, **more):
    return [{"kind": "item", "item": item.pk, **more}]


def answer(corpus, ann, label_class, item, what, base_version=0, **more):
    operation = Operation(
        operation_id=uuid.uuid4(),
        batch=more.pop("batch", uuid.uuid4()),
        item=item.pk,
        label_class=label_class.pk,
        answer=what,
        base_version=base_version,
        **more,
    )
    (result,) = record_verdicts(corpus=corpus, annotator=ann, operations=[operation])
    assert result.outcome == "applied"
    return result


def found(answer):
    return [neighbor.item for neighbor in answer.neighbors]


def test_neighbors_of_an_item_are_those_of_brute_force(corpus, items, vectors):
    got = search.rank(corpus, terms=like(items[3]), filters={}, k=20)
    half = vectors.astype(np.float16).astype(np.float32)
    true = np.argsort(-(half @ half[3]))[:20]
    assert found(got) == [items[n].pk for n in true]
    assert got.neighbors[0].similarity == pytest.approx(1, abs=1e-3)
    assert got.total == 200
    assert got.encoder == "builtin@1"


def test_a_negative_term_pushes_its_like_away(corpus, items):
    both = search.rank(corpus, terms=like(items[3]) + like(items[4], weight=-0.5), filters={}, k=200)
    similarity = {neighbor.item: neighbor.similarity for neighbor in both.neighbors}
    assert similarity[items[24].pk] < similarity[items[5].pk]  # of the cluster of item 4, against another


def test_a_vector_is_a_term(corpus, items, vectors):
    got = search.rank(corpus, terms=[{"kind": "vector", "vector": vectors[7].tolist()}], filters={}, k=1)
    assert found(got) == [items[7].pk]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ([], "no-terms"),
        ([{"kind": "vector", "vector": [1.0, 0.0]}], "wrong-width"),
        ([{"kind": "vector", "vector": [0.0] * 32}], "bad-term"),
        ([{"kind": "item", "item": 10**9}], "item-without-feature"),
        ([{"kind": "image", "image": str(uuid.uuid4())}], "unknown-image"),
        ([{"kind": "song"}], "invalid"),
    ],
)
def test_nonsense_is_refused_by_name(corpus, items, terms, code):
    with pytest.raises(search.SearchRefused) as refused:
        search.rank(corpus, terms=terms, filters={}, k=5)
    assert refused.value.detail.code == code


def test_weights_beyond_all_measure_are_refused(corpus, items):
    with pytest.raises(search.SearchRefused, match="too large"):
        search.rank(corpus, terms=like(items[0], weight=1e39), filters={}, k=5)


def test_decided_items_do_not_come_back_unless_asked_for(corpus, ann, items, cars):
    answer(corpus, ann, cars, items[23], "accept")
    answer(corpus, ann, cars, items[43], "reject")
    asked = {"terms": like(items[3]), "k": 200, "label_class_id": cars.pk}
    got = search.rank(corpus, filters={}, **asked)
    assert got.total == 198
    assert not {items[23].pk, items[43].pk} & set(found(got))
    accepted = search.rank(corpus, filters={"states": ["accept"]}, **asked)
    assert found(accepted) == [items[23].pk]


def test_an_answer_counts_in_the_next_query(corpus, ann, items, cars):
    for n in (23, 43, 63):
        answer(corpus, ann, cars, items[n], "accept")
        got = search.rank(corpus, terms=like(items[3]), filters={}, k=200, label_class_id=cars.pk)
        assert items[n].pk not in found(got)


def test_an_undone_answer_brings_the_item_back(corpus, ann, items, cars):
    batch = uuid.uuid4()
    answer(corpus, ann, cars, items[23], "reject", batch=batch)
    asked = {"terms": like(items[3]), "filters": {}, "k": 200, "label_class_id": cars.pk}
    assert items[23].pk not in found(search.rank(corpus, **asked))
    undo_batch(corpus=corpus, batch=batch, operation_id=uuid.uuid4(), by=ann, is_manager=False)
    assert items[23].pk in found(search.rank(corpus, **asked))


def test_weak_labels_are_a_state_until_taken_back(corpus, mia, items, cars):
    ranked = QueryRound.objects.create(corpus=corpus, label_class=cars, created_by=mia, mode="similar")
    batch = WeakBatch.objects.create(
        corpus=corpus, label_class=cars, query_round=ranked, created_by=mia, first_n=1
    )
    WeakLabel.objects.create(batch=batch, item=items[9], label_class=cars, rank=0, similarity=0.9)
    asked = {"terms": like(items[3]), "k": 200, "label_class_id": cars.pk}
    assert found(search.rank(corpus, filters={"states": ["weak"]}, **asked)) == [items[9].pk]
    WeakBatch.objects.update(reverted_at=timezone.now())
    assert found(search.rank(corpus, filters={"states": ["weak"]}, **asked)) == []


def test_pages_follow_one_another_while_people_answer(corpus, ann, items, cars):
    asked = {"terms": like(items[3]), "filters": {}, "label_class_id": cars.pk}
    whole = found(search.rank(corpus, k=60, **asked))
    first = found(search.rank(corpus, k=20, round_id=1, **asked))
    for item in items:
        if item.pk in first[:10] or item.pk == whole[25]:
            answer(corpus, ann, cars, item, "reject")
    second = found(search.rank(corpus, k=20, offset=20, round_id=1, **asked))
    assert first == whole[:20]
    assert second == [item for item in whole[20:40] if item != whole[25]]


@pytest.mark.parametrize("mode", ["similar", "learned"])
def test_each_person_pages_through_an_order_of_their_own(corpus, ann, mia, items, cars, mode):
    """Two people ask the same, one after the other has decided; neither misses nor repeats a tile."""
    asked = {"terms": like(items[3]), "filters": {}, "label_class_id": cars.pk, "mode": mode, "k": 20}
    by_id = {item.pk: item for item in items}
    of_ann = found(search.rank(corpus, round_id=11, **asked))
    for item in of_ann[:15]:
        answer(corpus, ann, cars, by_id[item], "accept" if item in of_ann[:8] else "reject")
    of_mia = found(search.rank(corpus, round_id=12, **asked))  # begins without what Ann decided
    assert not set(of_ann[:15]) & set(of_mia)
    for item in of_mia[:15]:
        answer(corpus, mia, cars, by_id[item], "reject")
    decided = set(of_ann[:15]) | set(of_mia[:15])
    for offset in range(20, 200, 20):
        of_ann += found(search.rank(corpus, round_id=11, offset=offset, **asked))
        of_mia += found(search.rank(corpus, round_id=12, offset=offset, **asked))
    for seen in (of_ann, of_mia):
        assert len(seen) == len(set(seen))
        assert set(seen) | decided == set(by_id)


def test_a_page_asked_for_again_is_the_same_page(corpus, items):
    asked = {"terms": like(items[3]), "filters": {}, "round_id": 21, "k": 20}
    pages = [found(search.rank(corpus, offset=offset, **asked)) for offset in (0, 20, 40)]
    assert [found(search.rank(corpus, offset=offset, **asked)) for offset in (40, 0, 20)] == [
        pages[2],
        pages[0],
        pages[1],
    ]


def test_pages_go_on_while_media_is_added_and_deleted(corpus, items):
    """What was given keeps its place; what is new comes behind it, what is deleted leaves its place empty."""
    asked = {"terms": like(items[3]), "filters": {}, "round_id": 31, "k": 20}
    seen = found(search.rank(corpus, **asked))
    new = add_items(items[0].features.get().feature_set, clustered(40, seed=9))
    gone = [item for item in items if item.pk not in seen][:5]
    Item.objects.filter(pk__in=[item.pk for item in gone]).update(deleted_at=timezone.now())
    for offset in range(20, 240, 20):
        seen += found(search.rank(corpus, offset=offset, **asked))
    assert len(seen) == len(set(seen))
    assert set(seen) == {item.pk for item in [*items, *new]} - {item.pk for item in gone}


def test_stacks_are_one_tile_with_the_best_member_in_front(corpus, ann, cars):
    items = add_items(make_feature_set(corpus), clustered(60, num_clusters=12), num_per_stack=3)
    got = search.rank(corpus, terms=like(items[3]), filters={}, k=60, label_class_id=cars.pk)
    assert got.total == 20
    assert len({neighbor.stack for neighbor in got.neighbors}) == 20
    assert got.neighbors[0].item == items[3].pk
    assert {neighbor.count for neighbor in got.neighbors} == {3}
    single = search.rank(corpus, terms=like(items[3]), filters={}, k=60, fold=False)
    assert single.total == len(single.neighbors) == 60
    answer(corpus, ann, cars, items[4], "reject")
    got = search.rank(corpus, terms=like(items[3]), filters={}, k=60, label_class_id=cars.pk)
    assert got.neighbors[0].count == 2


def test_filters_narrow_by_kind_file_and_time(corpus, items):
    frames = add_items(items[0].features.get().feature_set, clustered(40, seed=5), kind="video")
    everything = {"terms": like(items[3]), "k": 500}
    video = search.rank(corpus, filters={"kinds": ["video"]}, **everything)
    assert set(found(video)) == {frame.pk for frame in frames}
    some = search.rank(
        corpus, filters={"kinds": ["video"], "start_seconds": 10, "stop_seconds": 20}, **everything
    )
    assert set(found(some)) == {frame.pk for frame in frames[10:20]}
    one = search.rank(corpus, filters={"media_files": [items[5].media_file_id]}, **everything)
    assert found(one) == [items[5].pk]
    near = search.rank(corpus, filters={"min_similarity": 0.8}, **everything)
    assert near.total == len(near.neighbors) < 60
    assert min(neighbor.similarity for neighbor in near.neighbors) >= 0.8


def test_deleted_items_are_gone_with_the_deletion(corpus, items):
    everything = {"terms": like(items[3]), "filters": {}, "k": 500}
    for item in items[20:30]:
        Item.objects.filter(pk=item.pk).update(deleted_at=timezone.now())
        assert item.pk not in found(search.rank(corpus, **everything))
    items[40].media_file.deleted_at = timezone.now()
    items[40].media_file.save()
    got = search.rank(corpus, **everything)
    assert items[40].pk not in found(got)
    assert got.total == 189


def test_new_vectors_are_found_at_once(corpus, items):
    search.rank(corpus, terms=like(items[3]), filters={}, k=1)
    (new,) = add_items(items[0].features.get().feature_set, clustered(1, seed=9))
    assert found(search.rank(corpus, terms=like(new), filters={}, k=1)) == [new.pk]


def test_learning_finds_more_of_what_was_accepted(corpus, ann, items, cars):
    """Two clusters are wanted; only one of them is near the example."""
    for n in (3, 23, 43, 4, 24, 44):
        answer(corpus, ann, cars, items[n], "accept")
    for n in (5, 6, 7, 8, 25, 26):
        answer(corpus, ann, cars, items[n], "reject")
    wanted = {item.pk for n, item in enumerate(items) if n % 20 in (3, 4) and n >= 60}
    asked = {"terms": like(items[3]), "filters": {}, "k": len(wanted), "label_class_id": cars.pk}
    similar = search.rank(corpus, **asked)
    learned = search.rank(corpus, mode="learned", **asked)
    assert learned.mode == "learned"
    assert learned.blend > 0
    assert len(set(found(learned)) & wanted) > len(set(found(similar)) & wanted)
    assert set(found(learned)) == wanted


def test_a_learned_ranking_is_in_the_order_of_the_second_look_and_of_its_neighborhood(
    corpus, ann, items, cars, vectors
):
    """A class in three of twenty places, answers from near and far: kernels rank what the query found."""
    accepted = [n for n in range(60) if n % 20 in (3, 9, 14)]
    rejected = [n for n in range(60) if n % 20 in (4, 8, 10, 13, 15)]
    for answered, what in ((accepted, "accept"), (rejected, "reject")):
        for n in answered:
            answer(corpus, ann, cars, items[n], what)
    x = vectors.astype(np.float16).astype(np.float32)
    rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(x), 2 * NUM_UNDECIDED)
    undecided = np.setdiff1d(np.arange(len(x)), [*accepted, *rejected])
    sampled = np.unique(rows[np.isin(rows, undecided)][:NUM_UNDECIDED])
    fitted = fit_query(
        x[3], x[accepted], x[rejected], x[sampled],
        positive_groups=np.array(accepted), negative_groups=np.array(rejected),
    )  # fmt: skip
    assert fitted.reranker is not None
    found = search.rank(
        corpus, mode="learned", terms=like(items[3]), filters={}, k=len(x), label_class_id=cars.pk
    )
    number = {item.pk: n for n, item in enumerate(items)}
    order = [number[neighbor.item] for neighbor in found.neighbors]
    assert sorted(order) == undecided.tolist()
    again = fitted.reranker.similarities(x[undecided])
    by_kernels = undecided[np.argsort(-again, kind="stable")]
    moved = fitted.neighborhood.order(x[by_kernels])
    assert moved is not None
    assert order == by_kernels[moved].tolist()
    similarities = np.array([neighbor.similarity for neighbor in found.neighbors])
    np.testing.assert_allclose(similarities, np.sort(again)[::-1], atol=2e-3)


def test_learning_needs_something_accepted(corpus, items, cars):
    with pytest.raises(search.SearchRefused, match="Accept at least one"):
        search.rank(corpus, terms=[], filters={}, k=5, label_class_id=cars.pk, mode="learned")


def test_a_restart_loses_nothing(corpus, ann, items, cars, service):
    answer(corpus, ann, cars, items[23], "accept")
    asked = {"terms": like(items[3]), "filters": {}, "k": 50, "label_class_id": cars.pk}
    before = search.rank(corpus, **asked)
    service.kill()
    with pytest.raises(search.SearchUnavailable):
        search.rank(corpus, **asked)
    service.start()
    assert search.rank(corpus, **asked).neighbors == before.neighbors


def test_a_lost_database_connection_is_made_anew(corpus, items):
    asked = {"terms": like(items[3]), "filters": {}, "k": 5}
    before = search.rank(corpus, **asked)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    assert search.rank(corpus, **asked).neighbors == before.neighbors


def test_a_published_build_is_used_and_a_damaged_one_is_not(corpus, mia, items, service):
    from indexing.tasks import build_index

    asked = {"terms": like(items[3]), "filters": {}, "k": 30}
    before = search.rank(corpus, **asked)
    assert before.build == ""
    build_index(jobs.enqueue("index_build", corpus=corpus, created_by=mia).pk)
    build = FeatureIndex.objects.get()
    with_build = search.rank(corpus, **asked)
    assert with_build.build == str(build.pk)
    assert found(with_build) == found(before)

    path = build_folder(build.pk) / "index.faiss"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    service.kill()
    service.start()
    without = search.rank(corpus, **asked)
    assert without.build == ""
    assert found(without) == found(before)
    assert "damaged" in search.status()["corpora"][str(corpus.pk)]["problem"]


def test_a_corpus_without_features_is_told_so(corpus):
    with pytest.raises(search.SearchRefused, match="no features yet"):
        search.rank(corpus, terms=[], filters={}, k=5)
