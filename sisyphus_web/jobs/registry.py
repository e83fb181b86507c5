"""Every kind of job: its task, its queue, its words, its params. Names only: nothing here imports a task."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec

from sisyphus_web.jobs import params

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Kind:
    """What the dispatcher and the pages must know of a kind of job."""

    task: str  # the Celery task's name; it takes one integer, the job's id
    queue: str  # cpu or gpu: which workers may run it
    title: str  # what it does, in words
    params: type | None = None  # a frozen dataclass of jobs/params.py; None: any JSON


KINDS: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Make a kind known; a name can be taken once."""
    if name in KINDS:
        raise ValueError(f"the job kind {name!r} is registered twice")
    KINDS[name] = kind


def kind_of(name: str) -> Kind:
    """The kind called `name`; LookupError lists the known ones."""
    try:
        return KINDS[name]
    except KeyError:
        raise LookupError(
            f"there is no job kind {name!r}; the known ones are {', '.join(sorted(KINDS))}"
        ) from None


def title_of(name: str) -> str:
    """The words for a kind; its name for a row of a kind this version does not know."""
    return KINDS[name].title if name in KINDS else name


def check_params(name: str, given: Mapping[str, Any]) -> None:
    """ValueError, saying what was expected, unless `given` are params of the kind `name`."""
    wanted = kind_of(name).params
    if wanted is None:
        return
    names = [field.name for field in fields(wanted)]
    if unknown := sorted(set(given) - set(names)):
        expected = ", ".join(names) or "no params"
        raise ValueError(f"a job {name} takes {expected}; got {', '.join(unknown)} as well")
    try:
        msgspec.convert(dict(given), wanted)
    except msgspec.ValidationError as error:
        raise ValueError(f"the params of a job {name} are wrong: {error}") from None


def params_of(given: Mapping[str, Any], wanted: type[P]) -> P:
    """The params of a row as the dataclass its task works with.

    A param that this version does not know is left out: a newer version may have enqueued the job.
    """
    names = {field.name for field in fields(wanted)}  # type: ignore[arg-type]  # they are dataclasses
    return msgspec.convert({name: value for name, value in given.items() if name in names}, wanted)


def queues() -> list[str]:
    return sorted({kind.queue for kind in KINDS.values()})


register("media_ingest", Kind("indexing.ingest_media", "cpu", "Ingest media", params.IngestMedia))
register("clips_cut", Kind("indexing.cut_clips", "cpu", "Cut videos into clips", params.Nothing))
register(
    "features_extract", Kind("indexing.extract_features", "gpu", "Extract features", params.ExtractFeatures)
)
register("stacks_build", Kind("indexing.build_stacks", "cpu", "Build stacks", params.OfUnit))
register("index_build", Kind("indexing.build_index", "gpu", "Build the feature index", params.OfUnit))
register("map_build", Kind("indexing.build_map", "cpu", "Draw the map", params.BuildMap))
register(
    "dataset_export", Kind("labeling.export_dataset", "cpu", "Export a dataset version", params.ExportDataset)
)
register("labels_import", Kind("labeling.import_labels", "cpu", "Import labels", params.ImportLabels))
register(
    "classifier_train", Kind("training.train_classifier", "cpu", "Train a classifier", params.TrainClassifier)
)
register(
    "classifier_fine_tune",
    Kind("training.fine_tune_classifier", "gpu", "Fine-tune a network", params.TrainClassifier),
)
register(
    "classifier_predict", Kind("training.predict_classifier", "cpu", "Score the corpus", params.ScoreCorpus)
)
register(
    "classifier_infer",
    Kind("training.infer_classifier", "gpu", "Score the corpus by a network", params.ScoreCorpus),
)
register(
    "classifier_export",
    Kind("training.export_classifier", "gpu", "Export a classifier to ONNX", params.ExportClassifier),
)
