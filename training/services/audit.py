"""What must be true of classifiers and their files at any time."""

from collections.abc import Iterator

from indexing.compute.features import IDS
from training.models import Classifier, ClassifierVersion, LiveEvent, OnnxExport, ScoreShard
from training.services.onnx import export_folder
from training.services.scores import score_folder
from training.services.versions import version_folder


def problems() -> Iterator[str]:
    """One sentence per version, score shard or export whose files are missing, and per classifier whose live
    version is not the one that somebody made live last. Hashes are compared when the files are read."""
    for version in ClassifierVersion.objects.select_related("classifier"):
        if not version_folder(version).is_dir():
            yield f"version {version.number} of {version.classifier.name} has no files: train it again"
    for shard in ScoreShard.objects.iterator(1000):
        folder = score_folder(shard.score_set_id)
        for name in (f"{shard.sha256}.npy", f"{shard.ids_sha256}{IDS}"):
            if not (folder / name).is_file():
                yield f"scores {shard.score_set_id} lack {name}: score the corpus again"
    for export in OnnxExport.objects.exclude(published_at=None):
        for facts in export.files.values():
            if not (export_folder(export) / facts["file"]).is_file():
                yield f"ONNX export {export.pk} lacks {facts['file']}: export it again"
    for classifier in Classifier.objects.all():
        last = LiveEvent.objects.filter(classifier=classifier).order_by("-pk").first()
        live = classifier.versions.filter(is_live=True).first()
        if (last.version_id if last else None) != (live.pk if live else None):
            yield f"classifier {classifier.pk} has another live version than its last event says"
