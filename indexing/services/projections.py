"""The map of a corpus: start it, keep its parts, read its points, keep what was lassoed on it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from indexing.compute.arrays import ArrayDamaged, open_array, put_array
from indexing.compute.features import IDS, Features, ShardDamaged, read_shard
from indexing.compute.projection import Layout, inside
from indexing.models import FeatureProjection, FeatureRow, FeatureSet, FeatureShard, MapRegion, ProjectionPart
from indexing.services.builds import ORPHAN_SECONDS, NoFeatures
from indexing.services.features import active_set, shard_folder
from indexing.services.live_items import read_live_items
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job

KIND = "map_build"
MAX_CORNERS = 2000
KEPT_MAPS = 2


class NoMap(JobError):
    """The corpus has no map yet."""

    code = "no-map"


class NothingInside(JobError):
    """The lasso holds no item."""

    code = "nothing-inside"


class MapUnreadable(JobError):
    """A file of the map is missing or damaged."""

    code = "map-unreadable"


class Points(NamedTuple):
    """The live items of a map, in order of their id."""

    item_ids: np.ndarray  # (N,) int64
    places: np.ndarray  # (N, 2) float32 in [0, 1]
    media_files: np.ndarray  # (N,) int64


def start_map(
    corpus: Corpus, *, created_by: User | None, redraw: bool = False, after: Sequence[Job] = ()
) -> Job:
    """Enqueue the drawing of the map, or of what it lacks; one that waits already is not enqueued twice.

    `redraw`: lay everything out anew, for a corpus that has outgrown its first landmarks.
    """
    waiting = corpus.jobs.filter(kind=KIND, status=Job.Status.QUEUED, params={"redraw": redraw}).first()
    if waiting is not None and not after:
        return waiting
    if not after and not FeatureRow.objects.filter(feature_set__corpus=corpus).exists():
        raise NoFeatures("This corpus has no features yet: ingest media and wait for their features.")
    return jobs.enqueue(KIND, corpus=corpus, created_by=created_by, after=after, redraw=redraw)


def current_map(corpus: Corpus) -> FeatureProjection | None:
    """The map of the feature set that queries use."""
    feature_set = active_set(corpus)
    return feature_set.projections.filter(is_current=True).first() if feature_set else None


def map_folder(feature_set_id: int) -> Path:
    """Where the files of a feature set's maps lie."""
    return settings.DATA_DIR / "maps" / str(feature_set_id)


def region_folder(corpus_id: int) -> Path:
    """Where the item ids of a corpus's lassoed regions lie."""
    return settings.DATA_DIR / "maps" / f"regions-{corpus_id}"


def sample_of(feature_set: FeatureSet, *, most: int) -> np.ndarray:
    """(about `most`, D) float32: whole-frame features of all shards, drawn by a fixed seed."""
    rows = []
    num_rows = sum(shard.num_rows for shard in feature_set.whole_shards)
    share = min(1.0, most / max(1, num_rows))
    draw = np.random.default_rng(0)
    for shard in feature_set.whole_shards.order_by("pk"):
        features = read_features(feature_set, shard)
        whole = features.vectors[features.slots == 0]
        rows.append(whole[draw.random(len(whole)) < share])
    return np.concatenate(rows) if rows else np.empty((0, feature_set.width), np.float32)


def store_layout(
    job: Job, feature_set: FeatureSet, layout: Layout, *, num_laid_out: int
) -> FeatureProjection:
    """Keep a new layout; nobody sees it before `show`."""
    folder = map_folder(feature_set.pk)
    return FeatureProjection.objects.create(
        feature_set=feature_set,
        layout_sha256=put_array(folder, layout.landmarks),
        places_sha256=put_array(folder, layout.places),
        num_landmarks=len(layout.landmarks),
        num_laid_out=num_laid_out,
        job=job,
    )


def read_layout(projection: FeatureProjection) -> Layout:
    """The landmarks of a map; MapUnreadable when they are damaged."""
    folder = map_folder(projection.feature_set_id)
    try:
        return Layout(
            np.array(open_array(folder, projection.layout_sha256)),
            np.array(open_array(folder, projection.places_sha256)),
        )
    except ArrayDamaged as error:
        raise MapUnreadable(f"{error}. Draw the map anew.") from None


def shards_to_place(projection: FeatureProjection) -> list[FeatureShard]:
    """The shards whose items are not on the map yet, the oldest first."""
    placed = projection.parts.values("shard")
    return list(projection.feature_set.whole_shards.exclude(pk__in=placed).order_by("pk"))


