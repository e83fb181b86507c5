"""Freeze what counts into a dataset version: a list with its hash, split without leaks, and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max

from indexing.models import MediaFile, Unit
from labeling.compute.splits import BACKGROUND_CLASS, SIDES, Media, Plan, plan_splits
from labeling.models import CurrentVerdict, DatasetVersion, LabelClass, SplitAssignment
from labeling.services.audits import card_of_audits
from labeling.services.people import agreement_on
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError

# One statement, so one moment of the projection. What nobody is sure of is not in it.
FREEZE = """
    CREATE TEMPORARY TABLE frozen ON COMMIT DROP AS
    SELECT item.id AS item, item.media_file_id AS media_file, state.label_class_id AS label_class,
           state.answer::text AS answer,
           CASE WHEN state.is_derived THEN 'derived' WHEN said.mode = 'import' THEN 'import'
                ELSE 'verdict' END AS origin,
           state.verdict_id AS verdict
    FROM labeling_currentverdict state
    JOIN labeling_verdict said ON said.id = state.verdict_id
    JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id AND media.deleted_at IS NULL
    WHERE state.label_class_id = ANY(%(classes)s) AND state.answer IN ('accept', 'reject')
      AND NOT state.is_disputed
    UNION ALL
    SELECT DISTINCT item.id, item.media_file_id, weak.label_class_id, 'accept', 'weak', NULL::bigint
    FROM labeling_weaklabel weak
    JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
    JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id AND media.deleted_at IS NULL
    WHERE %(includes_weak)s AND weak.label_class_id = ANY(%(classes)s) AND NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = weak.item_id AND state.label_class_id = weak.label_class_id
          AND state.answer <> ''
    )
"""
# An undo brings an earlier answer back: back to the event that said it, which may have been an import.
BROUGHT_BACK = """
    WITH RECURSIVE back AS (
        SELECT frozen.item, frozen.label_class, said.id AS verdict, said.reverts_id, said.mode
        FROM frozen JOIN labeling_verdict said ON said.id = frozen.verdict
        WHERE frozen.origin = 'verdict' AND said.reverts_id IS NOT NULL
        UNION ALL
        SELECT back.item, back.label_class, earlier.id, earlier.reverts_id, earlier.mode
        FROM back
        CROSS JOIN LATERAL (
            SELECT said.id, said.reverts_id, said.mode FROM labeling_verdict said
            WHERE said.item_id = back.item AND said.label_class_id = back.label_class
              AND said.id < back.reverts_id AND NOT said.is_blind
            ORDER BY said.id DESC LIMIT 1
        ) earlier
        WHERE back.reverts_id IS NOT NULL
    )
    UPDATE frozen SET origin = 'import' FROM back
    WHERE back.item = frozen.item AND back.label_class = frozen.label_class
      AND back.reverts_id IS NULL AND back.mode = 'import'
"""
MEDIA_OF = """
    SELECT media_file, array_agg(DISTINCT label_class) FILTER (WHERE answer = 'accept'),
           bool_or(NOT is_accepted)
    FROM (SELECT *, bool_or(answer = 'accept') OVER (PARTITION BY item) AS is_accepted FROM frozen) listed
    GROUP BY media_file
"""
# Stacks of one video are inside one media file: only the others join files.
LINKS = """
    SELECT DISTINCT coalesce(stack.split_from_id, stack.id), item.media_file_id
    FROM indexing_item item
    JOIN indexing_stack stack ON stack.id = item.stack_id AND stack.media_file_id IS NULL
    WHERE item.corpus_id = %s AND item.deleted_at IS NULL
"""
# What lies in one folder of a source, or in one source, joins the files that lie there.
FOLDERS = """
    SELECT concat(path.source_id, ':', regexp_replace(path.relative_path, '[^/]*$', '')), path.media_file_id
    FROM indexing_mediapath path JOIN indexing_source source ON source.id = path.source_id
    WHERE source.corpus_id = %s
"""
SOURCES = """
    SELECT concat('source ', path.source_id), path.media_file_id
    FROM indexing_mediapath path JOIN indexing_source source ON source.id = path.source_id
    WHERE source.corpus_id = %s
