"""Feature index builds: start one, publish it, keep the ones that are needed, check that they are right."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import transaction

from indexing.compute.files import sha256_of, sync_folder
from indexing.compute.manifests import BuildRefused, Manifest, read_manifest, set_hash, verify_files
from indexing.models import FeatureIndex, FeatureRow, FeatureSet, Unit
from indexing.services.features import of_unit
from indexing.services.live_items import read_live_items
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job

KEPT_BUILDS = 2  # the published one, and the one before it for when that is damaged
ORPHAN_SECONDS = 24 * 3600  # a folder without a row may be one whose publication is on its way
STALE_SHARE = 0.05  # of items deleted since the build: above it, build anew


class NoFeatures(JobError):
    """The corpus has no features yet, so there is nothing to build from."""

    code = "no-features"


class ShardUnreadable(JobError):
    """A shard of the feature set is missing or damaged."""

    code = "shard-unreadable"


class BuildFailed(JobError):
    """What was written did not pass its own test."""

    code = "build-self-test"


def start_build(
    corpus: Corpus, *, created_by: User | None, after: Sequence[Job] = (), unit: str = Unit.FRAME
) -> Job:
    """Enqueue a build over the active feature set; NoFeatures when there will be nothing to build."""
    of_corpus = FeatureRow.objects.filter(feature_set__corpus=corpus, feature_set__unit=unit)
    if not after and not of_corpus.exists():
        raise NoFeatures("This corpus has no features yet: ingest media and wait for their features.")
    return jobs.enqueue("index_build", corpus=corpus, created_by=created_by, after=after, **of_unit(unit))


def build_folder(build_id: uuid.UUID | str) -> Path:
    """Where a published build lies."""
    return settings.DATA_DIR / "indexes" / str(build_id)


def set_to_build(job: Job, unit: str) -> FeatureSet | None:
    """The active feature set of a unit of the job's corpus, if it has a shard."""
    found = FeatureSet.objects.filter(corpus=job.corpus_id, is_active=True, unit=unit).first()
    return found if found is not None and found.shards.exists() else None


def is_current(feature_set: FeatureSet, *, has_regions: bool = False) -> bool:
    """Whether the published build, of whole items or of tiles, holds exactly the live items that have such
    features, its files unchanged."""
    build = feature_set.builds.filter(is_published=True, has_regions=has_regions).first()
    if build is None:
        return False
    try:
        manifest = read_manifest(build_folder(build.pk), sha256=build.manifest_sha256)
        verify_files(build_folder(build.pk), manifest)
    except BuildRefused:
        return False
    if feature_set.shards.filter(has_regions=has_regions).exclude(pk__in=manifest.shard_ids).exists():
        return False
    return manifest.item_ids_sha256 == set_hash(_items_with_features(build, manifest))


class Written(NamedTuple):
    """A build that was written and tested, not in use yet."""

    folder: Path
    manifest: Manifest
    has_regions: bool


def publish(job: Job, feature_set: FeatureSet, written: Sequence[Written]) -> list[FeatureIndex]:
    """Move tested builds to their place and make them the ones in use, with the job's end: all, or nothing.

    Nobody but a worker whose job is still its own gets that far; a folder moved in vain has no row,
    and is removed as an orphan later.
    """
    builds = [_placed(job, feature_set, each) for each in written]
    with jobs.finishing(job):
        FeatureSet.objects.select_for_update().get(pk=feature_set.pk)
        job.result = {}
        for build in builds:
            of_kind = feature_set.builds.filter(has_regions=build.has_regions)
            of_kind.filter(is_published=True).update(is_published=False)
            build.save(force_insert=True)
            said = _said_of(build)
            job.result |= {"regions": said} if build.has_regions else said
        transaction.on_commit(lambda: remove_old(feature_set), robust=True)
    return builds


def _said_of(build: FeatureIndex) -> dict[str, object]:
    return {
        "build": str(build.pk),
        "factory": build.factory,
        "num_vectors": build.num_vectors,
        "recall_at_100": round(build.recall_at_100, 4),
    }


def _placed(job: Job, feature_set: FeatureSet, written: Written) -> FeatureIndex:
    """The row, not saved, of a build whose folder was moved to its place."""
    folder, manifest, has_regions = written
    build = FeatureIndex(
        feature_set=feature_set,
        job=job,
        has_regions=has_regions,
        factory=manifest.factory,
        num_vectors=manifest.num_vectors,
        last_shard_id=max(manifest.shard_ids),
        recall_at_10=manifest.recall_at_10,
        recall_at_100=manifest.recall_at_100,
        recall_num_queries=manifest.recall_num_queries,
        manifest_sha256=sha256_of(folder / "manifest.json"),
        is_published=True,
    )
    place = build_folder(build.pk)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    sync_folder(place.parent)
    return build


def remove_old(feature_set: FeatureSet) -> None:
    """Forget all but the newest builds of each kind; a search service keeps open what it still reads."""
    for has_regions in (False, True):
        builds = feature_set.builds.filter(has_regions=has_regions)
        for build in builds.order_by("-is_published", "-created_at")[KEPT_BUILDS:]:
            folder = build_folder(build.pk)  # a deleted row has lost its id
            build.delete()
            shutil.rmtree(folder, ignore_errors=True)


def remove_orphans() -> list[str]:
    """Remove build folders that have had no row for a day; their names."""
    place = settings.DATA_DIR / "indexes"
    if not place.is_dir():
        return []
    known = {str(pk) for pk in FeatureIndex.objects.values_list("pk", flat=True)}
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.iterdir() if each.name not in known and each.stat().st_mtime < limit]
    for orphan in orphans:
        shutil.rmtree(orphan, ignore_errors=True)
    return [orphan.name for orphan in orphans]


def problems(*, with_hashes: bool = False) -> list[str]:
    """One sentence per published build that is missing, has changed, or holds other items than it should."""
    published = FeatureIndex.objects.filter(is_published=True).select_related("feature_set__corpus")
    return [problem for build in published for problem in _problems_of(build, with_hashes=with_hashes)]


def _problems_of(build: FeatureIndex, *, with_hashes: bool) -> Iterator[str]:
    name = f"build {build.pk} of corpus {build.feature_set.corpus_id}"
    folder = build_folder(build.pk)
    try:
        manifest = read_manifest(folder, sha256=build.manifest_sha256)
        verify_files(folder, manifest, with_hashes=with_hashes)
        inside = np.unique(np.load(folder / "ids.npy", allow_pickle=False))
    except (BuildRefused, ValueError) as error:
        yield f"{name}: {error}; start a new build"
        return
    expected = _items_with_features(build, manifest)
    if lacking := len(np.setdiff1d(expected, inside)):
        yield f"{name} lacks {lacking} items whose features it should hold; start a new build"
    tombstones = np.setdiff1d(inside, expected)
    if live := len(np.intersect1d(tombstones, read_live_items(build.feature_set.corpus_id).item_ids)):
        yield f"{name} holds {live} live items that have no features; start a new build"
    if len(tombstones) > max(100, STALE_SHARE * len(inside)):
        yield f"{name} still holds {len(tombstones)} deleted items; start a new build"


def _items_with_features(build: FeatureIndex, manifest: Manifest) -> np.ndarray:
    """(n,) int64: live items with a feature in the shards that the build was made of."""
    rows = FeatureRow.objects.filter(feature_set=build.feature_set_id, shard__in=manifest.shard_ids)
    items = np.fromiter(rows.values_list("item_id", flat=True).iterator(50_000), np.int64)
    return np.intersect1d(items, read_live_items(build.feature_set.corpus_id).item_ids)
