"""The books of training: files that are gone and a live version that nobody made live are told."""

import shutil

import pytest

from sisyphus_web import audit
from tests.training.conftest import run_job, trained
from training.models import ScoreSet
from training.services.scores import request_scores, score_folder
from training.services.versions import remove_orphans, version_folder

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_books_balance_until_something_is_lost(version, mia, tmp_path):
    made, other = trained(version, mia), trained(version, mia, options={"seed": 4})
    score_set = ScoreSet.objects.get(version=made)
    run_job(score_set.job)
    assert audit.check() == []
    assert remove_orphans() == []
    lost = next(score_folder(score_set.pk).glob("*.ids.npy"))
    lost.unlink()
    kept = shutil.copytree(version_folder(made), tmp_path / "kept")
    shutil.rmtree(version_folder(other))
    type(made).objects.filter(pk=made.pk).update(is_live=False)
    told = audit.check()
    assert [said.partition(":")[2] or said for said in told if "train it again" in said]
    assert any("score the corpus again" in said for said in told)
    assert any("another live version" in said for said in told)
    if not version_folder(made).is_dir():
        shutil.copytree(kept, version_folder(made))
    assert run_job(request_scores(made, by=mia).job).status == "done"
    assert lost.is_file()  # what the sentence says to do helps