"""
FURTHER_LINKS = {"folder": FOLDERS, "source": SOURCES}
EXPORTED = """
    SELECT DISTINCT item.media_file_id
    FROM labeling_datasetentry entry
    JOIN labeling_datasetversion version ON version.id = entry.dataset_version_id
    JOIN indexing_item item ON item.id = entry.item_id
    WHERE version.corpus_id = %s
      AND EXISTS (SELECT FROM labeling_export export WHERE export.dataset_version_id = version.id)
"""
INSERT_ENTRIES = """
    INSERT INTO labeling_datasetentry
        (dataset_version_id, item_id, label_class_id, answer, origin, split, "group")
    SELECT %s, frozen.item, frozen.label_class, frozen.answer, frozen.origin, side.split, side.name
    FROM frozen
    JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS side(media_file, split, name)
      ON side.media_file = frozen.media_file
"""
COUNTS = """
    SELECT split, label_class_id, answer, origin, count(*) FROM labeling_datasetentry
    WHERE dataset_version_id = %s GROUP BY 1, 2, 3, 4
"""
# What was searched by: the query was made to find it, so finding it again shows nothing. Of the other unit,
# and of spans, what was seen at the same time in the same video.
EXAMPLES = """
    WITH searched AS (
        SELECT DISTINCT (term ->> 'item')::bigint AS item, (term -> 'span' ->> 'media_file')::bigint AS file,
               (term -> 'span' ->> 'start_pts')::bigint AS start_pts,
               (term -> 'span' ->> 'stop_pts')::bigint AS stop_pts
        FROM labeling_queryround round, jsonb_array_elements(round.terms) term
        WHERE round.corpus_id = %(corpus)s AND term ->> 'kind' IN ('item', 'span')
    ), seen AS (
        SELECT file, start_pts, stop_pts FROM searched WHERE item IS NULL
        UNION ALL
        SELECT item.media_file_id, item.start_pts, item.stop_pts
        FROM searched JOIN indexing_item item ON item.id = searched.item
        WHERE (item.kind = 'clip') <> %(are_clips)s
    )
    SELECT item.id, item.media_file_id, coalesce(item.stack_id, 0)
    FROM searched JOIN indexing_item item ON item.id = searched.item AND item.corpus_id = %(corpus)s
    WHERE (item.kind = 'clip') = %(are_clips)s
    UNION
    SELECT item.id, item.media_file_id, coalesce(item.stack_id, 0)
    FROM seen JOIN indexing_item item
      ON item.media_file_id = seen.file AND item.start_pts < seen.stop_pts AND item.stop_pts > seen.start_pts
    WHERE item.corpus_id = %(corpus)s AND (item.kind = 'clip') = %(are_clips)s
"""
LEAVE_OUT_EXAMPLES = """
    DELETE FROM frozen USING indexing_item item
    WHERE item.id = frozen.item AND frozen.media_file = ANY(%s)
      AND (item.id = ANY(%s) OR item.stack_id = ANY(%s))
"""
CROSSINGS = """
    SELECT count(*) FROM (
        SELECT FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        WHERE entry.dataset_version_id = %(version)s
        GROUP BY item.media_file_id HAVING count(DISTINCT split) > 1
        UNION ALL
        SELECT FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        JOIN indexing_stack stack ON stack.id = item.stack_id
        WHERE entry.dataset_version_id = %(version)s
        GROUP BY coalesce(stack.split_from_id, stack.id) HAVING count(DISTINCT split) > 1
    ) crossing
"""
# What the hash is made of: content, not row numbers, so that the same list has the same hash anywhere.
CANONICAL = """
    SELECT line FROM (SELECT concat_ws(E'\\t', media.sha256, item.kind, item.start_pts, item.stop_pts,
                     concat_ws(',', item.x0_px, item.y0_px, item.x1_px, item.y1_px),
                     label_class.name, entry.answer, entry.origin, entry.split) AS line
    FROM labeling_datasetentry entry
    JOIN indexing_item item ON item.id = entry.item_id
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    JOIN unnest(%s::bigint[], %s::text[]) AS label_class(id, name) ON label_class.id = entry.label_class_id
    WHERE entry.dataset_version_id = %s) listed
    ORDER BY line COLLATE "C"
