"""A corpus with a planted class: photos whose features lean to one direction are of it."""

from typing import NamedTuple

import numpy as np
import pytest

from indexing.compute.features import normalize
from indexing.models import FeatureSet, Item, MediaFile
from labeling.models import LabelClass
from labeling.services.datasets import create_version
from sisyphus_web.jobs.models import Job
from tests.factories import sha256_of
from tests.indexing.made import WIDTH, add_items, make_feature_set
from tests.labeling.conftest import cat, dog, operation  # noqa: F401 - fixtures
from tests.labeling.test_verdicts import record
from training import tasks
from training.models import ClassifierVersion, Run
from training.services.runs import request_run

TASKS = {
    "classifier_train": tasks.train_classifier,
    "classifier_fine_tune": tasks.fine_tune_classifier,
    "classifier_predict": tasks.predict_classifier,
    "classifier_infer": tasks.infer_classifier,
    "classifier_export": tasks.export_classifier,
}


def planted(
    num: int, *, share: float = 0.3, strength: float = 1.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """((num, WIDTH) float32 unit vectors, (num,) bool: which are of the class)."""
    rng = np.random.default_rng(seed)
    is_of = rng.random(num) < share
    direction = np.random.default_rng(99).standard_normal(WIDTH)
    direction /= np.linalg.norm(direction)
    vectors = rng.standard_normal((num, WIDTH)) / np.sqrt(WIDTH) + strength * is_of[:, None] * direction
    return normalize(vectors), is_of


class Planted(NamedTuple):
    feature_set: FeatureSet
    items: list[Item]
    is_of: np.ndarray


def plant(corpus, num: int = 240, *, feature_set: FeatureSet | None = None, **how) -> Planted:
    """`num` more photos, each a media file of its own, with their features."""
    vectors, is_of = planted(num, **how)
    feature_set = feature_set or make_feature_set(corpus)
    items = add_items(feature_set, vectors)
    for item in items:  # a group is called by the beginning of a sha256
        item.media_file.sha256 = sha256_of(item.media_file.sha256)
    MediaFile.objects.bulk_update([item.media_file for item in items], ["sha256"])
    return Planted(feature_set, items, is_of)


def decide(corpus, by, label_class: LabelClass, items, is_of) -> None:
    """Answer every one of the items as it truly is."""
    answers = ["accept" if each else "reject" for each in is_of]
    record(corpus, by, *(operation(i, label_class, a) for i, a in zip(items, answers, strict=True)))


def freeze(corpus, by, *label_classes, **shares):
    shares = {"val_share": 0.25, "test_share": 0.25} | shares
    return create_version(corpus=corpus, label_classes=label_classes, by=by, **shares)


def run_job(job: Job) -> Job:
    """Do the job here, as its worker would."""
    TASKS[job.kind](job.pk)
    job.refresh_from_db()
    return job


def trained(version, by, **asked) -> ClassifierVersion:
    """The classifier version of a run that was asked for and done."""
    run: Run = request_run(version=version, by=by, **asked)
    job = run_job(run.job)
    assert job.status == "done", f"{job.error_code}: {job.error_text}"
    return ClassifierVersion.objects.select_related("run", "classifier").get(run=run)


@pytest.fixture
def there(corpus) -> Planted:
    """240 photos, about 72 of them of the class."""
    return plant(corpus)


@pytest.fixture
def version(corpus, ann, mia, cat, there):  # noqa: F811 - the fixture
    """A dataset version with an answer to each of the photos."""
    decide(corpus, ann, cat, there.items, there.is_of)
    return freeze(corpus, mia, cat)
