"""What counts for a class, and how near to it everything is, for every point of the map."""

import hashlib

import numpy as np
from django.db import connection

from indexing import search
from indexing.models import FeatureProjection
from indexing.search import Scores
from indexing.services.projections import read_points, version_of
from labeling.models import LabelClass
from labeling.services.counts import mark_of

CODES = {"": 0, "accept": 1, "reject": 2, "unsure": 3}
WEAK = 4

_DECIDED = """
    SELECT item_id, answer FROM labeling_currentverdict
    WHERE label_class_id = %s AND answer <> '' ORDER BY item_id
"""
_WEAK = """
    SELECT DISTINCT label.item_id FROM labeling_weaklabel label
    JOIN labeling_weakbatch batch ON batch.id = label.batch_id AND batch.reverted_at IS NULL
    WHERE label.label_class_id = %s ORDER BY label.item_id
"""

_WEAK_MARK = """
    SELECT count(*), count(reverted_at), max(created_at), max(reverted_at) FROM labeling_weakbatch
    WHERE label_class_id = %s
"""


def scores_of_points(projection: FeatureProjection, label_class: LabelClass) -> tuple[np.ndarray, Scores]:
    """(N,) uint8 in the order of the map's points: 0 no score, else 1 to 32, higher is nearer to the class.

    Raises SearchUnavailable, and SearchRefused where nothing was accepted yet.
    """
    found = search.scores(label_class.corpus, label_class_id=label_class.pk)
    item_ids, levels = np.frombuffer(found.item_ids, "<i8"), np.frombuffer(found.levels, np.uint8)
    points = read_points(projection)
    scores = np.zeros(len(points.item_ids), np.uint8)
    if len(item_ids):
        at = np.minimum(np.searchsorted(item_ids, points.item_ids), len(item_ids) - 1)
        is_known = item_ids[at] == points.item_ids
        scores[is_known] = levels[at[is_known]] + 1
    return scores, found


def states_version(projection: FeatureProjection, label_class: LabelClass) -> str:
    """Another one whenever `states_of_points` may give something else; reads no point and no answer."""
    with connection.cursor() as cursor:
        cursor.execute(_WEAK_MARK, [label_class.pk])
        marks = [version_of(projection), *mark_of(label_class), *cursor.fetchone()]
    return hashlib.sha256(repr(marks).encode()).hexdigest()[:32]


def states_of_points(projection: FeatureProjection, label_class: LabelClass) -> np.ndarray:
    """(N,) uint8 in the order of the map's points: 0 untouched, 1 accept, 2 reject, 3 unsure, 4 weak."""
    points = read_points(projection)
    states = np.zeros(len(points.item_ids), np.uint8)
    with connection.cursor() as cursor:
        cursor.execute(_WEAK, [label_class.pk])
        weak = np.array([item for (item,) in cursor.fetchall()], np.int64)
        cursor.execute(_DECIDED, [label_class.pk])
        decided = cursor.fetchall()
    states[np.isin(points.item_ids, weak)] = WEAK
    items = np.array([item for item, _ in decided], np.int64)
    at = np.searchsorted(points.item_ids, items)
    there = at < len(points.item_ids)
    there[there] = points.item_ids[at[there]] == items[there]
    states[at[there]] = np.array([CODES[answer] for _, answer in decided], np.uint8)[there]
    return states