def store_part(projection: FeatureProjection, shard: FeatureShard, places: np.ndarray) -> None:
    """Keep where the rows of a shard lie; a second time is harmless."""
    name = put_array(map_folder(projection.feature_set_id), np.asarray(places, np.float32))
    projection.parts.get_or_create(shard=shard, defaults={"sha256": name, "num_rows": len(places)})


def show(projection: FeatureProjection) -> None:
    """Make this map the one that is shown, in the transaction of the caller."""
    FeatureSet.objects.select_for_update(no_key=True).get(pk=projection.feature_set_id)
    others = FeatureProjection.objects.filter(feature_set=projection.feature_set_id, is_current=True)
    others.exclude(pk=projection.pk).update(is_current=False)
    FeatureProjection.objects.filter(pk=projection.pk).update(is_current=True)


def read_points(projection: FeatureProjection) -> Points:
    """Every live item of the map, once, at the place of its whole frame; MapUnreadable if a file is gone.

    A process keeps the points of the last maps that it read, some 24 MB per million, while nothing changes:
    whoever looks at a map asks for its colors again and again.
    """
    version = version_of(projection)
    with _keeping:
        kept = _kept.get(version)
        if kept is not None:
            _kept.move_to_end(version)
    if kept is not None:
        return kept
    points = _read(projection)
    if version == version_of(projection):  # else it is of no version that anybody knows
        with _keeping:
            _kept[version] = points
            while len(_kept) > KEPT_MAPS:
                _kept.popitem(last=False)
    return points


def _read(projection: FeatureProjection) -> Points:
    feature_set = projection.feature_set
    ids: list[np.ndarray] = [np.empty(0, np.int64)]
    places: list[np.ndarray] = [np.empty((0, 2), np.float32)]
    try:
        for part in projection.parts.select_related("shard").order_by("shard"):
            rows = open_array(shard_folder(feature_set), part.shard.ids_sha256, suffix=IDS)
            whole = rows[1] == 0
            ids.append(rows[0][whole])
            places.append(open_array(map_folder(feature_set.pk), part.sha256)[whole])
    except ArrayDamaged as error:
        raise MapUnreadable(f"{error}. Draw the map anew.") from None
    all_ids, all_places = np.concatenate(ids), np.concatenate(places)
    live = read_live_items(feature_set.corpus_id)
    all_ids, first = np.unique(all_ids, return_index=True)
    at = np.minimum(np.searchsorted(live.item_ids, all_ids), max(len(live.item_ids) - 1, 0))
    is_live = live.item_ids[at] == all_ids if len(live.item_ids) else np.zeros(len(all_ids), bool)
    return Points(all_ids[is_live], all_places[first][is_live], live.media_files[at[is_live]])


_kept: OrderedDict[str, Points] = OrderedDict()  # by version, the last used last
_keeping = threading.Lock()
_VERSION = """
    SELECT (SELECT count(*) FROM indexing_projectionpart WHERE projection_id = %(map)s),
           (SELECT max(id) FROM indexing_projectionpart WHERE projection_id = %(map)s),
           (SELECT count(*) FROM indexing_item WHERE corpus_id = %(corpus)s AND deleted_at IS NOT NULL),
           (SELECT max(deleted_at) FROM indexing_item
            WHERE corpus_id = %(corpus)s AND deleted_at IS NOT NULL),
           (SELECT count(*) FROM indexing_mediafile WHERE corpus_id = %(corpus)s AND deleted_at IS NOT NULL),
           (SELECT max(deleted_at) FROM indexing_mediafile
            WHERE corpus_id = %(corpus)s AND deleted_at IS NOT NULL),
           (SELECT string_agg(concat_ws(' ', source.id, source.path, paths.newest, paths.number), '|'
                              ORDER BY source.id)
            FROM indexing_source source, LATERAL (
                SELECT coalesce(max(id), 0) AS newest, count(*) AS number
                FROM indexing_mediapath WHERE source_id = source.id
            ) paths
            WHERE source.corpus_id = %(corpus)s)
"""


def version_of(projection: FeatureProjection) -> str:
    """Another one whenever `read_points` or the sources of its points may give something else.

    In one statement that reads neither points nor live items.
    """
    asked = {"map": projection.pk, "corpus": projection.feature_set.corpus_id}
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, asked)
        row = cursor.fetchone()
    return hashlib.sha256(repr((projection.pk, row)).encode()).hexdigest()[:32]


