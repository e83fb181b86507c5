"""What each kind of job is asked for: ids and settings, checked when it is enqueued."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Nothing:
    """The corpus says it all."""


@dataclass(frozen=True, slots=True)
class IngestMedia:
    """A folder source to scan, or uploads of a source to take in."""

    source: int
    uploads: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExtractFeatures:
    """An encoder's key; "auto" is the one that the corpus uses, else the best there is."""

    encoder: str = "auto"
    activate: bool = False  # let queries use the set when it is done
    unit: str = "frame"  # or "clip"


@dataclass(frozen=True, slots=True)
class OfUnit:
    """Of frames, or of clips."""

    unit: str = "frame"


@dataclass(frozen=True, slots=True)
class BuildMap:
    """Whether to lay everything out anew."""

    redraw: bool = False


@dataclass(frozen=True, slots=True)
class ExportDataset:
    """The id of the export to write."""

    export: int


@dataclass(frozen=True, slots=True)
class ImportLabels:
    """The id of the import, and what to do with it: preview, take or undo."""

    label_import: int
    step: str = "preview"


@dataclass(frozen=True, slots=True)
class TrainClassifier:
    """The id of the run to train."""

    run: int


@dataclass(frozen=True, slots=True)
class ScoreCorpus:
    """The id of the score set to complete."""

    score_set: int


@dataclass(frozen=True, slots=True)
class ExportClassifier:
    """The id of the ONNX export to write."""

    onnx_export: int
