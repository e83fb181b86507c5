"""Rankings and their history over REST."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.models import QueryRound
from labeling.services.query_check import TermsGone
from labeling.services.query_history import line_of, num_repeats, rounds_of
from labeling.services.query_text import Names
from labeling.services.rounds import BadQuery, RankRequest, RankResult, rank_round
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused


class QueryView(CorpusView):
    """A view that puts a query together: what is not of this corpus is a 404, nonsense a 400.

    A 404 about terms counts them, from 0, in its fields.
    """

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, TermsGone):
            exc = Refused("not_found", str(exc), status_code=404, fields={"terms": exc.places})
        elif isinstance(exc, ObjectDoesNotExist):
            exc = Http404()
        elif isinstance(exc, BadQuery):
            exc = Refused(exc.code, str(exc))
        response: Response = super().handle_exception(exc)
        return response


class RankView(QueryView):
    """Query by example."""

    @extend_schema(
        request={"application/json": schema_of(RankRequest)},
        responses={(200, "application/json"): schema_of(RankResult)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """The items nearest to the terms, or best by what was learned, with what counts for the class."""
        result = rank_round(corpus=self.corpus, request=read_body(request, RankRequest), by=user_of(request))
        with_thumbnails(self.corpus, result.neighbors)
        return json_answer(result)


class RoundAnswer(serializers.ModelSerializer[QueryRound]):
    """A ranking that was shown: POST its class, terms, filters, mix and mode to /rank/ to open it again."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    class_name = serializers.CharField(source="label_class.name", default=None, read_only=True)
    terms = serializers.ListField(child=serializers.DictField(), read_only=True)
    filters = serializers.DictField(read_only=True)
    mix = serializers.DictField(child=serializers.FloatField(), read_only=True)
    q = serializers.SerializerMethodField(help_text="The filters in one line.")
    num_asked = serializers.SerializerMethodField(help_text="How often its person asked the same.")

    class Meta:
        model = QueryRound
        fields = [
            "id", "label_class", "class_name", "by", "terms", "filters", "q", "unit", "mix", "mode",
            "num_asked", "build", "encoder", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_q(self, made: QueryRound) -> str:
        return line_of(made, self.context["names"])

    def get_num_asked(self, made: QueryRound) -> int:
        asked: dict[int, int] = self.context["num_asked"]
        return asked[made.pk]


_PARAMETERS = [
    OpenApiParameter("distinct", bool, description="One line for each query, the newest."),
    OpenApiParameter("everyone", bool, description="Also those of others."),
    OpenApiParameter("class", int, description="Of one class."),
]


class RoundView(CorpusView, viewsets.GenericViewSet[QueryRound]):
    """The history of queries, newest first: one's own, unless `everyone` is asked for."""

    serializer_class = RoundAnswer
    queryset = QueryRound.objects.none()
    lookup_url_kwarg = "round_id"

    def get_queryset(self) -> QuerySet[QueryRound]:
        asked = self.request.query_params
        is_one = "round_id" in self.kwargs
        of_class = asked.get("class")
        return rounds_of(
            corpora_of(self.request).filter(pk=self.kwargs["corpus_id"]),
            by=None if is_one or _is_on(asked.get("everyone")) else user_of(self.request),
            label_class_id=self.label_class(of_class).pk if of_class else None,
            distinct=not is_one and _is_on(asked.get("distinct")),
        )

    @extend_schema(parameters=_PARAMETERS, responses=RoundAnswer(many=True))
    def list(self, request: Request, corpus_id: int) -> Response:
        """Each with its filters as a line of text."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(_described(self.corpus, [*(page or ())]))

    def retrieve(self, request: Request, corpus_id: int, round_id: int) -> Response:
        """One of them, whoever asked it: an address may be shared."""
        (described,) = _described(self.corpus, [self.get_object()])
        return Response(described)


def _described(corpus: Corpus, rounds: list[QueryRound]) -> list[dict[str, Any]]:
    context = {"names": Names(corpus), "num_asked": num_repeats(rounds)}
    described: list[dict[str, Any]] = RoundAnswer(rounds, many=True, context=context).data
    return described


def _is_on(text: str | None) -> bool:
    return text is not None and text.lower() in ("1", "true", "yes")
