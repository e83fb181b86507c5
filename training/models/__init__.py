"""Runs, the classifiers they came to, and the scores of those."""

from training.models.classifiers import Classifier, ClassifierVersion, LiveEvent, OnnxExport, OperatingPoint
from training.models.runs import Run
from training.models.scores import ScoreSet, ScoreShard

__all__ = [
    "Classifier",
    "ClassifierVersion",
    "LiveEvent",
    "OnnxExport",
    "OperatingPoint",
    "Run",
    "ScoreSet",
    "ScoreShard",
]
