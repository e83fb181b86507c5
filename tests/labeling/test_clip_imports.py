"""Labels of spans come in again: as we wrote them, and as others do, in seconds."""

import json

import pytest

from indexing.models import Item
from labeling.models import CurrentVerdict
from labeling.services.exports import path_of
from tests.labeling.test_clip_exports import decoder, version  # noqa: F401 - fixtures
from tests.labeling.test_exports import export_of
from tests.labeling.test_imports import copy_of, report_of, taken


def answers_of(corpus):
    """What counts for which span of which file."""
    states = CurrentVerdict.objects.filter(corpus=corpus).exclude(answer="")
    return {
        (state.item.media_file.sha256, state.item.kind, state.item.start_pts, state.item.stop_pts,
         state.label_class.name, state.answer)
        for state in states.select_related("item__media_file", "label_class")
    }  # fmt: skip


@pytest.mark.parametrize("form", ["activitynet", "csv", "jsonl", "spans_csv"])
def test_spans_that_were_exported_come_back_and_clips_that_are_not_there_are_made(version, mia, form):  # noqa: F811
    export = export_of(version, mia, format=form)
    wanted = answers_of(version.corpus)
    assert len(wanted) == 8
    same, without = copy_of(version.corpus, mia), copy_of(version.corpus, mia)
    Item.objects.filter(corpus=without).delete()
    num_items = Item.objects.filter(corpus=same).count()
    for corpus in (same, without):
        made = taken(corpus, mia, path_of(export))
        assert (made.counts["lines"], made.counts["taken"]) == (8, 8), report_of(made)
        assert answers_of(corpus) == wanted
        assert Item.objects.filter(corpus=corpus).count() == num_items


def test_spans_of_others_are_found_by_their_seconds_or_made_and_bad_ones_are_told(version, mia, tmp_path):  # noqa: F811
    said = {
        "uneven": {
            "subset": "training",
            "annotations": [
                {"segment": [0.131, 1.04], "label": "wave"},  # a clip that is there, nearly
                {"segment": [0.44, 1.2], "label": "wave"},  # a new one
                {"segment": [5.0, 5.0], "label": "wave"},
                {"segment": [900.0, 950.0], "label": "wave"},
            ],
        },
        "gone": {"annotations": [{"segment": [0, 1], "label": "wave"}]},
    }
    path = tmp_path / "activity_net.v1-3.min.json"
    path.write_text(json.dumps({"version": "VERSION 1.3", "taxonomy": [], "database": said}))
    known = set(Item.objects.values_list("pk", flat=True))
    made = taken(version.corpus, mia, path)
    assert made.format == "activitynet"
    told = [(line["outcome"], line["reason"]) for line in report_of(made)]
    assert told == [
        ("taken", ""),
        ("taken", ""),
        ("rejected", "bad-span"),
        ("rejected", "bad-span"),
        ("rejected", "unknown-media"),
    ]
    waves = Item.objects.filter(pk__in=CurrentVerdict.objects.filter(label_class__name="wave").values("item"))
    assert [item.kind for item in waves] == ["clip", "clip"]
    (new,) = waves.exclude(pk__in=known)
    assert (new.start_pts, new.stop_pts) == (440, 1200)
    assert new.thumbnail_bytes > 0