"""


# Of one unit what is of the other says nothing: its items are left out.
UNITS = "SELECT DISTINCT item.kind = 'clip' FROM frozen JOIN indexing_item item ON item.id = frozen.item"
LEAVE_OUT_OTHERS = """
    DELETE FROM frozen USING indexing_item item WHERE item.id = frozen.item AND (item.kind = 'clip') <> %s
"""


class NothingToFreeze(JobError):
    code = "no-items"


class MixedUnits(JobError):
    """A dataset version would hold frames and clips."""

    code = "mixed-units"


@transaction.atomic
def create_version(
    *,
    corpus: Corpus,
    label_classes: Sequence[LabelClass],
    includes_weak: bool = False,
    group_by: str = DatasetVersion.GroupBy.MEDIA,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    name: str = "",
    unit: str | None = None,
    by: User,
) -> DatasetVersion:
    """Freeze what is accepted and rejected for `label_classes`, split it, count it, hash it.

    A version is of frames or of clips: without `unit` of what was answered, MixedUnits if that is both.

    Left out, and counted on the card: unsure, disputed, what cannot be on any side (compute/splits.py), and
    what is in test but was searched by since, alone or with its stack.
    Versions of a corpus are made one after the other; answers go on meanwhile.
    """
    if val_share + test_share >= 1:
        raise ValidationError({"val_share": "val and test together must leave some for train."})
    Corpus.objects.select_for_update(no_key=True).get(pk=corpus.pk)
    classes = sorted(label_classes, key=lambda each: each.pk)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS frozen")
        cursor.execute(FREEZE, {"classes": [each.pk for each in classes], "includes_weak": includes_weak})
        unit = _only_unit(unit)
        cursor.execute(BROUGHT_BACK)
        cursor.execute("SELECT count(*) FILTER (WHERE answer = 'accept'), max(verdict) FROM frozen")
        num_accepted, last_verdict_id = cursor.fetchone()
    if not num_accepted:
        raise NothingToFreeze(
            "Nothing is accepted yet: accept some items, or take weak labels and include them."
        )
    examples = _examples(corpus, unit)
    plan = _plan(corpus, examples, group_by=group_by, val_share=val_share, test_share=test_share, seed=seed)
    num_examples = _leave_out(examples, plan)
    number = DatasetVersion.objects.filter(corpus=corpus).aggregate(last=Max("number"))["last"] or 0
    version = DatasetVersion.objects.create(
        corpus=corpus,
        number=number + 1,
        name=name.strip(),
        unit=unit,
        includes_weak=includes_weak,
        group_by=group_by,
        val_share=val_share,
        test_share=test_share,
        seed=seed,
        last_verdict_id=last_verdict_id or 0,
        created_by=by,
    )
    version.label_classes.set(classes)
    _insert_entries(version, plan)
    version.counts, version.card = _count(version, classes, plan)
    version.card["leakage"] |= {"query_examples_left_out_of_test": num_examples}
    version.sha256 = canonical_sha256(version)
    version.save()
    return version


def canonical_sha256(version: DatasetVersion) -> str:
    """The sha256 of the frozen list: media by their sha256, windows, class names, answers, origins, sides."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        classes = version.card["classes"]
        names = [[each["id"] for each in classes], [each["name"] for each in classes]]
        cursor.execute(CANONICAL, [*names, version.pk])
        while rows := cursor.fetchmany(10_000):
            digest.update("".join(f"{line}\n" for (line,) in rows).encode())
    return digest.hexdigest()


def num_crossings(version: DatasetVersion) -> int:
    """How many media files and stacks, as they are now, have lines on several sides of the version."""
    with connection.cursor() as cursor:
        cursor.execute(CROSSINGS, {"version": version.pk})
        return int(cursor.fetchone()[0])


