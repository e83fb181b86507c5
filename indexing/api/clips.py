"""Clips of a corpus over REST: how videos are cut, and what that comes to before it is begun."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.compute.cutting import ClipPolicy
from indexing.services.clip_jobs import cost_of_clips
from indexing.services.sources import indexing_settings
from sisyphus_web.accounts.models import Corpus


class PolicyQuery(serializers.Serializer[Any]):
    """Another policy than the corpus has."""

    seconds = serializers.FloatField(required=False, min_value=0.1, max_value=600)
    stride_seconds = serializers.FloatField(required=False, min_value=0.1, max_value=3600)


class ClipCostAnswer(serializers.Serializer[Any]):
    """What a policy comes to; work is that of two cores with the built-in clip descriptor."""

    clip_seconds = serializers.FloatField()
    clip_stride_seconds = serializers.FloatField()
    num_videos = serializers.IntegerField()
    video_seconds = serializers.FloatField()
    num_clips = serializers.IntegerField(help_text="About so many, by the declared lengths.")
    num_there = serializers.IntegerField(help_text="Clips that there are now, by any policy.")
    seconds = serializers.FloatField(help_text="Of work, about.")


class ClipsView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("seconds", OpenApiTypes.FLOAT, description="Length; else the corpus's."),
            OpenApiParameter("stride_seconds", OpenApiTypes.FLOAT, description="Likewise."),
        ],
        responses=ClipCostAnswer,
    )
    def get(self, request: Request, corpus_id: int) -> Response:
        """How many clips the videos make, and how long that takes: by the corpus's policy, or another."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = PolicyQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        chosen = indexing_settings(corpus)
        policy = ClipPolicy(
            asked.validated_data.get("seconds", chosen.clip_seconds),
            asked.validated_data.get("stride_seconds", chosen.clip_stride_seconds),
        )
        named = {"clip_seconds": policy.length_seconds, "clip_stride_seconds": policy.stride_seconds}
        return Response(ClipCostAnswer(named | cost_of_clips(corpus, policy)._asdict()).data)
