"""A box that somebody drew on a frame, as an item: it has an answer and a feature of its own."""

from __future__ import annotations

import msgspec
from django.db import transaction

from indexing.models import Item, Unit
from indexing.services.features import active_set, start_extract
from labeling.models import LabelClass
from labeling.services.import_items import Known, NewRegion, make_regions
from labeling.services.tiles import Box, Shown, Tile, describe_tiles
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job

LEAST_PX = 4  # a smaller box shows nothing


class NoSuchBox(JobError):
    """A box that cannot be one of this item."""

    code = "no-such-box"


class BoxItem(msgspec.Struct, kw_only=True):
    """The region as a tile with what counts for the class; `is_new`: nobody had drawn it before."""

    tile: Tile
    is_new: bool


@transaction.atomic
def item_of_box(item: Item, box: Box, *, label_class: LabelClass, by: User) -> BoxItem:
    """The region of a frame's `box` (shares of the upright frame, 0 to 1), in whole pixels, made once.

    `item` is a frame or a region of it. Its feature is made by a job where frames of the corpus are searched.
    NoSuchBox for a clip, or a box of no size or of nearly the whole frame.
    """
    media, corpus = item.media_file, label_class.corpus
    if item.kind == Item.Kind.CLIP:
        raise NoSuchBox("A box is drawn on a frame: a clip has many. Open it in its video.")
    width, height = media.width_px or 0, media.height_px or 0
    x0, y0, x1, y1 = (round(share * side) for share, side in zip(box, (width, height) * 2, strict=True))
    if x1 - x0 < LEAST_PX or y1 - y0 < LEAST_PX:
        raise NoSuchBox(f"A box is at least {LEAST_PX} pixels wide and high, got {x1 - x0} x {y1 - y0}.")
    if (x0, y0, x1, y1) == (0, 0, width, height):
        raise NoSuchBox("This box is the whole frame: answer the frame itself.")
    frame = Known(
        item.pk, "frame", item.start_pts, item.stop_pts, item.number, item.pts_seconds,
        None, None, None, None, item.pts_seconds,
    )  # fmt: skip
    wanted = NewRegion(media.pk, frame, (x0, y0, x1, y1))
    newest = Item.objects.filter(media_file=media).order_by("-pk").values_list("pk", flat=True).first() or 0
    pk = make_regions(corpus, [wanted])[wanted]
    Item.objects.filter(pk=pk, deleted_at__isnull=False).update(deleted_at=None)
    if active_set(corpus) is not None and not Item.objects.get(pk=pk).features.exists():
        _extract_soon(label_class, by=by)
    (tile,) = describe_tiles(corpus, [Shown(pk, None, 1, None, 0)], label_class_id=label_class.pk, by=by)
    return BoxItem(tile=tile, is_new=pk > newest)


def _extract_soon(label_class: LabelClass, *, by: User) -> None:
    """One job that encodes what is new, however many boxes are drawn meanwhile."""
    waiting = label_class.corpus.jobs.filter(kind="features_extract", status=Job.Status.QUEUED)
    if not any(job.params.get("unit") != Unit.CLIP for job in waiting):
        start_extract(label_class.corpus, created_by=by)
