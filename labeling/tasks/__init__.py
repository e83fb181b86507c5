"""Celery tasks of labeling; heavy modules are imported inside them, after the fork."""

from labeling.tasks.exports import export_dataset
from labeling.tasks.imports import import_labels

__all__ = ["export_dataset", "import_labels"]
