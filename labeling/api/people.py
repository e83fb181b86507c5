"""People over REST: rates, agreement, gold, errors of derived answers; as JSON and as CSV."""

import csv
import io
from typing import Annotated, Literal

import msgspec
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.compute.export_writers.tables import neutral
from labeling.services.gold import gold_counts, mark_gold
from labeling.services.people import People, people_of
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused

PARAMETERS = [
    OpenApiParameter("class", int, description="About one class; left out: about all."),
    OpenApiParameter("days", int, description="Of the last so many days; left out: ever."),
]
COLUMNS = (
    "name", "decisions", "items", "accepted", "rejected", "unsure", "undone", "accept_share",
    "active_minutes", "per_minute", "gold_right", "gold_seen", "gold_share", "gold_low", "gold_high",
    "pairs", "alike", "alike_share", "kappa", "kappa_low", "kappa_high", "last_at",
)  # fmt: skip


class _Asked(CorpusView):
    def people(self, request: Request) -> People:
        asked = request.query_params.get("class")
        days = request.query_params.get("days", "")
        if days and not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= 36_500):
            raise Refused("invalid", "days: 1 to 36500.", fields={"days": ["A number of days."]})
        return people_of(
            self.corpus,
            label_class=self.label_class(asked) if asked else None,
            days=int(days[:6]) if days else None,
        )


class PeopleView(_Asked):
    """How the members of a corpus answer."""

    @extend_schema(
        operation_id="people_retrieve",
        parameters=PARAMETERS,
        responses={(200, "application/json"): schema_of(People)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Per annotator and per pair, with intervals; and how often derived answers are wrong, by source."""
        return json_answer(self.people(request))


class PeopleCsvView(_Asked):
    """The same as a table."""

    @extend_schema(parameters=PARAMETERS, responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """One line per annotator."""
        text = io.StringIO()
        lines = csv.writer(text)
        lines.writerow(COLUMNS)
        for each in self.people(request).people:
            values = msgspec.to_builtins(each) | {
                "gold_right": each.gold.hits, "gold_seen": each.gold.num, "gold_share": each.gold.share,
                "gold_low": each.gold.low, "gold_high": each.gold.high,
                "pairs": each.agreement.alike.num, "alike": each.agreement.alike.hits,
                "alike_share": each.agreement.alike.share, "kappa": each.agreement.kappa,
                "kappa_low": each.agreement.kappa_low, "kappa_high": each.agreement.kappa_high,
            }  # fmt: skip
            lines.writerow([neutral(values["name"]), *(values[column] for column in COLUMNS[1:])])
        response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="people-{corpus_id}.csv"'
        return response


class GoldRequest(msgspec.Struct, kw_only=True):
    """Items whose answer is known; an empty answer takes them out of the checks."""

    label_class: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] = msgspec.field(name="class")
    items: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]], msgspec.Meta(min_length=1, max_length=500)
    ]
    answer: Literal["accept", "reject", "unsure", ""]


class GoldCounts(msgspec.Struct):
    """Items that are gold now, by their answer."""

    accept: int = 0
    reject: int = 0
    unsure: int = 0


class GoldView(CorpusView):
    """Gold checks: items with a known answer, served blind among others."""

    @extend_schema(
        operation_id="gold_retrieve",
        parameters=[OpenApiParameter("class", int, required=True)],
        responses={(200, "application/json"): schema_of(GoldCounts)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """How many items of a class are gold."""
        label_class = self.label_class(request.query_params.get("class"))
        return json_answer(GoldCounts(**gold_counts(label_class)))

    @extend_schema(
        request={"application/json": schema_of(GoldRequest)},
        responses={(200, "application/json"): schema_of(GoldCounts)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """Mark items as gold, or take them out; items that are not of this corpus are passed over."""
        asked = read_body(request, GoldRequest)
        label_class = self.label_class(asked.label_class)
        mark_gold(label_class, items=asked.items, answer=asked.answer, by=user_of(request))
        return json_answer(GoldCounts(**gold_counts(label_class)))
