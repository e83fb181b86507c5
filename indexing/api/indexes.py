"""Feature index builds over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing import search
from indexing.models import FeatureIndex, Unit
from indexing.services import builds as services
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent


class FeatureIndexSerializer(serializers.ModelSerializer[FeatureIndex]):
    """A build: what it is made of, and the recall measured when it was made."""

    encoder = serializers.CharField(source="feature_set.encoder")
    unit = serializers.CharField(source="feature_set.unit", help_text="frame or clip.")

    class Meta:
        model = FeatureIndex
        fields = (
            "id",
            "encoder",
            "unit",
            "factory",
            "num_vectors",
            "recall_at_10",
            "recall_at_100",
            "recall_num_queries",
            "has_regions",
            "is_published",
            "created_at",
            "job",
        )
        read_only_fields = fields


class ServingSerializer(serializers.Serializer[Any]):
    """What the search service answers this corpus's queries from."""

    build = serializers.CharField(help_text="Id of the build; empty: every vector is compared one by one.")
    encoder = serializers.CharField()
    num_vectors = serializers.IntegerField()
    num_regions = serializers.IntegerField(help_text="Of num_vectors, those of tiles of frames.")
    num_delta = serializers.IntegerField(help_text="Vectors newer than the build, compared one by one.")
    problem = serializers.CharField(help_text="Why the published build is not the one in use; else empty.")
    clips = serializers.DictField(required=False, help_text="The same of clips, where the corpus has them.")


class FeatureIndicesAnswer(serializers.Serializer[Any]):
    serving = ServingSerializer(allow_null=True, help_text="null: not loaded, or the service is away.")
    builds = FeatureIndexSerializer(many=True)


class BuildAnswer(serializers.Serializer[Any]):
    job = serializers.IntegerField(help_text="The job that builds and publishes.")


class FeatureIndicesView(APIView):
    @extend_schema(responses=FeatureIndicesAnswer)
    def get(self, request: Request, corpus_id: int) -> Response:
        """The builds of the corpus, newest first, and what the search service uses."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        builds = FeatureIndex.objects.filter(feature_set__corpus=corpus).select_related("feature_set")
        try:
            serving = search.status()["corpora"].get(str(corpus.pk))
        except search.SearchUnavailable:
            serving = None
        answer = {"serving": serving, "builds": builds.order_by("-created_at")[:20]}
        return Response(FeatureIndicesAnswer(answer).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("unit", OpenApiTypes.STR, enum=Unit.values, description="frame or clip")
        ],
        request=None,
        responses={202: BuildAnswer},
    )
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Start a build over the features that queries use; the old one serves until the new one is ready."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        unit = request.query_params.get("unit", Unit.FRAME)
        if unit not in Unit.values:
            raise Refused("filter", f"unit must be one of {', '.join(Unit.values)}; got {unit!r}.")
        job = services.start_build(corpus, created_by=request.user, unit=unit)
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)
