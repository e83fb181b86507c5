"""A build that is killed at any point is never half visible, and the next attempt publishes a right one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from indexing.compute.builds import open_build
from indexing.models import FeatureIndex, Item
from indexing.services import builds
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.indexing.made import add_items, clustered, make_feature_set

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]
MOST_POINTS = 300
STEP = 3  # a neighbor differs little


class Builder:
    """The process of crashing.py."""

    def __init__(self) -> None:
        head, _, query = os.environ["DATABASE_URL"].partition("?")
        name = connection.settings_dict["NAME"]
        env = os.environ | {
            "DATABASE_URL": f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else ""),
            "DJANGO_SETTINGS_MODULE": "sisyphus_web.settings",
            "SISYPHUS_DATA_DIR": str(settings.DATA_DIR),
            "SISYPHUS_FREE_SPACE_FLOOR_BYTES": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.crashing"],
            cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def build(self, job: Job, *, killed_at: int = 0) -> bool:
        """Run the job, up to that point; whether it came to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{job.pk} {killed_at}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer in {"done", "killed"}, "the building process has ended"
        return answer == "done"


@pytest.fixture
def builder() -> Iterator[Builder]:
    made = Builder()
    yield made
    made.process.communicate(timeout=120)  # closes its input, which ends it


def visible() -> FeatureIndex:
    """The one published build; it opens, and holds every item it should."""
    published = FeatureIndex.objects.get(is_published=True)
    opened = open_build(builds.build_folder(published.pk), manifest_sha256=published.manifest_sha256)
    live = Item.objects.live().values_list("pk", flat=True)
    assert set(live) <= set(opened.item_ids.tolist())
    assert builds.problems(with_hashes=True) == []
    return published


def test_a_build_killed_at_any_point_is_never_half_visible(corpus, builder, monkeypatch):
    items = add_items(make_feature_set(corpus), clustered(400))
    assert builder.build(jobs.enqueue("index_build", corpus=corpus))
    kills = 0
    for point, item in zip(range(1, MOST_POINTS, STEP), items, strict=False):
        before = visible()
        Item.objects.filter(pk=item.pk).update(deleted_at=timezone.now())  # so there is something to build
        job = jobs.enqueue("index_build", corpus=corpus)
        is_done = builder.build(job, killed_at=point)
        kills += not is_done
        after = visible()
        job.refresh_from_db()
        assert (after == before) == (job.status == "running"), "published if and only if the job has ended"
        if job.status == "running":
            assert jobs.take_back(job, "killed")  # as the dispatcher does when the lease is over
            assert builder.build(job)
            job.refresh_from_db()
            assert not (settings.DATA_DIR / "runs" / str(job.pk)).exists()
        assert job.status == "done", job.error_text
        assert visible().num_vectors == Item.objects.live().count()
        if is_done:
            break
    else:
        pytest.fail(f"a build has more than {MOST_POINTS} points")
    assert kills * STEP > 20, "too few points to say much"
    monkeypatch.setattr(builds, "ORPHAN_SECONDS", -1)
    builds.remove_orphans()
    known = {str(pk) for pk in FeatureIndex.objects.values_list("pk", flat=True)}
    assert {folder.name for folder in (settings.DATA_DIR / "indexes").iterdir()} == known
