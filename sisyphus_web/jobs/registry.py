"""Every kind of job: its task, its queue, its words. Names only: nothing here imports a task."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What the dispatcher and the pages must know of a kind of job."""

    task: str  # the Celery task's name; it takes one integer, the job's id
    queue: str  # cpu or gpu: which workers may run it
    title: str  # what it does, in words


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


def queues() -> list[str]:
    return sorted({kind.queue for kind in KINDS.values()})


register("media_ingest", Kind("indexing.ingest_media", "cpu", "Ingest media"))
register("features_extract", Kind("indexing.extract_features", "gpu", "Extract features"))
register("stacks_build", Kind("indexing.build_stacks", "cpu", "Build stacks"))
register("index_build", Kind("indexing.build_index", "gpu", "Build the feature index"))
register("dataset_export", Kind("labeling.export_dataset", "cpu", "Export a dataset version"))
