"""Who lost a job takes nothing away from who has it."""

from pathlib import Path

import pytest

from sisyphus_web.jobs.models import Job
from tests.training.conftest import run_job
from training.models import Classifier
from training.services.runs import request_run

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_attempt_that_lost_its_job_leaves_the_folder_of_its_successor(version, mia, monkeypatch, settings):
    from training.services import versions

    run = request_run(version=version, by=mia)
    successor = Path(settings.DATA_DIR) / "runs" / str(run.job_id) / "2"
    publish = versions.publish

    def lost_before(*given, **named):
        Job.objects.filter(pk=run.job_id).update(attempt=2)
        successor.mkdir(parents=True)
        (successor / "weights").write_bytes(b"half")
        return publish(*given, **named)

    monkeypatch.setattr(versions, "publish", lost_before)
    run_job(run.job)
    assert not Classifier.objects.get().versions.exists()
    assert [path.name for path in successor.iterdir()] == ["weights"]
    assert [path.name for path in successor.parent.iterdir()] == ["2"]
