"""Boxes drawn on frames over REST: each is an item to answer."""

import msgspec
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from indexing.models import Item
from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.services.boxes import BoxItem, NoSuchBox, item_of_box
from labeling.services.operations import Share
from labeling.services.rank_request import Id
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent


class NewBox(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of a frame: x0, y0, x1, y1 in shares of it, upright; `class`: whose answer to it is wanted."""

    item: Id
    box: tuple[Share, Share, Share, Share]
    label_class: Id = msgspec.field(name="class")


class BoxesView(CorpusView):
    """Regions by hand."""

    @extend_schema(
        request={"application/json": schema_of(NewBox)},
        responses={(200, "application/json"): schema_of(BoxItem)},
    )
    @idempotent
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """The region of a box, in whole pixels: an item to answer or search with, made once."""
        asked = read_body(request, NewBox)
        label_class = self.label_class(asked.label_class)
        live = Item.objects.live().filter(corpus=self.corpus).select_related("media_file")
        item = get_object_or_404(live, pk=asked.item)
        try:
            found = item_of_box(item, asked.box, label_class=label_class, by=user_of(request))
        except NoSuchBox as error:
            raise Refused(error.code, str(error), fields={"box": [str(error)]}) from None
        with_thumbnails(self.corpus, [found.tile])
        return json_answer(found)
