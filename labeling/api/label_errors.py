"""Answers that are likely wrong over REST."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.services.label_errors import LabelErrors, label_errors
from labeling.services.review import PAGE_LIMIT
from sisyphus_web.api import Refused


class LabelErrorsView(CorpusView):
    """What a second look at the answers of a class should begin with."""

    @extend_schema(
        operation_id="label_errors_list",
        parameters=[
            OpenApiParameter("class", int, required=True),
            OpenApiParameter("cursor", str, description="The `next` of the page before."),
            OpenApiParameter("page_size", int, description=f"Tiles, 200 if not given, at most {PAGE_LIMIT}."),
        ],
        responses={(200, "application/json"): schema_of(LabelErrors)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Accepted and rejected items, those first that the other answers contradict most."""
        asked = request.query_params
        page = label_errors(
            self.label_class(asked.get("class")),
            offset=_number("cursor", asked.get("cursor") or "0", low=0, high=10_000_000),
            limit=_number("page_size", asked.get("page_size", "200"), low=1, high=PAGE_LIMIT),
        )
        with_thumbnails(self.corpus, page.results)
        return json_answer(page)


def _number(name: str, text: str, *, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
        detail = f"{name}: {low} to {high}."
        raise Refused("invalid", detail, fields={name: [detail]})
    return int(text[:9])
