"""Later over REST: tiles out of one's own way, without an answer."""

from typing import Annotated

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.services.put_off import num_put_off, put_off
from labeling.services.rank_request import Id
from sisyphus_web.accounts.permissions import user_of

MOST = 500


class Later(msgspec.Struct, kw_only=True):
    """Items that stand for the tiles; a tile is put off with all its members."""

    label_class: Id = msgspec.field(name="class")
    items: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MOST)]
    is_later: bool = True  # false: back among the others


class LaterAnswer(msgspec.Struct, kw_only=True):
    """`tiles` of this request; `later`: items that the person has put off and nobody has decided."""

    tiles: int
    later: int


class LaterView(CorpusView):
    """What one put off: found by the filter state:later, marked on tiles, and no verdict."""

    @extend_schema(
        request={"application/json": schema_of(Later)},
        responses={(200, "application/json"): schema_of(LaterAnswer)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """Put tiles off, or take that back; the same twice is once."""
        asked = read_body(request, Later)
        label_class, by = self.label_class(asked.label_class), user_of(request)
        tiles = put_off(label_class, asked.items, by=by, is_later=asked.is_later)
        return json_answer(LaterAnswer(tiles=tiles, later=num_put_off(label_class, by=by)))
