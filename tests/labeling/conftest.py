"""A class, photos and stacks of them; rows only: what looks at pixels makes its own files."""

from uuid import uuid4

import pytest

from indexing.models import Item, MediaFile, Stack
from labeling.models import LabelClass
from labeling.services.verdicts import Operation
from tests.factories import sha256_of


def photo(corpus, name: str, *, path: str = "", **fields) -> MediaFile:
    """A photo without bytes; its hash, which decides on the side of a split, is the same in every run."""
    sha256 = fields.pop("sha256", None) or sha256_of(corpus.name, MediaFile.objects.count())
    return MediaFile.objects.create(
        corpus=corpus,
        sha256=sha256,
        kind=fields.pop("kind", "image"),
        name=name,
        size_bytes=1,
        path=path or f"/nowhere/{name}",
        state="done",
        width_px=fields.pop("width_px", 640),
        height_px=fields.pop("height_px", 480),
        **fields,
    )


def items_of(corpus, count: int, *, in_stack: bool = False) -> list[Item]:
    """`count` photos, one item each, in one stack if asked for."""
    stack = Stack.objects.create(corpus=corpus) if in_stack else None
    start = MediaFile.objects.count()
    media = [
        photo(corpus, f"photo-{number:05}.jpg", sha256=sha256_of(corpus.name, number))
        for number in range(start, start + count)
    ]
    return [Item.objects.create(corpus=corpus, media_file=each, stack=stack) for each in media]


def operation(item, label_class, answer="accept", base_version=0, **fields) -> Operation:
    """An answer as the browser sends it; a stack is answered through `stack=item.stack_id`."""
    return Operation(
        operation_id=fields.pop("operation_id", None) or uuid4(),
        batch=fields.pop("batch", None) or uuid4(),
        item=item.pk,
        label_class=label_class.pk,
        answer=answer,
        base_version=base_version,
        **fields,
    )


@pytest.fixture
def cat(corpus, mia) -> LabelClass:
    return LabelClass.objects.create(corpus=corpus, name="cat", created_by=mia)


@pytest.fixture
def dog(corpus, mia) -> LabelClass:
    return LabelClass.objects.create(corpus=corpus, name="dog", created_by=mia)


@pytest.fixture
def disputed(corpus, ann, mia, cat):
    """Ann accepted, mia rejected without knowing."""
    from tests.labeling.test_people import vote  # which takes its items from here
    from tests.labeling.test_verdicts import record

    (item,) = items_of(corpus, 1)
    record(corpus, ann, operation(item, cat))
    vote(corpus, cat, item, mia, "reject")
    return item
