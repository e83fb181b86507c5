"""The job map_build: features in, a place in the plane for every item out."""

import numpy as np
from celery import shared_task

from indexing.services import projections as services
from indexing.services.features import active_set
from sisyphus_web.jobs import params, registry
from sisyphus_web.jobs import services as jobs

MAX_SAMPLE = 20_000  # features that landmarks are taken from


@shared_task(name="indexing.build_map", ignore_result=True)
def build_map(job_id: int) -> None:
    """Place every item that is not on the map; lay it out first where there is none. Safe to run twice."""
    from indexing.compute.projection import lay_out, place

    with jobs.running(job_id) as job:
        if job is None:
            return
        asked = registry.params_of(job.params, params.BuildMap)
        feature_set = active_set(job.corpus) if job.corpus is not None else None
        if feature_set is None or not feature_set.shards.exists():
            job.result = {"map": None, "reason": "there are no features yet"}
            return
        projection = feature_set.projections.filter(job=job).order_by("-pk").first()  # of an earlier attempt
        if projection is None and not asked.redraw:
            projection = feature_set.projections.filter(is_current=True).first()
        if projection is None:
            jobs.report(job, note="Laying out landmarks", force=True)
            num_rows = sum(feature_set.whole_shards.values_list("num_rows", flat=True))
            layout = lay_out(services.sample_of(feature_set, most=MAX_SAMPLE))
            projection = services.store_layout(job, feature_set, layout, num_laid_out=num_rows)
        layout = services.read_layout(projection)
        shards = services.shards_to_place(projection)
        num_done, total = 0, sum(shard.num_rows for shard in shards)
        jobs.report(job, note="Placing", units_done=0, units_total=total, unit="items", force=True)
        for shard in shards:
            vectors = services.read_features(feature_set, shard).vectors
            services.store_part(projection, shard, place(np.asarray(vectors), layout))
            num_done += shard.num_rows
            jobs.report(job, units_done=num_done)
        jobs.report(job, note="", units_done=num_done, force=True)
        with jobs.finishing(job):
            services.show(projection)
            job.result = {"map": projection.pk, "items": num_done, "landmarks": projection.num_landmarks}
        services.remove_old(feature_set)
