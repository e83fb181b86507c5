"""Stacks in the database: items without one are added to stacks, and never moved again."""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from django.db.models import F

from indexing.compute.features import read_shard
from indexing.compute.stacks import NONE, Grouped, StackItems
from indexing.models import FeatureSet, Item, Stack, Unit
from indexing.services.features import shard_folder
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job

ROWS_PER_COMMIT = 5000


def stack_items(feature_set: FeatureSet) -> tuple[list[int], StackItems]:
    """The live whole frames, or clips, with a feature in the set, and their ids, in order of (file, time)."""
    kind = Item.Kind.CLIP if feature_set.unit == Unit.CLIP else Item.Kind.FRAME
    rows = (
        Item.objects.live()
        .filter(corpus=feature_set.corpus_id, kind=kind, x0_px=None, perceptual_hash__isnull=False)
        .order_by("media_file", "start_pts", "pk")
        .values_list("pk", "media_file", "media_file__kind", "pts_seconds", "perceptual_hash", "stack")
    )
    table = list(rows.iterator(chunk_size=20_000))
    ids = [row[0] for row in table]
    vectors, has_vector = _vectors(feature_set, np.array(ids, np.int64))
    kept = np.flatnonzero(has_vector).tolist()
    table = [table[at] for at in kept]
    items = StackItems(
        media_files=np.array([row[1] for row in table], np.int64),
        are_photos=np.array([row[2] == "image" for row in table], bool),
        seconds=np.array([row[3] for row in table], np.float64),
        hashes=np.array([row[4] for row in table], np.int64),
        stacks=np.array([NONE if row[5] is None else row[5] for row in table], np.int64),
        vectors=vectors[kept],
    )
    return [row[0] for row in table], items


def _vectors(feature_set: FeatureSet, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) float16 vectors of `ids`, and which of them there are."""
    vectors = np.zeros((len(ids), feature_set.width), np.float16)
    has_vector = np.zeros(len(ids), bool)
    if not len(ids):
        return vectors, has_vector
    order = np.argsort(ids)
    for shard in feature_set.whole_shards.order_by("pk"):
        features = read_shard(shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        first = features.slots == 0
        wanted = features.item_ids[first]
        at = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
        rows = order[at]
        is_here = ids[rows] == wanted
        vectors[rows[is_here]] = features.vectors[first][is_here]
        has_vector[rows[is_here]] = True
    return vectors, has_vector


def store_stacks(job: Job, ids: Sequence[int], items: StackItems, grouped: Grouped) -> None:
    """Write new members and new stacks, some thousand rows at a time; Stopped if the job is lost."""
    for at in range(0, len(grouped.joining), ROWS_PER_COMMIT):
        part = grouped.joining[at : at + ROWS_PER_COMMIT]
        with transaction.atomic():
            _claim(job)
            joined = {stack for _, stack in part}
            Stack.objects.filter(pk__in=joined).update(revision=F("revision") + 1)
            _put([(ids[row], stack) for row, stack in part])
    waiting: list[list[int]] = []
    for rows in grouped.new:
        waiting.append(rows)
        if sum(map(len, waiting)) >= ROWS_PER_COMMIT:
            _store_new(job, ids, items, waiting)
            waiting = []
    if waiting:
        _store_new(job, ids, items, waiting)


def _store_new(job: Job, ids: Sequence[int], items: StackItems, groups: Sequence[Sequence[int]]) -> None:
    with transaction.atomic():
        _claim(job)
        if job.corpus is None:
            raise ValueError("stacks belong to a corpus, the job has none")
        made = Stack.objects.bulk_create(
            Stack(
                corpus=job.corpus,
                media_file_id=None if items.are_photos[rows[0]] else int(items.media_files[rows[0]]),
            )
            for rows in groups
        )
        _put([(ids[row], stack.pk) for stack, rows in zip(made, groups, strict=True) for row in rows])


def _claim(job: Job) -> None:
    mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
    if not mine.select_for_update(no_key=True).exists():
        raise Stopped


def _put(places: Sequence[tuple[int, int]]) -> None:
    """Put items into stacks, as of their present revision; one that has got a stack meanwhile stays there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE indexing_item SET stack_id = stack.id, stack_revision = stack.revision "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS given (item, stack) "
            "JOIN indexing_stack stack ON stack.id = given.stack "
            "WHERE indexing_item.id = given.item AND indexing_item.stack_id IS NULL",
            [[item for item, _ in places], [stack for _, stack in places]],
        )
