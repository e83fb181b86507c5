"""Folders of this server as sources, and how a corpus is indexed, over REST."""

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.models import IndexingSettings, Source
from indexing.services.corpora import change_settings
from indexing.services.ingest import start_ingest
from indexing.services.sources import folder_source, indexing_settings
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent
from sisyphus_web.server_paths import last_part, sees_paths


class SourceSerializer(serializers.ModelSerializer[Source]):
    """Where media of the corpus come from."""

    class Meta:
        model = Source
        fields = ("id", "kind", "path", "created_at", "scanned_at")

    def to_representation(self, source: Source) -> dict[str, Any]:
        """To who may not know where files lie, the path is the folder's own name."""
        shown: dict[str, Any] = super().to_representation(source)
        if not self.context.get("sees_paths"):
            shown["path"] = last_part(shown["path"])
        return shown


class SourceRequestSerializer(serializers.Serializer[Source]):
    """A folder below one of the server's allowed roots."""

    path = serializers.CharField(max_length=4096)


class SourceAnswerSerializer(serializers.Serializer[Source]):
    """The source, and the job that takes in what is new in it."""

    source = serializers.IntegerField()
    job = serializers.IntegerField()


class IndexingSettingsSerializer(serializers.ModelSerializer[IndexingSettings]):
    """How the corpus turns media into items; it holds for what is taken in from now on.

    `regions` and `clips` hold at once: with `tiles`, 13 tiles of each frame are extracted and searched too;
    with `on`, videos are cut into clips, which are searched beside frames.
    """

    class Meta:
        model = IndexingSettings
        fields = (
            "encoder",
            "frame_policy",
            "interval_seconds",
            "similarity_threshold",
            "is_strict",
            "regions",
            "clips",
            "clip_seconds",
            "clip_stride_seconds",
            "clip_frames_per_second",
            "clip_encoder",
        )
        extra_kwargs: ClassVar = {
            "interval_seconds": {"min_value": 0.01, "max_value": 86400},
            "similarity_threshold": {"min_value": -0.99, "max_value": 1},
            "clip_seconds": {"min_value": 0.1, "max_value": 600},
            "clip_stride_seconds": {"min_value": 0.1, "max_value": 3600},
            "clip_frames_per_second": {"min_value": 0, "max_value": 1000},
        }


class SourcesView(APIView):
    @extend_schema(responses=SourceSerializer(many=True))
    def get(self, request: Request, corpus_id: int) -> Response:
        """The corpus's sources, the newest first."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        context = {"sees_paths": sees_paths(user_of(request), corpus_id)}
        return Response(SourceSerializer(corpus.sources.order_by("-id"), many=True, context=context).data)

    @extend_schema(request=SourceRequestSerializer, responses={202: SourceAnswerSerializer})
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Register a folder and start its ingest; features, stacks and the index follow by themselves."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = SourceRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by = user_of(request)
        source = folder_source(corpus, path=asked.validated_data["path"], created_by=by)
        job = start_ingest(corpus, source=source, created_by=by)
        return Response({"source": source.pk, "job": job.pk}, status=status.HTTP_202_ACCEPTED)


class SourceScanView(APIView):
    @extend_schema(request=None, responses={202: SourceAnswerSerializer})
    @idempotent
    def post(self, request: Request, corpus_id: int, source_id: int) -> Response:
        """Scan a folder again; unchanged files are not read."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        source = get_object_or_404(corpus.sources, pk=source_id)
        if source.kind != Source.Kind.FOLDER:
            raise Refused("not-a-folder", "Uploads cannot be scanned again; send the files once more.")
        job = start_ingest(corpus, source=source, created_by=user_of(request))
        return Response({"source": source.pk, "job": job.pk}, status=status.HTTP_202_ACCEPTED)


class IndexingSettingsView(APIView):
    @extend_schema(responses=IndexingSettingsSerializer)
    def get(self, request: Request, corpus_id: int) -> Response:
        """How the corpus is indexed."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        return Response(IndexingSettingsSerializer(indexing_settings(corpus)).data)

    @extend_schema(request=IndexingSettingsSerializer, responses=IndexingSettingsSerializer)
    def patch(self, request: Request, corpus_id: int) -> Response:
        """Change some of it."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        changed = IndexingSettingsSerializer(indexing_settings(corpus), data=request.data, partial=True)
        changed.is_valid(raise_exception=True)
        chosen = change_settings(corpus, by=user_of(request), **changed.validated_data)
        return Response(IndexingSettingsSerializer(chosen).data)
