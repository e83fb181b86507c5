"""Workers killed amid a classifier's training, scoring and export: as if nothing had happened."""

import os
import signal
from collections.abc import Callable

import numpy as np
import pytest

from indexing.services.features import start_extract
from labeling.models import LabelClass
from sisyphus_web.jobs.models import Job
from tests.faults.conftest import is_alive, is_done, is_running, pid_of, until
from tests.faults.test_real_work import kill_worker, outcomes
from tests.training.conftest import decide, freeze
from tests.training.test_networks import photo
from training.compute.probe import Probe
from training.models import ClassifierVersion, OnnxExport, Run, ScoreSet
from training.services.examples import read_features
from training.services.onnx import export_folder, request_onnx
from training.services.runs import request_run
from training.services.scores import read_scores
from training.services.versions import checked_folder, set_live

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NUM_PHOTOS = 32


def hurt(site, request: Callable[[], Job]) -> None:
    """Kill the process of the job asked for, then the worker that goes on with it; it is done even so."""
    with site.gate_shut():
        job = request()
        until(lambda: is_running(job))
        pid = pid_of(job)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid))
        until(lambda: is_running(job) and job.attempt == 2)
        kill_worker(site)
    until(lambda: is_done(job), seconds=240)
    assert outcomes(job) == ["lost", "lost", "done"]
    until(lambda: not (site.folder / "runs" / str(job.pk)).exists())  # right after the end is published


def test_a_classifier_whose_workers_are_killed_is_trained_scores_and_becomes_onnx(
    site, data_dir, corpus, mia, ann
):
    given = data_dir / "given"
    given.mkdir()
    is_red = [number % 2 == 0 for number in range(NUM_PHOTOS)]
    photos = [photo(corpus, given, number, is_red=each) for number, each in enumerate(is_red)]
    extracted = start_extract(corpus, encoder="builtin@1", created_by=mia)
    red = LabelClass.objects.create(corpus=corpus, name="red", created_by=mia)
    decide(corpus, ann, red, photos, is_red)
    dataset = freeze(corpus, mia, red)
    until(lambda: is_done(extracted), seconds=240)

    undisturbed = request_run(version=dataset, by=mia)
    until(lambda: is_done(undisturbed.job), seconds=240)
    hurt(site, lambda: request_run(version=dataset, by=mia).job)
    killed = Run.objects.exclude(pk=undisturbed.pk).get()
    undisturbed.refresh_from_db()
    assert (killed.evaluation, killed.curve) == (undisturbed.evaluation, undisturbed.curve)
    version = ClassifierVersion.objects.get(run=killed)

    def scored() -> Job:
        set_live(version, by=mia)
        return ScoreSet.objects.get(version=version).job

    hurt(site, scored)
    found = read_scores(ScoreSet.objects.get(version=version))
    assert found.item_ids.tolist() == [item.pk for item in photos]
    there, features = read_features(killed.feature_set, found.item_ids)
    expected = Probe.load(checked_folder(version)).scores(features)
    np.testing.assert_allclose(found.values[np.searchsorted(found.item_ids, there)], expected, atol=1e-3)

    hurt(site, lambda: request_onnx(version, by=mia).job)
    done: OnnxExport = OnnxExport.objects.get(version=version)
    (head,) = done.files.values()
    assert head["largest_difference"] <= 1e-4
    assert (export_folder(done) / head["file"]).stat().st_size == head["size_bytes"]
