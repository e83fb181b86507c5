"""Sisyphus over REST, for scripts and notebooks: `Client(url, token)` is where everything begins."""

from sisyphus_client.client import Client
from sisyphus_client.corpus import Corpus
from sisyphus_client.datasets import DatasetVersion, Export
from sisyphus_client.errors import ApiError, ChecksumMismatch, JobFailed, Unreachable
from sisyphus_client.imports import LabelImport
from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, Progress
from sisyphus_client.queries import Answered, Neighbor, Ranking, Term

__all__ = [
    "Answered",
    "ApiError",
    "ChecksumMismatch",
    "Client",
    "Corpus",
    "DatasetVersion",
    "Export",
    "Job",
    "JobFailed",
    "LabelImport",
    "Neighbor",
    "OnProgress",
    "Progress",
    "Ranking",
    "Term",
    "Unreachable",
]
