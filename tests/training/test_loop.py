"""Scores in the loop: a term, a filter, proposals; new media are scored; the second model beats the first."""

from uuid import uuid4

import numpy as np
import pytest
from rest_framework.test import APIClient

from indexing.models import FeatureSet
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.training.conftest import decide, freeze, plant, run_job, trained
from training.models import ScoreSet, ScoreShard
from training.services.scores import read_scores

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


def post(client, path, body=None):
    return client.post(path, body or {}, format="json")


def scored(version) -> dict[int, float]:
    """Item -> score of the only class, once its job was done."""
    run_job(ScoreSet.objects.get(version=version).job)
    found = read_scores(ScoreSet.objects.get(version=version))
    return dict(zip(found.item_ids.tolist(), found.values[:, 0].tolist(), strict=True))


class TestAQuery:
    @pytest.fixture
    def made(self, version, mia):
        return trained(version, mia, name="cats")

    def rank(self, client, api, **asked):
        answer = post(client, f"{api}/rank/", {"k": 200, "fold": False, "filters": {}} | asked)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def test_a_classifier_term_ranks_as_the_scores_do(self, client, api, made):
        term = {"kind": "classifier", "classifier": made.classifier_id}
        truth = scored(made)
        for weight in (1, -1):
            found = self.rank(client, api, terms=[term | {"weight": weight}], k=240)["neighbors"]
            in_order = [weight * truth[each["item"]] for each in found]
            assert len(in_order) == 240
            assert in_order == sorted(in_order, reverse=True)
            assert {each["why"]["source"] for each in found} == {"classifier"}

    def test_the_line_names_it_too(self, client, api, made):
        truth = scored(made)
        found = self.rank(client, api, filters={}, q="classifier:Cats")["neighbors"]
        # scores that are 1 but for float32 may be several
        assert truth[found[0]["item"]] == pytest.approx(max(truth.values()), abs=1e-6)
        both = self.rank(client, api, q="classifier:cats score:cats>=0.3,cats<0.9")
        within = {item for item, score in truth.items() if 0.3 <= score < 0.9}
        assert {each["item"] for each in both["neighbors"]} == within
        assert both["q"] == "score:cats<0.9,cats>=0.3"
        browsed = self.rank(client, api, mode="browse", q="score:cats>=0.9")
        assert {each["item"] for each in browsed["neighbors"]} == {i for i, s in truth.items() if s >= 0.9}

    @pytest.mark.parametrize(
        ("asked", "status", "code"),
        [
            ({"terms": [{"kind": "classifier", "classifier": 10**9}]}, 404, "not_found"),
            ({"terms": [{"kind": "classifier"}]}, 400, "bad-term"),
            ({"q": "classifier:dogs"}, 400, "no-classifier"),
            ({"q": "score:cats"}, 400, "bad-filter"),
            ({"q": "score:cats>=2"}, 400, "bad-filter"),
            ({"q": "classifier:cats/dog"}, 400, "bad-filter"),
            ({"q": "score:cats>=0.5", "mode": "browse"}, 409, "not-scored"),
            ({"mode": "browse", "filters": {"scores": [{"classifier": 10**9}]}}, 404, "not_found"),
        ],
    )
    def test_what_cannot_be_asked_is_said(self, client, api, made, asked, status, code):
        answer = post(client, f"{api}/rank/", asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()

    def test_a_choice_between_classes_ranks_by_its_stored_scores(
        self, client, api, corpus, ann, mia, cat, dog, there
    ):
        others = plant(corpus, 120, feature_set=there.feature_set, share=1.0, seed=5)
        decide(corpus, ann, cat, there.items, [True] * 240)
        decide(corpus, ann, dog, others.items, [True] * 120)
        made = trained(freeze(corpus, mia, cat, dog), mia, target="multi_class", name="pets")
        run_job(ScoreSet.objects.get(version=made).job)
        found = self.rank(client, api, q="classifier:pets/dog")["neighbors"]
        truth = read_scores(ScoreSet.objects.get(version=made))
        best = truth.item_ids[np.lexsort((truth.item_ids, -truth.values[:, 1]))]
        assert [each["item"] for each in found[:20]] == best[:20].tolist()
        assert found[0]["similarity"] == pytest.approx(float(truth.values[:, 1].max()), abs=1e-5)

    def test_the_live_classifier_proposes_what_nobody_answered(self, client, api, corpus, cat, made, there):
        new = plant(corpus, 100, feature_set=there.feature_set, seed=11)
        truth = scored(made)
        term = {"kind": "item", "item": there.items[0].pk}
        asked = {"class": cat.pk, "terms": [term], "k": 50, "mix": {"harvest": 0.5, "classifier": 0.5}}
        found = self.rank(client, api, **asked)
        assert found["mix"] == {"harvest": 0.5, "classifier": 0.5}
        proposed = [each for each in found["neighbors"] if each["why"]["preset"] == "classifier"]
        assert {each["why"]["source"] for each in proposed} == {"classifier"}
        undecided = sorted((item.pk for item in new.items), key=lambda pk: -truth[pk])
        assert proposed[0]["item"] in undecided[:3]
        threshold = made.operating_points.get().threshold
        nearest = sorted(undecided, key=lambda pk: abs(truth[pk] - threshold))
        found = self.rank(client, api, **asked | {"mix": {"uncertain": 1.0}})
        assert {each["item"] for each in found["neighbors"][:5]} <= set(nearest[:8])

    def test_without_a_classifier_the_share_goes_to_the_others_and_it_is_said(
        self, client, api, version, cat, there
    ):
        asked = {
            "class": cat.pk,
            "terms": [{"kind": "item", "item": there.items[0].pk}],
            "mix": {"harvest": 0.5, "classifier": 0.5},
        }
        assert any("no live classifier" in note for note in self.rank(client, api, **asked)["notes"])


class TestScoring:
    def test_new_features_are_scored_by_what_is_live_once(self, corpus, version, mia, there):
        made = trained(version, mia)
        scored(made)
        plant(corpus, 50, feature_set=there.feature_set, seed=3)
        for _ in range(2):  # an ingest of nothing new follows
            job = jobs.enqueue("features_extract", corpus=corpus, created_by=mia)
            claimed = jobs.claim(job.pk)
            jobs.finish(claimed)
        waiting = Job.objects.filter(kind="classifier_predict", status="queued")
        assert waiting.count() == 1
        run_job(waiting.get())
        assert len(read_scores(ScoreSet.objects.get()).item_ids) == 290
        job = jobs.enqueue("features_extract", corpus=corpus, created_by=mia)
        jobs.finish(jobs.claim(job.pk))
        assert not waiting.exists()
        assert ScoreSet.objects.get().is_current

    def test_a_killed_job_goes_on_with_the_chunks_that_are_missing(
        self, corpus, version, mia, there, monkeypatch
    ):
        from training.services import scores
        from training.tasks import predict

        plant(corpus, 60, feature_set=there.feature_set, seed=3)
        plant(corpus, 60, feature_set=there.feature_set, seed=4)
        monkeypatch.setattr(predict, "CHUNK_ROWS", 60)
        job = ScoreSet.objects.get(version=trained(version, mia)).job
        store = scores.store_scores

        def killed_at_the_second(*given, **named):
            if ScoreShard.objects.count() == 1:
                raise KeyboardInterrupt
            return store(*given, **named)

        monkeypatch.setattr(scores, "store_scores", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_job(job)
        job.refresh_from_db()
        assert (job.status, ScoreShard.objects.count()) == ("queued", 1)
        kept = ScoreShard.objects.get()
        monkeypatch.setattr(scores, "store_scores", store)
        assert run_job(job).status == "done"
        assert ScoreShard.objects.order_by("pk").first() == kept
        assert ScoreShard.objects.count() == 3
        assert job.result["num_scores"] == 360

    def test_who_lost_the_job_stores_nothing(self, version, mia, there):
        from training.services.scores import store_scores

        score_set = ScoreSet.objects.get(version=trained(version, mia))
        claimed = jobs.claim(score_set.job_id)
        Job.objects.filter(pk=claimed.pk).update(attempt=claimed.attempt + 1, attempt_limit=9)
        with pytest.raises(jobs.Stopped):
            store_scores(
                claimed,
                score_set,
                np.array([1], np.int64),
                np.zeros((1, 1), np.float32),
                of_features=[],
            )
        assert not ScoreShard.objects.exists()

    def test_deleted_items_are_not_counted(self, version, mia, there):
        made = trained(version, mia)
        type(there.items[0]).objects.filter(pk=there.items[0].pk).update(deleted_at="2026-11-21T00:00Z")
        scored(made)
        score_set = ScoreSet.objects.get()
        assert sum(score_set.histograms[str(made.run.class_ids[0])]) == 239


def test_the_full_circle_makes_a_better_model(client, api, corpus, ann, mia, cat):
    """verdicts -> version -> probe -> scores -> candidates -> verdicts -> a second model, better held out."""
    all_of_it = plant(corpus, 1500, share=0.08, strength=0.75)
    truth = {item.pk: bool(is_of) for item, is_of in zip(all_of_it.items, all_of_it.is_of, strict=True)}
    few = [*np.flatnonzero(all_of_it.is_of)[:8], *np.flatnonzero(~all_of_it.is_of)[:12]]
    decide(corpus, ann, cat, [all_of_it.items[n] for n in few], [all_of_it.is_of[n] for n in few])
    first_version = post(client, f"{api}/datasets/", {"val_share": 0.2, "test_share": 0.2}).json()
    first = _trained_over_rest(client, api, first_version["id"])
    for _ in range(4):
        asked = {
            "class": cat.pk,
            "terms": [{"kind": "classifier", "classifier": first["classifier"]}],
            "mix": {"classifier": 0.5, "uncertain": 0.5},
            "k": 100,
            "filters": {},
        }
        page = post(client, f"{api}/rank/", asked).json()
        answers = [
            {
                "operation_id": str(uuid4()),
                "batch": str(uuid4()),
                "item": each["item"],
                "class": cat.pk,
                "answer": "accept" if truth[each["item"]] else "reject",
                "base_version": each["version"],
                "round": page["round"],
            }
            for each in page["neighbors"]
        ]
        assert len(answers) > 50
        assert post(client, f"{api}/verdicts/", {"operations": answers}).status_code == 200
    later = post(client, f"{api}/datasets/", {"val_share": 0.2, "test_share": 0.2}).json()
    second = _trained_over_rest(client, api, later["id"], go_live=True)
    versions = f"{api}/classifier-versions"
    compared = client.get(f"{versions}/{second['id']}/compare/{first['id']}/", {"on": later["id"]}).json()
    assert compared["better"] > 0.03, compared["better"]
    assert compared["num_items"] > 30


def _trained_over_rest(client, api, dataset_version, **more):
    run = post(
        client, f"{api}/runs/", {"dataset_version": dataset_version, "classifier": "cats"} | more
    ).json()
    assert run_job(Job.objects.get(pk=run["job"])).status == "done"
    done = client.get(f"{api}/runs/{run['id']}/").json()
    version = client.get(f"{api}/classifier-versions/{done['version']}/").json()
    state = client.get(f"{api}/classifier-versions/{version['id']}/scores/").json()
    assert run_job(Job.objects.get(pk=state["job"])).status == "done"
    assert FeatureSet.objects.count() == 1
    return version