def sources_of(corpus: Corpus, media_files: np.ndarray) -> tuple[list[tuple[int, str]], np.ndarray]:
    """([(source id, path), ...], (N,) uint16 place in that list of the first source of every media file)."""
    sources = list(corpus.sources.order_by("pk").values_list("pk", "path"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT path.media_file_id, min(path.source_id) FROM indexing_mediapath path "
            "JOIN indexing_source source ON source.id = path.source_id WHERE source.corpus_id = %s "
            "GROUP BY path.media_file_id ORDER BY path.media_file_id",
            [corpus.pk],
        )
        seen = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    place_of = {pk: place for place, (pk, _) in enumerate(sources)}
    places = np.array([place_of[pk] for pk in seen[:, 1].tolist()], np.uint16)
    if not len(seen):
        return sources, np.zeros(len(media_files), np.uint16)
    at = np.minimum(np.searchsorted(seen[:, 0], media_files), len(seen) - 1)
    return sources, np.where(seen[at, 0] == media_files, places[at], 0).astype(np.uint16)


def make_region(corpus: Corpus, *, polygon: Sequence[Sequence[float]], created_by: User) -> MapRegion:
    """Keep the items within a lasso for good; NothingInside for an empty one, NoMap without a map."""
    projection = current_map(corpus)
    if projection is None:
        raise NoMap("This corpus has no map yet. Draw it first.")
    points = read_points(projection)
    chosen = points.item_ids[inside(points.places, np.array(polygon, np.float64))]
    if not len(chosen):
        raise NothingInside("There is no item inside. Draw the lasso around some points.")
    return MapRegion.objects.create(
        corpus=corpus,
        projection=projection,
        polygon=[[float(x), float(y)] for x, y in polygon],
        items_sha256=put_array(region_folder(corpus.pk), chosen),
        num_items=len(chosen),
        created_by=created_by,
    )


def items_of_region(region: MapRegion) -> np.ndarray:
    """(n,) int64: the items of a region, ascending."""
    try:
        return np.array(open_array(region_folder(region.corpus_id), region.items_sha256))
    except ArrayDamaged as error:
        raise MapUnreadable(f"{error}. Draw the lasso again.") from None


def examples_of(region: MapRegion, *, most: int = 6) -> list[int]:
    """Items that stand for a region: spread over it, each the live one nearest to its part's middle."""
    points = read_points(region.projection)
    here = np.isin(points.item_ids, items_of_region(region))
    ids, places = points.item_ids[here], points.places[here]
    chosen: list[int] = []
    far = np.linalg.norm(places - places.mean(axis=0), axis=1) if len(ids) else np.empty(0)
    at = int(far.argmin()) if len(ids) else -1
    nearest = np.full(len(ids), np.inf)
    while len(chosen) < min(most, len(ids)):
        chosen.append(int(ids[at]))
        nearest = np.minimum(nearest, np.linalg.norm(places - places[at], axis=1))
        at = int(nearest.argmax())
    return chosen


def num_missing(projection: FeatureProjection) -> int:
    """How many rows of the feature set are not on the map yet."""
    return sum(shard.num_rows for shard in shards_to_place(projection))


def grown_since(projection: FeatureProjection) -> float:
    """How many times as many items there are as when the landmarks were laid out."""
    num_rows = FeatureRow.objects.filter(feature_set=projection.feature_set_id, slot=0).count()
    return num_rows / max(1, projection.num_laid_out)


def remove_old(feature_set: FeatureSet) -> None:
    """Forget the maps that neither are shown nor have a region on them; files are shared, and small."""
    unused = feature_set.projections.filter(is_current=False, regions=None)
    unused.exclude(job__status__in=[Job.Status.QUEUED, Job.Status.RUNNING]).delete()


def remove_orphans() -> list[str]:
    """Remove files of maps and regions that no row has named for a day; their names."""
    place = settings.DATA_DIR / "maps"
    if not place.is_dir():
        return []
    known = {f"{sha256}.npy" for sha256 in ProjectionPart.objects.values_list("sha256", flat=True)}
    known |= {f"{sha256}.npy" for sha256 in MapRegion.objects.values_list("items_sha256", flat=True)}
    for names in FeatureProjection.objects.values_list("layout_sha256", "places_sha256"):
        known |= {f"{sha256}.npy" for sha256 in names}
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.glob("*/*") if each.name not in known and each.stat().st_mtime < limit]
    for orphan in orphans:
        orphan.unlink(missing_ok=True)
    return [orphan.name for orphan in orphans]


def read_features(feature_set: FeatureSet, shard: FeatureShard) -> Features:
    """The features of a shard; MapUnreadable when it is damaged."""
    try:
        return read_shard(shard_folder(feature_set), shard.sha256, shard.ids_sha256)
    except ShardDamaged as error:
        raise MapUnreadable(str(error)) from None
