"""Review lists and counts over REST."""

from typing import cast, get_args

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.services.counts import Counts, count_states
from labeling.services.review import PAGE_LIMIT, BadCursor, ReviewPage, Sort, State, review_page
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused


class ReviewView(CorpusView):
    """What was accepted, rejected, left unsure, taken as weak, disputed, or never touched."""

    @extend_schema(
        operation_id="review_list",
        parameters=[
            OpenApiParameter("class", int, required=True),
            OpenApiParameter("state", str, required=True, enum=get_args(State)),
            OpenApiParameter("sort", str, enum=get_args(Sort), description="time: newest answer first."),
            OpenApiParameter("cursor", str, description="The `next` of the page before."),
            OpenApiParameter("page_size", int, description=f"Tiles, 200 if not given, at most {PAGE_LIMIT}."),
        ],
        responses={(200, "application/json"): schema_of(ReviewPage)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """One page of a list, folded to stacks, in the same tiles as a ranking."""
        asked = request.query_params
        label_class = self.label_class(asked.get("class"))
        state = self._choice("state", get_args(State), asked.get("state", ""))
        sort = self._choice("sort", get_args(Sort), asked.get("sort", "time"))
        try:
            page = review_page(
                label_class,
                state=cast("State", state),
                sort=cast("Sort", sort),
                cursor=asked.get("cursor", ""),
                limit=_page_size(asked.get("page_size", "200")),
            )
        except BadCursor as error:
            raise Refused("bad-cursor", str(error), fields={"cursor": [str(error)]}) from None
        with_thumbnails(self.corpus, page.results)
        return json_answer(page)

    @staticmethod
    def _choice(name: str, choices: tuple[str, ...], asked: str) -> str:
        if asked not in choices:
            detail = f"{name}: one of {', '.join(choices)}."
            raise Refused("invalid", detail, fields={name: [detail]})
        return asked


class CountsView(CorpusView):
    """How much of a class is decided."""

    @extend_schema(
        operation_id="counts_retrieve",
        parameters=[OpenApiParameter("class", int, required=True)],
        responses={(200, "application/json"): schema_of(Counts)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Live items by what counts for a class; the totals may be some seconds old."""
        return json_answer(
            count_states(self.label_class(request.query_params.get("class")), by=user_of(request))
        )


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGE_LIMIT):
        detail = f"page_size: 1 to {PAGE_LIMIT}."
        raise Refused("invalid", detail, fields={"page_size": [detail]})
    return int(text[:9])
