"""The region index of a corpus: what it costs, and its start."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Sum

from indexing.compute.encoders import catalog
from indexing.compute.regions import NUM_TILES, WHOLE, bytes_of_frame
from indexing.models import Item
from indexing.services.builds import start_build
from indexing.services.features import active_set, start_extract
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.models import Job

# Measured, objects of 3 % of the area: MobileNetV2 finds 0.61 without tiles, 0.82 with; builtin 0.27, 0.31.
FEW_BY_BUILTIN = " It pays with a learned encoder; the built-in descriptor finds few more."


class RegionCost(NamedTuple):
    """What the vectors of the corpus's frames take in memory, and on disk, in half precision."""

    num_frames: int
    num_tiled: int  # frames whose tiles are there already, also deleted ones
    width: int  # of the encoder in use; 0: none yet
    whole_bytes: int
    tiles_bytes: int  # whole frames and their tiles
    is_builtin: bool = False  # by the built-in descriptor

    @property
    def sentence(self) -> str:
        """For people who think about switching it on."""
        times = 1 + NUM_TILES
        if not self.width or not self.num_frames:
            return f"A frame then takes {times} vectors instead of one: {times} times the memory and time."
        there = f" The tiles of {self.num_tiled:,} are there already." if self.num_tiled else ""
        return (
            f"Finds small objects, and shows where. Memory, disk and extraction grow {times} times: for the "
            f"{self.num_frames:,} frames of this corpus from {_size(self.whole_bytes)} to "
            f"{_size(self.tiles_bytes)}.{there}{FEW_BY_BUILTIN if self.is_builtin else ''}"
        )


def cost_of(corpus: Corpus) -> RegionCost:
    """Of the live whole frames, by the encoder in use."""
    feature_set = active_set(corpus)
    num_frames = Item.objects.live().whole_frames().filter(corpus=corpus).count()
    if feature_set is None:
        return RegionCost(num_frames, 0, 0, 0, 0)
    width = feature_set.width
    tiles = feature_set.shards.filter(has_regions=True).aggregate(number=Sum("num_rows"))
    return RegionCost(
        num_frames=num_frames,
        num_tiled=(tiles["number"] or 0) // NUM_TILES,
        width=width,
        whole_bytes=num_frames * bytes_of_frame(width, with_tiles=False),
        tiles_bytes=num_frames * bytes_of_frame(width, with_tiles=True),
        is_builtin=feature_set.encoder == catalog.BUILTIN,
    )


def start_regions(corpus: Corpus, *, created_by: User | None) -> Job | None:
    """Enqueue the missing tiles, then builds; None before anything was encoded: ingest brings both."""
    feature_set = active_set(corpus)
    if feature_set is None or not feature_set.rows.filter(slot=WHOLE).exists():
        return None
    first = start_extract(corpus, created_by=created_by)
    start_build(corpus, created_by=created_by, after=[first])
    return first


def _size(num_bytes: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if num_bytes < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.0f} {unit}" if unit == "bytes" or num_bytes >= 10 else f"{num_bytes:.1f} {unit}"