def _only_unit(asked: str | None) -> str:
    """The unit of what `frozen` holds from now on."""
    with connection.cursor() as cursor:
        if asked is None:
            cursor.execute(UNITS)
            are_clips = {is_clip for (is_clip,) in cursor.fetchall()}
            if len(are_clips) > 1:
                raise MixedUnits(
                    "These classes were answered for frames and for clips, and a dataset version is of one "
                    "of them: choose frames or clips, or where you train the features of one of them."
                )
            return Unit.CLIP.value if are_clips == {True} else Unit.FRAME.value
        cursor.execute(LEAVE_OUT_OTHERS, [asked == Unit.CLIP])
    return asked


def _examples(corpus: Corpus, unit: str) -> list[tuple[int, int, int]]:
    """(item, media file, stack or 0) of everything of the unit that was searched by."""
    with connection.cursor() as cursor:
        cursor.execute(EXAMPLES, {"corpus": corpus.pk, "are_clips": unit == Unit.CLIP})
        return cursor.fetchall()


def _leave_out(examples: Sequence[tuple[int, int, int]], plan: Plan) -> int:
    """Take examples that are in test, and their stacks, out of `frozen`; how many lines that were."""
    in_test = [each for each in plan.sides if plan.sides[each] == "test"]
    stacks = [stack for _, _, stack in examples if stack]
    if not examples or not in_test:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(LEAVE_OUT_EXAMPLES, [in_test, [item for item, _, _ in examples], stacks])
        return int(cursor.rowcount)


def _plan(
    corpus: Corpus,
    examples: Sequence[tuple[int, int, int]],
    *,
    group_by: str,
    val_share: float,
    test_share: float,
    seed: int,
) -> Plan:
    """The sides of the media files of `frozen`, saved where they are new or moved."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIA_OF)
        accepted = {
            media_file: frozenset([*(classes or ()), *([BACKGROUND_CLASS] if has_background else ())])
            for media_file, classes, has_background in cursor.fetchall()
        }
        cursor.execute(LINKS, [corpus.pk])
        links: list[tuple[Any, int]] = cursor.fetchall()
        if group_by in FURTHER_LINKS:
            cursor.execute(FURTHER_LINKS[group_by], [corpus.pk])
            # Only of what is listed: a folder's other files need no side.
            links += [(place, media) for place, media in cursor.fetchall() if media in accepted]
        cursor.execute(EXPORTED, [corpus.pk])
        exported = {media_file for (media_file,) in cursor.fetchall()}
    sides = dict(SplitAssignment.objects.filter(corpus=corpus).values_list("media_file", "split"))
    wanted = accepted.keys() | {media_file for _, media_file in links}
    searched = {media_file for _, media_file, _ in examples}
    media = [
        Media(
            pk,
            sha256,
            sides.get(pk, ""),
            pk in exported and pk in sides,
            accepted.get(pk, frozenset()),
            pk in searched,
        )
        for pk, sha256 in MediaFile.objects.filter(corpus=corpus).values_list("pk", "sha256").iterator()
        if pk in wanted
    ]
    plan = plan_splits(media, links, val_share=val_share, test_share=test_share, seed=seed)
    fresh = [
        SplitAssignment(media_file_id=pk, corpus=corpus, split=side)
        for pk, side in plan.sides.items()
        if sides.get(pk) != side and (pk in accepted or pk in sides)
    ]
    SplitAssignment.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["media_file"],
        update_fields=["split"],
        batch_size=5000,
    )
    return plan


def _insert_entries(version: DatasetVersion, plan: Plan) -> None:
    ids = list(plan.sides)
    columns: list[Any] = [ids, [plan.sides[each] for each in ids], [plan.groups[each][:40] for each in ids]]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ENTRIES, [version.pk, *columns])


def _count(
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
    for split, label_class, answer, origin, count in rows:
        counts[split][answer] += count
        by_class[names[label_class]][split][answer] += count
        origins[origin] += count
    doubtful = CurrentVerdict.objects.filter(label_class__in=classes, item__deleted_at=None)
    card = {
        "classes": [{"id": each.pk, "name": each.name, "description": each.description} for each in classes],
        "origins": origins,
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
