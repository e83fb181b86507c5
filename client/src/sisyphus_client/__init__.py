"""Sisyphus over REST, for scripts and notebooks: `Client(url, token)` is where everything begins."""

from sisyphus_client.classifiers import Classifier, ClassifierVersion
from sisyphus_client.client import Client
from sisyphus_client.corpus import Corpus
from sisyphus_client.datasets import DatasetVersion, Export
from sisyphus_client.errors import ApiError, ChecksumMismatch, JobFailed, Unreachable
from sisyphus_client.imports import LabelImport
from sisyphus_client.jobs import Job
from sisyphus_client.onnx import OnnxExport
from sisyphus_client.progress import OnProgress, Progress
from sisyphus_client.queries import Answered, Neighbor, Ranking, Term
from sisyphus_client.runs import Run

__all__ = [
    "Answered",
    "ApiError",
    "ChecksumMismatch",
    "Classifier",
    "ClassifierVersion",
    "Client",
    "Corpus",
    "DatasetVersion",
    "Export",
    "Job",
    "JobFailed",
    "LabelImport",
    "Neighbor",
    "OnProgress",
    "OnnxExport",
    "Progress",
    "Ranking",
    "Run",
    "Term",
    "Unreachable",
]
