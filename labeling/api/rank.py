"""Rankings and their history over REST."""

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.models import QueryRound
from labeling.services.rounds import BadQuery, RankRequest, RankResult, rank_round
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused


class QueryView(CorpusView):
    """A view that puts a query together: what is not of this corpus is a 404, nonsense a 400."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ObjectDoesNotExist):
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
    """A ranking that was shown: POST its class, terms, filters and mode to /rank/ to open it again."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    terms = serializers.ListField(child=serializers.DictField(), read_only=True)
    filters = serializers.DictField(read_only=True)

    class Meta:
        model = QueryRound
        fields = ["id", "label_class", "by", "terms", "filters", "mode", "build", "encoder", "created_at"]
        read_only_fields = fields


class RoundView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[QueryRound]):
    """The history of queries, newest first."""

    serializer_class = RoundAnswer
    queryset = QueryRound.objects.none()
    lookup_url_kwarg = "round_id"

    def get_queryset(self) -> QuerySet[QueryRound]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        return QueryRound.objects.filter(corpus__in=mine).select_related("created_by")
