"""The histogram of a class's scores, with what was answered of it: what a threshold is drawn on."""

from __future__ import annotations

import msgspec
import numpy as np
from django.db import connection

from labeling.models import LabelClass
from training.compute.score_shards import NUM_BINS, Scores, histogram_of
from training.models import ClassifierVersion, ScoreSet
from training.services.operating_points import column_of
from training.services.refusals import NotScored
from training.services.scores import read_scores

ANSWERED = """
    SELECT item_id, answer FROM labeling_currentverdict
    WHERE label_class_id = %s AND answer IN ('accept', 'reject') AND NOT is_disputed ORDER BY item_id
"""


class Histogram(msgspec.Struct):
    """Counts of equal steps of [0, 1): of all live items, and of those accepted and rejected by now."""

    num_bins: int
    counts: list[int]
    accepted: list[int]
    rejected: list[int]
    is_current: bool  # nothing lacked a score when it was counted


def histogram_of_scores(
    version: ClassifierVersion, label_class: LabelClass, *, scores: Scores | None = None
) -> Histogram:
    """Of one class; NotScored before the corpus was scored. `scores`: those of the version, already read."""
    score_set = ScoreSet.objects.filter(version=version).first()
    if score_set is None or not score_set.histograms:
        raise NotScored(f"Version {version.number} has scored nothing yet: score the corpus with it first.")
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [label_class.pk])
        rows = cursor.fetchall()
    column = column_of(version, label_class.pk)
    scores = read_scores(score_set) if scores is None else scores
    counts = {}
    for answer in ("accept", "reject"):
        items = np.array([item for item, said in rows if said == answer], np.int64)
        values = scores.values[np.isin(scores.item_ids, items), column : column + 1]
        counts[answer] = histogram_of(values)[0].tolist()
    return Histogram(
        num_bins=NUM_BINS,
        counts=score_set.histograms[str(label_class.pk)],
        accepted=counts["accept"],
        rejected=counts["reject"],
        is_current=score_set.is_current,
    )
