"""Celery tasks of labeling; heavy modules are imported inside them, after the fork."""

from labeling.tasks.exports import export_dataset

__all__ = ["export_dataset"]
