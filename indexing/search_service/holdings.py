"""Vectors of one kind in memory, whole items or tiles of frames: a build, and beside it what is newer."""

from __future__ import annotations

import logging
from uuid import UUID

import numpy as np

from indexing.compute.builds import OpenBuild, open_build
from indexing.compute.features import ShardDamaged, read_shard
from indexing.compute.manifests import BuildRefused
from indexing.compute.residents import Part
from indexing.compute.vectors import exact_index
from indexing.models import FeatureIndex, FeatureSet, FeatureShard
from indexing.services.builds import build_folder
from indexing.services.features import shard_folder

logger = logging.getLogger(__name__)

DELTA_PART_ROWS = 65_536  # a new shard copies the last part of the delta, never more


class Holding:
    """The parts of one kind; one caller at a time."""

    def __init__(self, *, has_regions: bool) -> None:
        self.has_regions = has_regions
        self.build_id = ""  # of the build in use; empty: none
        self.problem = ""  # why the published build is not the one in use, or a shard is not
        self._known: tuple[int, UUID | None] | None = None  # feature set and published build that are loaded
        self._build: OpenBuild | None = None
        self._delta: dict[int, int] = {}  # shards in the parts beside the build -> their rows
        self._delta_parts: list[Part] = []

    @property
    def num_delta(self) -> int:
        """Rows beside the build."""
        return sum(self._delta.values())

    @property
    def parts(self) -> tuple[Part, ...]:
        """The build, and the pieces of the delta."""
        return (*([Part.of_build(self._build)] if self._build else []), *self._delta_parts)

    def load(self, feature_set: FeatureSet, build: UUID | None) -> None:
        """Hold the published build (None: there is none), and every shard that is not in it."""
        if self._known != (feature_set.pk, build):
            self._open_build(feature_set)
            self._delta, self._delta_parts = {}, []
            self._known = (feature_set.pk, build)
        inside = set(self._build.manifest.shard_ids) if self._build else set()
        shards = feature_set.shards.filter(has_regions=self.has_regions)
        for shard in shards.exclude(pk__in=inside | self._delta.keys()).order_by("pk"):
            self._add(feature_set, shard)

    def _open_build(self, feature_set: FeatureSet) -> None:
        """The published build, or the newest before it that is whole, or none: every vector is compared."""
        self.problem, self._build, self.build_id = "", None, ""
        builds = FeatureIndex.objects.filter(feature_set=feature_set, has_regions=self.has_regions)
        for build in builds.order_by("-is_published", "-created_at"):
            try:
                opened = open_build(build_folder(build.pk), manifest_sha256=build.manifest_sha256)
                made_of = (opened.manifest.encoder, opened.manifest.width)
                if made_of != (feature_set.encoder, feature_set.width):
                    raise BuildRefused(f"build {build.pk} is of {made_of[0]}, width {made_of[1]}")
                if (opened.slots is not None) != self.has_regions:
                    raise BuildRefused(
                        f"build {build.pk} does not hold what its row says, whole items or tiles"
                    )
            except BuildRefused as error:
                logger.error("corpus %s: build %s is refused: %s", feature_set.corpus_id, build.pk, error)
                self.problem = self.problem or str(error)
                continue
            self._build, self.build_id = opened, str(build.pk)
            return

    def _add(self, feature_set: FeatureSet, shard: FeatureShard) -> None:
        try:
            features = read_shard(shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        except ShardDamaged as error:
            logger.error("corpus %s: shard %s is refused: %s", feature_set.corpus_id, shard.pk, error)
            self.problem = self.problem or str(error)
            self._delta[shard.pk] = 0
            return
        self._delta[shard.pk] = len(features)
        slots = features.slots if self.has_regions else None
        last = self._delta_parts[-1] if self._delta_parts else None
        if last is not None and len(last.item_ids) + len(features) <= DELTA_PART_ROWS:
            if slots is not None and last.slots is not None:
                slots = np.concatenate([last.slots, slots])
            item_ids = np.concatenate([last.item_ids, features.item_ids])
            self._delta_parts[-1] = Part(item_ids, last.exact.grown_by(features.vectors), slots=slots)
        else:
            self._delta_parts.append(Part(features.item_ids, exact_index(features.vectors), slots=slots))
