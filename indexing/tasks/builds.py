"""The job index_build: shards of a feature set in, a tested and published build out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from celery import shared_task
from django.conf import settings

from indexing.models import FeatureSet, FeatureShard, IndexingSettings, Unit
from indexing.services import builds as services
from indexing.services.features import shard_folder
from indexing.services.live_items import read_live_items
from indexing.services.sources import indexing_settings
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.params import OfUnit
from sisyphus_web.jobs.registry import params_of

if TYPE_CHECKING:
    import numpy as np


@shared_task(name="indexing.build_index", ignore_result=True)
def build_index(job_id: int) -> None:
    """Build the feature index of the corpus's active feature set, from its shards. Safe to run twice.

    Where the corpus has a region index, tiles get a build of their own, published with the other.
    Nothing to build, or a build that is still right, is an end like any other.
    """
    from indexing.compute.builds import write_build
    from indexing.compute.features import ShardDamaged
    from indexing.compute.manifests import BuildRefused
    from indexing.services.intake import check_space

    with jobs.running(job_id) as job:
        if job is None:
            return
        feature_set = services.set_to_build(job, params_of(job.params, OfUnit).unit)
        if feature_set is None:
            job.result = {"build": None, "reason": "there are no features yet"}
            return
        wanted = [
            kind for kind in _kinds(feature_set) if not services.is_current(feature_set, has_regions=kind)
        ]
        if not wanted:
            build = feature_set.builds.get(is_published=True, has_regions=False)
            job.result = {"build": str(build.pk), "reason": "still right"}
            return
        check_space()
        folder = settings.DATA_DIR / "runs" / str(job.pk) / str(job.attempt)
        shutil.rmtree(folder, ignore_errors=True)
        written = []
        try:
            for has_regions in wanted:
                shards = list(feature_set.shards.filter(has_regions=has_regions).order_by("pk"))
                num_rows = sum(shard.num_rows for shard in shards)
                note = "reading features of tiles" if has_regions else "reading features"
                jobs.report(job, units_done=0, units_total=num_rows, unit="vectors", note=note)
                place = folder / ("tiles" if has_regions else "whole")
                manifest = write_build(
                    place,
                    _live_blocks(feature_set, shards),
                    encoder=feature_set.encoder,
                    weights_sha256=feature_set.weights_sha256,
                    shard_ids=[shard.pk for shard in shards],
                    on_progress=lambda rows: jobs.report(job, units_done=rows),
                )
                written.append(services.Written(place, manifest, has_regions))
            jobs.report(job, note="publishing", force=True)
            services.publish(job, feature_set, written)
            shutil.rmtree(folder.parent, ignore_errors=True)  # published: no other attempt is needed
        except ShardDamaged as error:
            raise services.ShardUnreadable(str(error)) from error
        except BuildRefused as error:
            raise services.BuildFailed(str(error)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # this attempt's alone: another may be at work by now


def _kinds(feature_set: FeatureSet) -> list[bool]:
    """What is built: whole items, and tiles (True) where queries compare with them and there are some."""
    if feature_set.unit != Unit.FRAME:
        return [False]
    is_on = indexing_settings(feature_set.corpus).regions == IndexingSettings.Regions.TILES
    return [False, True] if is_on and feature_set.shards.filter(has_regions=True).exists() else [False]


def _live_blocks(feature_set: FeatureSet, shards: list[FeatureShard]) -> Iterator[tuple[np.ndarray, ...]]:
    """(item ids, vectors) of every shard, of tiles (item ids, vectors, slots), without what is deleted."""
    import numpy as np

    from indexing.compute.features import read_shard

    live = read_live_items(feature_set.corpus_id).item_ids
    for shard in shards:
        features = read_shard(shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        kept = np.isin(features.item_ids, live)
        if shard.has_regions:
            yield features.item_ids[kept], features.vectors[kept], features.slots[kept]
        else:
            yield features.item_ids[kept], features.vectors[kept]
