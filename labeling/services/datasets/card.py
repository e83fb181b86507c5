"""What a version says of itself: counts by side, origins, leakage, agreement, recall, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection

from labeling.compute.splits import SIDES, Plan
from labeling.models import CurrentVerdict, DatasetVersion, LabelClass
from labeling.services.audits import card_of_audits
from labeling.services.datasets.entries import num_crossings
from labeling.services.datasets.sides import FURTHER_LINKS
from labeling.services.people import agreement_on

COUNTS = """
    SELECT split, label_class_id, answer, origin, count(*), count(box) FROM labeling_datasetentry
    WHERE dataset_version_id = %s GROUP BY 1, 2, 3, 4
"""


def count(
    version: DatasetVersion, classes: Sequence[LabelClass], plan: Plan
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The counts by side, and the card; a leak is a bug and stops everything."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [version.pk])
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM frozen WHERE media_file = ANY(%s)", [list(plan.left_out)])
        (num_left_out,) = cursor.fetchone()
        cursor.execute(
            'SELECT split, count(DISTINCT "group") FROM labeling_datasetentry'
            " WHERE dataset_version_id = %s GROUP BY split",
            [version.pk],
        )
        groups = dict(cursor.fetchall())
    if crossings := num_crossings(version):
        raise RuntimeError(f"{crossings} groups would cross the splits of dataset version {version.pk}")
    names = {each.pk: each.name for each in classes}
    counts: dict[str, Any] = {side: {"accept": 0, "reject": 0} for side in SIDES}
    by_class: dict[str, Any] = {
        name: {side: {"accept": 0, "reject": 0} for side in SIDES} for name in names.values()
    }
    origins = {"verdict": 0, "derived": 0, "weak": 0, "import": 0}
    num_boxes = 0
    for split, label_class, answer, origin, count, num_with_box in rows:
        counts[split][answer] += count
        num_boxes += num_with_box
        by_class[names[label_class]][split][answer] += count
        origins[origin] += count
    doubtful = CurrentVerdict.objects.filter(label_class__in=classes, item__deleted_at=None)
    card = {
        "classes": [{"id": each.pk, "name": each.name, "description": each.description} for each in classes],
        "origins": origins,
        **({"boxes": num_boxes} if num_boxes else {}),  # answers that say which part of their frame
        "by_class": by_class,
        "groups": {side: groups.get(side, 0) for side in SIDES},
        "left_out": {
            "unsure": doubtful.filter(answer="unsure", is_disputed=False).count(),
            "disputed": doubtful.filter(is_disputed=True).count(),
            "on_no_side": num_left_out,
        },
        "leakage": {
            "checked": ["media file", "stack", "query example", *_grouped_by(version)],
            "groups_across_splits": crossings,
        },
        "agreement": [
            {"class": each.name} | msgspec.to_builtins(found)
            for each in classes
            if (found := agreement_on(each)).alike.num
        ],
        "warnings": _warnings(version, by_class),
        **card_of_audits(classes, includes_weak=version.includes_weak),
    }
    return counts, card


def _grouped_by(version: DatasetVersion) -> list[str]:
    return [version.group_by] if version.group_by in FURTHER_LINKS else []


def _warnings(version: DatasetVersion, by_class: dict[str, Any]) -> list[str]:
    shares = {"train": 1.0, "val": version.val_share, "test": version.test_share}
    rejected = {side: sum(sides[side]["reject"] for sides in by_class.values()) for side in shares}
    return [
        f"{side} has no accepted example of {name!r}: there are too few separate videos and photos of it. "
        "Its folder is empty in an ImageFolder export: load that with allow_empty=True."
        for name, sides in by_class.items()
        for side, share in shares.items()
        if share > 0 and sides[side]["accept"] == 0
    ] + [
        f"{side} has no rejected example: its background folder is empty in an ImageFolder export, so that "
        "the classes have the same numbers on every side. Load it with allow_empty=True."
        for side, share in shares.items()
        if share > 0 and rejected[side] == 0 and any(rejected.values())
    ]
