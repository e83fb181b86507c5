"""Leases over REST: the heart-beat of a page that shows tiles, and its good-bye."""

from typing import Annotated

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.services.leases import SECONDS, claim_tiles, release_page
from sisyphus_web.accounts.permissions import user_of

MOST = 5000  # tiles of one page
Tile = Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)]


class Held(msgspec.Struct, kw_only=True):
    """What a page shows now that is undecided: a stack, or minus the item where there is none."""

    label_class: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] = msgspec.field(name="class")
    page: Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
    tiles: Annotated[list[Tile], msgspec.Meta(max_length=MOST)]  # empty: the page lets go of everything


class HeldAnswer(msgspec.Struct, kw_only=True):
    """`lost` are in front of somebody else now; the others are held until `seconds` from now."""

    lost: list[int]
    seconds: int


class LeasesView(CorpusView):
    """Who shows what."""

    @extend_schema(
        request={"application/json": schema_of(Held)},
        responses={(200, "application/json"): schema_of(HeldAnswer)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """Hold these tiles for 90 s more, let go of the page's others; again while the page is open."""
        asked = read_body(request, Held)
        label_class, by = self.label_class(asked.label_class), user_of(request)
        tiles = set(asked.tiles)
        had = claim_tiles(label_class, tiles, by=by, page=asked.page)
        release_page(label_class, by=by, page=asked.page, keep=had)
        return json_answer(HeldAnswer(lost=sorted(tiles - had), seconds=SECONDS))
