"""What a run learns from: the answers of a dataset version as arrays, and the features of their items."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from indexing.compute.features import ShardDamaged, open_vectors
from indexing.models import FeatureSet
from indexing.services.builds import ShardUnreadable
from indexing.services.features import shard_folder
from labeling.models import DatasetVersion
from training.compute.answers import ACCEPT, REJECT, SIDES, UNKNOWN, AnswerTable
from training.services.refusals import REFUSALS, NotTrainable

WEAK_WEIGHT = 0.5  # of an answer taken from a ranking without a look, beside 1 of a verdict
ENTRIES = """
    SELECT entry.item_id, entry.label_class_id, entry.answer = 'accept', entry.origin = 'weak', entry.split,
           entry."group", coalesce(first.source, 0)
    FROM labeling_datasetentry entry
    JOIN indexing_item item ON item.id = entry.item_id
    LEFT JOIN LATERAL (
        SELECT min(path.source_id) AS source FROM indexing_mediapath path
        WHERE path.media_file_id = item.media_file_id
    ) first ON true
    WHERE entry.dataset_version_id = %s AND entry.label_class_id = ANY(%s)
    ORDER BY entry.item_id
"""
PLACES = """
    SELECT item_id, shard_id, "row" FROM indexing_featurerow
    WHERE feature_set_id = %s AND slot = 0 AND item_id = ANY(%s) ORDER BY shard_id, "row"
"""


class Examples(NamedTuple):
    """Answers and, row by row, the features of their items."""

    answers: AnswerTable
    features: np.ndarray  # (N, D) float32


def read_answers(
    version: DatasetVersion, class_ids: Sequence[int], class_names: Sequence[str], *, target: str
) -> AnswerTable:
    """The answers of `version` to these classes, one row per item in order of its id; NotTrainable if torn.

    With the target multi_class an item accepted for one class is a reject of the others, and an item that
    was accepted for none is left out. Weak labels are learned from and never judged on: on val and test
    they are not known.
    """
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [version.pk, list(class_ids)])
        rows = cursor.fetchall()
    column_of = {pk: column for column, pk in enumerate(class_ids)}
    items = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    item_ids, first, at = np.unique(items, return_index=True, return_inverse=True)
    columns = np.fromiter((column_of[row[1]] for row in rows), np.int64, len(rows))
    targets = np.full((len(item_ids), len(class_ids)), UNKNOWN, np.int8)
    targets[at, columns] = np.fromiter((ACCEPT if row[2] else REJECT for row in rows), np.int8, len(rows))
    weights = np.ones(targets.shape, np.float32)
    weights[at, columns] = np.fromiter(
        (WEAK_WEIGHT if row[3] else 1.0 for row in rows), np.float32, len(rows)
    )
    firsts = [rows[place] for place in first]
    _, group_codes = np.unique([row[5] for row in firsts], return_inverse=True)
    try:
        table = AnswerTable(
            item_ids=item_ids,
            targets=targets,
            group_codes=group_codes.astype(np.int64).reshape(len(item_ids)),
            source_codes=np.array([row[6] for row in firsts], np.int64),
            sides=np.array([SIDES.index(row[4]) for row in firsts], np.int8),
            class_names=tuple(class_names),
            weights=weights,
        )
        table = _without_weak_held_out(table)
        return _exclusive(table) if target == "multi_class" else table
    except REFUSALS as error:
        raise NotTrainable(error) from None


def _without_weak_held_out(table: AnswerTable) -> AnswerTable:
    """The table with weak labels on train alone; an item of another side that has no other is left out."""
    is_train = table.sides == SIDES.index("train")
    is_weak = (table.weights < 1) & ~is_train[:, None]
    if not is_weak.any():
        return table
    targets = np.where(is_weak, UNKNOWN, table.targets).astype(np.int8)
    kept = is_train | (targets != UNKNOWN).any(axis=1)
    return replace(table, targets=targets).rows(kept)


def _exclusive(table: AnswerTable) -> AnswerTable:
    chosen = table.chosen()
    table = table.rows(chosen >= 0)
    targets = np.zeros(table.targets.shape, np.int8)
    targets[np.arange(len(table)), chosen[chosen >= 0]] = ACCEPT
    weights = table.weights.min(axis=1, keepdims=True) + np.zeros(targets.shape, np.float32)
    return AnswerTable(
        table.item_ids,
        targets,
        table.group_codes,
        table.source_codes,
        table.sides,
        table.class_names,
        weights.astype(np.float32),
    )


def read_examples(feature_set: FeatureSet, answers: AnswerTable) -> Examples:
    """The features of the answers' items; an item that has none is left out."""
    item_ids, features = read_features(feature_set, answers.item_ids)
    kept = np.isin(answers.item_ids, item_ids)
    return Examples(answers.rows(kept), features)


def read_features(feature_set: FeatureSet, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n,) int64 ascending: those of `item_ids` that have a feature, (n, D) float32: their features)."""
    found = np.array(_places(feature_set, item_ids), np.int64).reshape(-1, 3)
    shards = dict(
        feature_set.shards.filter(pk__in=np.unique(found[:, 1]).tolist()).values_list("pk", "sha256")
    )
    features = np.empty((len(found), feature_set.width), np.float32)
    for pk, sha256 in shards.items():
        here = found[:, 1] == pk
        try:
            features[here] = open_vectors(shard_folder(feature_set), sha256)[found[here, 2]]
        except ShardDamaged as error:
            raise ShardUnreadable(str(error)) from None
    order = np.argsort(found[:, 0], kind="stable")
    return found[order, 0], features[order]


def having_features(feature_set: FeatureSet, answers: AnswerTable) -> AnswerTable:
    """The answers to items that have a feature, without reading it."""
    found = np.array(_places(feature_set, answers.item_ids), np.int64).reshape(-1, 3)
    return answers.rows(np.isin(answers.item_ids, found[:, 0]))


def _places(feature_set: FeatureSet, item_ids: np.ndarray) -> list[tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(PLACES, [feature_set.pk, item_ids.tolist()])
        return cursor.fetchall()


def facts_of(answers: AnswerTable, *, num_without_features: int = 0) -> dict[str, Any]:
    """Counts by side and class, groups by side, and the hash that two equal test sides have in common."""
    counts: dict[str, Any] = {}
    for side in SIDES:
        part = answers.side(side)
        counts[side] = {
            "items": len(part),
            "groups": len(np.unique(part.group_codes)),
            "classes": {
                name: {
                    "accept": int(np.count_nonzero(part.targets[:, column] == ACCEPT)),
                    "reject": int(np.count_nonzero(part.targets[:, column] == REJECT)),
                }
                for column, name in enumerate(answers.class_names)
            },
        }
    return {
        "sides": counts,
        "without_features": num_without_features,
        "test_sha256": hash_of_side(answers, "test"),
    }


def hash_of_side(answers: AnswerTable, side: str) -> str:
    """The sha256 of the items of a side and what is known of them."""
    part = answers.side(side)
    digest = hashlib.sha256(part.item_ids.astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(part.targets).tobytes())
    return digest.hexdigest()
