"""The job classifier_export: a version in, ONNX files that answer as torch does out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.conf import settings

from indexing.compute.files import sha256_of
from indexing.services.features import EncoderNotUsable
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import ExportClassifier
from sisyphus_web.jobs.registry import params_of
from training.models import ClassifierVersion, OnnxExport, Run
from training.services import onnx as services
from training.services.refusals import REFUSALS, NotTrainable
from training.services.versions import checked_folder
from training.tasks.pictures import ItemPictures

if TYPE_CHECKING:
    import numpy as np

    from training.compute.onnx_files import Exported

NUM_PICTURES = 8  # of the dataset version: both engines must answer alike on them
DECODE_SIDE_PX = 448  # enough for every encoder that can be put into a graph


@shared_task(name="training.export_classifier", ignore_result=True)
def export_classifier(job_id: int) -> None:
    """Write the ONNX files of a version, compared on its own pictures. Safe to run twice."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        export = OnnxExport.objects.select_related("version__run", "version__classifier").get(
            pk=params_of(job.params, ExportClassifier).onnx_export
        )
        folder = Path(settings.DATA_DIR) / "runs" / str(job.pk) / str(job.attempt)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            files, note = _write(job, export.version, folder)
            jobs.report(job, note="publishing", force=True)
            with jobs.finishing(job):
                services.publish(export, folder, job=job, files=files, note=note)
                job.result = {"onnx_export": export.pk, "files": sorted(files)}
            shutil.rmtree(folder.parent, ignore_errors=True)  # published: no other attempt is needed
        except REFUSALS as error:
            raise NotTrainable(error) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # this attempt's alone: another may be at work by now


def _write(job: Job, version: ClassifierVersion, folder: Path) -> tuple[dict[str, Any], str]:
    """(part -> facts of its file, why a part is missing)."""
    jobs.report(job, note="reading pictures", force=True)
    pictures = _pictures(version)
    jobs.report(job, note="writing and comparing", force=True)
    title = f"{version.classifier.name}, version {version.number}"
    points = services.operating_points_of(version)
    if version.run.kind == Run.Kind.FINE_TUNE:
        written, note = _network(version, folder, pictures, points, title)
    else:
        written, note = _probe(version, folder, pictures, points, title)
    return {part: _facts(version, part, exported) for part, exported in written.items()}, note


def _probe(
    version: ClassifierVersion, folder: Path, pictures: list[np.ndarray], points: dict[str, Any], title: str
) -> tuple[dict[str, Exported], str]:
    from indexing.compute import encoders
    from training.compute.onnx_heads import export_probe
    from training.compute.probe import Probe

    try:
        files = export_probe(
            Probe.load(checked_folder(version)),
            folder,
            pictures,
            encoder_key=version.run.encoder,
            model_dir=settings.MODEL_DIR,
            operating_points=points,
            title=title,
        )
    except (encoders.EncoderUnknown, encoders.WeightsMissing, encoders.WeightsRefused) as error:
        raise EncoderNotUsable(str(error)) from error
    written = {"head": files.head, "whole": files.whole, "whole_any_size": files.any_size}
    return {part: made for part, made in written.items() if made is not None}, files.why_not


def _network(
    version: ClassifierVersion, folder: Path, pictures: list[np.ndarray], points: dict[str, Any], title: str
) -> tuple[dict[str, Exported], str]:
    from training.compute.onnx_networks import export_both
    from training.tasks.scorers import NetworkScorer

    classifier = NetworkScorer(checked_folder(version)).calibrated()
    files = export_both(classifier, folder, pictures, operating_points=points, title=title)
    written = {"network": files.network, "network_any_size": files.any_size}
    return {part: made for part, made in written.items() if made is not None}, files.why_no_any_size


def _facts(version: ClassifierVersion, part: str, exported: Exported) -> dict[str, Any]:
    return {
        "file": exported.path.name,
        "file_name": services.name_of(version, part),
        "size_bytes": exported.path.stat().st_size,
        "sha256": sha256_of(exported.path),
        "largest_difference": exported.parity,
        "num_compared": exported.num_compared,
        "metadata": exported.metadata,
    }


def _pictures(version: ClassifierVersion) -> list[np.ndarray]:
    """Some real pictures of the dataset version, decoded as training decoded them."""
    entries = version.run.dataset_version.entries.order_by("item").values_list("item", flat=True)
    with ItemPictures() as pictures:
        ids = list(entries.distinct()[: 4 * NUM_PICTURES])
        read = [each.pixels for each in pictures.of_items(ids, DECODE_SIDE_PX) if each.pixels is not None]
    return read[:NUM_PICTURES]
