"""The job stacks_build: items without a stack to stacks, by the features that queries use."""

from celery import shared_task

from indexing.services import stacks as services
from indexing.services.features import active_set
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.params import OfUnit
from sisyphus_web.jobs.registry import params_of


@shared_task(name="indexing.build_stacks", ignore_result=True)
def build_stacks(job_id: int) -> None:
    """Stack what is near-identical. Safe to run twice, stop half-way, continue: stacked items stay."""
    from indexing.compute.stacks import group

    with jobs.running(job_id) as job:
        if job is None:
            return
        corpus, unit = job.corpus, params_of(job.params, OfUnit).unit
        feature_set = active_set(corpus, unit) if corpus is not None else None
        counts = {"items": 0, "stacked": 0, "stacks": 0}
        if feature_set is not None:
            jobs.report(job, note="Reading features", force=True)
            ids, items = services.stack_items(feature_set)
            jobs.report(job, note="Comparing", units_done=0, units_total=len(ids), unit="items", force=True)
            grouped = group(items)
            services.store_stacks(job, ids, items, grouped)
            jobs.report(job, note="", units_done=len(ids), force=True)
            num_stacked = len(grouped.joining) + sum(map(len, grouped.new))
            counts = {"items": len(ids), "stacked": num_stacked, "stacks": len(grouped.new)}
        with jobs.finishing(job):
            job.result = counts
