"""Celery tasks of indexing; heavy modules are imported inside them, after the fork."""

from indexing.tasks.builds import build_index
from indexing.tasks.clips import cut_clips
from indexing.tasks.features import extract_features
from indexing.tasks.ingest import ingest_media
from indexing.tasks.maps import build_map
from indexing.tasks.stacks import build_stacks

__all__ = ["build_index", "build_map", "build_stacks", "cut_clips", "extract_features", "ingest_media"]
