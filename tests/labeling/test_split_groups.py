"""What is wholly on one side: folders and sources, where that is asked for."""

import pytest

from indexing.models import MediaPath, Source
from labeling.services.datasets import create_version
from tests.labeling.conftest import items_of, operation
from tests.labeling.test_verdicts import record


@pytest.fixture
def placed(corpus, ann, mia, cat):
    """Sixty photos in two sources of five folders each, by turns."""
    sources = [
        Source.objects.create(corpus=corpus, kind="folder", path=f"/data/{name}", created_by=mia)
        for name in ("north", "south")
    ]
    items = items_of(corpus, 60)
    MediaPath.objects.bulk_create(
        MediaPath(
            source=sources[n % 2],
            relative_path=f"day {n % 5}/{n}.jpg",
            size_bytes=1,
            mtime_ns=1,
            media_file=item.media_file,
        )
        for n, item in enumerate(items)
    )
    record(corpus, ann, *(operation(i, cat, "reject" if n % 3 else "accept") for n, i in enumerate(items)))
    return items


@pytest.mark.parametrize(("group_by", "num_groups"), [("media", 60), ("folder", 10), ("source", 2)])
def test_a_group_is_on_one_side(corpus, mia, cat, placed, group_by, num_groups):
    version = create_version(
        corpus=corpus, label_classes=[cat], group_by=group_by, val_share=0.2, test_share=0.2, by=mia
    )
    assert sum(version.card["groups"].values()) == num_groups
    assert (group_by in version.card["leakage"]["checked"]) == (group_by != "media")
    sides: dict[tuple[int, int], set[str]] = {}
    for entry in version.entries.select_related("item"):
        n = placed.index(entry.item)
        key = {"media": (n, 0), "folder": (n % 2, n % 5), "source": (n % 2, 0)}[group_by]
        sides.setdefault(key, set()).add(entry.split)
    assert len(sides) == num_groups
    assert {len(each) for each in sides.values()} == {1}


def test_sides_that_were_given_before_are_joined_by_the_rule(corpus, mia, cat, placed):
    create_version(corpus=corpus, label_classes=[cat], val_share=0.2, test_share=0.2, by=mia)
    version = create_version(
        corpus=corpus, label_classes=[cat], group_by="source", val_share=0.2, test_share=0.2, by=mia
    )
    assert sum(version.card["groups"].values()) == 2
    assert version.entries.count() == 60
