"""Celery tasks of indexing; heavy modules are imported inside them, after the fork."""

from indexing.tasks.builds import build_index
from indexing.tasks.features import extract_features
from indexing.tasks.ingest import ingest_media

__all__ = ["build_index", "extract_features", "ingest_media"]
