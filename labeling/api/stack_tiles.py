"""The members of a stack over REST, with what was said about each."""

import msgspec
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from indexing.models import Stack
from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.services.tiles import Shown, Tile, describe_tiles


class StackTiles(msgspec.Struct):
    """The live members of a stack, each as a tile of its own."""

    results: list[Tile]


class StackTilesView(CorpusView):
    """What a stack holds, for answering its exceptions one by one."""

    @extend_schema(
        parameters=[OpenApiParameter("class", int, description="Whose answers are shown; none if left out.")],
        responses={(200, "application/json"): schema_of(StackTiles)},
    )
    def get(self, request: Request, corpus_id: int, stack_id: int) -> HttpResponse:
        """The members in order of time."""
        asked = request.query_params.get("class")
        label_class_id = self.label_class(asked).pk if asked else None
        stack = get_object_or_404(Stack, corpus=self.corpus, pk=stack_id)
        members = stack.items.live().order_by("media_file", "start_pts", "pk").values_list("pk", flat=True)
        shown = [
            Shown(item=item, stack=stack.pk, count=1, similarity=None, rank=place)
            for place, item in enumerate(members, start=1)
        ]
        tiles = describe_tiles(self.corpus, shown, label_class_id=label_class_id)
        with_thumbnails(self.corpus, tiles)
        return json_answer(StackTiles(results=tiles))
