"""The map of a corpus over REST: what it is, its points in one binary body, and regions lassoed on it."""

import struct
from typing import Any

import numpy as np
import orjson
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.models import FeatureProjection, MapRegion
from indexing.services import projections as services
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused
from sisyphus_web.conditional import unless_known
from sisyphus_web.idempotency import idempotent
from sisyphus_web.jobs.models import Job

OUTGROWN = 4.0  # times as many items as were laid out: landmarks no longer know all there is
BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class MapSerializer(serializers.ModelSerializer[FeatureProjection]):
    """The map that is shown."""

    encoder = serializers.CharField(source="feature_set.encoder")
    num_missing = serializers.SerializerMethodField(help_text="Items with features that are not on it yet.")
    is_outgrown = serializers.SerializerMethodField(help_text="Draw it anew: the corpus has grown a lot.")

    class Meta:
        model = FeatureProjection
        fields = ("id", "encoder", "num_landmarks", "num_missing", "is_outgrown", "created_at")

    def get_num_missing(self, projection: FeatureProjection) -> int:
        return services.num_missing(projection)

    def get_is_outgrown(self, projection: FeatureProjection) -> bool:
        return services.grown_since(projection) >= OUTGROWN


class MapAnswer(serializers.Serializer[Any]):
    map = MapSerializer(allow_null=True, help_text="null: it was never drawn.")
    job = serializers.IntegerField(allow_null=True, help_text="The job that draws it just now.")


class MapRequest(serializers.Serializer[Any]):
    redraw = serializers.BooleanField(default=False, help_text="Lay everything out anew.")


class MapJob(serializers.Serializer[Any]):
    job = serializers.IntegerField()


class MapView(APIView):
    @extend_schema(responses=MapAnswer)
    def get(self, request: Request, corpus_id: int) -> Response:
        """The map of the features that queries use."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        drawing = corpus.jobs.filter(
            kind=services.KIND, status__in=[Job.Status.QUEUED, Job.Status.RUNNING]
        ).first()
        answer = {"map": services.current_map(corpus), "job": drawing.pk if drawing else None}
        return Response(MapAnswer(answer).data)

    @extend_schema(request=MapRequest, responses={202: MapJob})
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Draw the map, or add to it what is new; what is on it already does not move unless redrawn."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = MapRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        job = services.start_map(corpus, created_by=user_of(request), **asked.validated_data)
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)


class MapPointsView(APIView):
    @extend_schema(responses=BINARY)
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Every live item of the map, in order of its id, little-endian.

        304 where it is what If-None-Match names.

        uint32 length of a JSON head, padded so that what follows is aligned to 8 bytes: {"map", "count",
        "sources": [{"id", "path"}]}; then float64 item ids (count), uint16 x and y of [0, 65535] (2 x count,
        interleaved), uint16 place in `sources` (count).
        """
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        projection = services.current_map(corpus)
        if projection is None:
            raise Refused("no-map", "This corpus has no map yet. Draw it first.", status_code=404)
        version = services.version_of(projection)
        return unless_known(request, version, lambda: _points(corpus, projection))


class MapRegionSerializer(serializers.ModelSerializer[MapRegion]):
    """A lasso on the map: filter by `map:#ID`, or query with its examples."""

    polygon = serializers.ListField(
        child=serializers.ListField(
            child=serializers.FloatField(min_value=-1, max_value=2), min_length=2, max_length=2
        ),
        min_length=3,
        max_length=services.MAX_CORNERS,
        help_text="Corners (x, y) in [0, 1] of the map.",
    )
    by = serializers.CharField(source="created_by.username", read_only=True)
    examples = serializers.SerializerMethodField(help_text="Items that stand for it, spread over it.")

    class Meta:
        model = MapRegion
        fields = ("id", "polygon", "num_items", "by", "created_at", "examples")
        read_only_fields = ("num_items",)

    def get_examples(self, region: MapRegion) -> list[int]:
        return services.examples_of(region)


class MapRegionsView(APIView):
    @extend_schema(request=MapRegionSerializer, responses={201: MapRegionSerializer})
    def post(self, request: Request, corpus_id: int) -> Response:
        """Keep the items within a lasso."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = MapRegionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        region = services.make_region(
            corpus, polygon=asked.validated_data["polygon"], created_by=user_of(request)
        )
        return Response(MapRegionSerializer(region).data, status=status.HTTP_201_CREATED)


class MapRegionView(APIView):
    @extend_schema(responses=MapRegionSerializer)
    def get(self, request: Request, corpus_id: int, region_id: int) -> Response:
        """One region."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        region = get_object_or_404(
            corpus.map_regions.select_related("created_by", "projection"), pk=region_id
        )
        return Response(MapRegionSerializer(region).data)


def _points(corpus: Corpus, projection: FeatureProjection) -> HttpResponse:
    points = services.read_points(projection)
    sources, source_of = services.sources_of(corpus, points.media_files)
    head = orjson.dumps(
        {
            "map": projection.pk,
            "count": len(points.item_ids),
            "sources": [{"id": pk, "path": path.rsplit("/", 1)[-1]} for pk, path in sources],
        }
    )
    head += b" " * (-(len(head) + 4) % 8)
    body = b"".join(
        (
            struct.pack("<I", len(head)),
            head,
            points.item_ids.astype("<f8").tobytes(),
            np.round(points.places * 65535).astype("<u2").tobytes(),
            source_of.astype("<u2").tobytes(),
        )
    )
    return HttpResponse(body, content_type="application/octet-stream")
