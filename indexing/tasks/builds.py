"""The job index_build: shards of a feature set in, a tested and published build out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from celery import shared_task
from django.conf import settings

from indexing.models import FeatureSet, FeatureShard
from indexing.services import builds as services
from indexing.services.features import shard_folder
from indexing.services.live_items import read_live_items
from sisyphus_web.jobs import services as jobs

if TYPE_CHECKING:
    import numpy as np


@shared_task(name="indexing.build_index", ignore_result=True)
def build_index(job_id: int) -> None:
    """Build the feature index of the corpus's active feature set, from its shards. Safe to run twice.

    Nothing to build, or a build that is still right, is an end like any other.
    """
    from indexing.compute.builds import write_build
    from indexing.compute.features import ShardDamaged
    from indexing.compute.manifests import BuildRefused
    from indexing.services.intake import check_space

    with jobs.running(job_id) as job:
        if job is None:
            return
        feature_set = services.set_to_build(job)
        if feature_set is None:
            job.result = {"build": None, "reason": "there are no features yet"}
            return
        if services.is_current(feature_set):
            job.result = {"build": str(feature_set.builds.get(is_published=True).pk), "reason": "still right"}
            return
        check_space()
        shards = list(feature_set.shards.order_by("pk"))
        num_rows = sum(shard.num_rows for shard in shards)
        jobs.report(job, units_total=num_rows, unit="vectors", note="reading features")
        folder = settings.DATA_DIR / "runs" / str(job.pk) / str(job.attempt)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            manifest = write_build(
                folder,
                _live_blocks(feature_set, shards),
                encoder=feature_set.encoder,
                weights_sha256=feature_set.weights_sha256,
                shard_ids=[shard.pk for shard in shards],
                on_progress=lambda rows: jobs.report(job, units_done=rows),
            )
            jobs.report(job, note="publishing", force=True)
            services.publish(job, feature_set, folder, manifest)
        except ShardDamaged as error:
            raise services.ShardUnreadable(str(error)) from error
        except BuildRefused as error:
            raise services.BuildFailed(str(error)) from error
        finally:
            shutil.rmtree(folder.parent, ignore_errors=True)


def _live_blocks(
    feature_set: FeatureSet, shards: list[FeatureShard]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(item ids, vectors) of every shard, without the items that are deleted."""
    import numpy as np

    from indexing.compute.features import read_shard

    live = read_live_items(feature_set.corpus_id).item_ids
    for shard in shards:
        features = read_shard(shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        kept = np.isin(features.item_ids, live)
        yield features.item_ids[kept], features.vectors[kept]
