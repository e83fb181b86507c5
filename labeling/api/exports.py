"""Exports over REST: ask for one, follow its job, download it in as many pieces as it takes."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import CorpusView
from labeling.api.downloads import send_file
from labeling.models import DatasetVersion, Export
from labeling.services.exports import path_of, request_export
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent

CONTENT_TYPES = {
    "zip": "application/zip",
    "json": "application/json",
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "tar": "application/x-tar",
}


class NewExport(serializers.Serializer[Any]):
    """ImageFolder always has pixels, CSV, JSONL and Parquet never; the others as `with_pixels` says."""

    dataset_version = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    format = serializers.ChoiceField(choices=Export.Format.choices)
    with_pixels = serializers.BooleanField(required=False, default=True)
    image_format = serializers.ChoiceField(
        choices=Export.ImageFormat.choices, required=False, default=Export.ImageFormat.JPEG
    )
    clip_format = serializers.ChoiceField(
        choices=Export.ClipFormat.choices, required=False, default=Export.ClipFormat.H264
    )


class ExportAnswer(serializers.ModelSerializer[Export]):
    """An export; `url` is there when the whole file is."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    status = serializers.SerializerMethodField(help_text="Of its job; done once the file is there.")
    url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = [
            "id", "dataset_version", "format", "with_pixels", "image_format", "clip_format", "job", "status",
            "file_name", "size_bytes", "sha256", "url", "by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_status(self, export: Export) -> str:
        if export.sha256:
            return "done"
        return export.job.status if export.job else "failed"

    def get_url(self, export: Export) -> str | None:
        if not export.sha256:
            return None
        return reverse("api:export-file", args=[export.dataset_version.corpus_id, export.pk])


def _exports(request: Request, corpus_id: int) -> QuerySet[Export]:
    mine = corpora_of(request).filter(pk=corpus_id)
    found = Export.objects.filter(dataset_version__corpus__in=mine)
    return found.select_related("created_by", "job", "dataset_version")


class ExportView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Export]):
    """The exports of a corpus, newest first; POST starts one."""

    serializer_class = ExportAnswer
    queryset = Export.objects.none()
    lookup_url_kwarg = "export_id"

    def get_queryset(self) -> QuerySet[Export]:
        return _exports(self.request, self.kwargs["corpus_id"])

    @extend_schema(request=NewExport, responses={201: ExportAnswer})
    @idempotent
    def create(self, request: Request, corpus_id: int) -> Response:
        asked = NewExport(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        corpus = Corpus.objects.get(pk=corpus_id)
        version = get_object_or_404(DatasetVersion, corpus=corpus, pk=wanted.pop("dataset_version"))
        made = request_export(version=version, by=user_of(request), **wanted)
        return Response(ExportAnswer(made).data, status=201)


class ExportFileView(CorpusView):
    """The file of an export."""

    @extend_schema(
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="bytes=START-STOP"),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER, description="The ETag of the part."),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            (206, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def get(self, request: Request, corpus_id: int, export_id: int) -> HttpResponseBase:
        """All of it, or with Range a part: an interrupted download goes on where it was."""
        export = get_object_or_404(_exports(request, corpus_id), pk=export_id)
        if not export.sha256:
            detail = "The file is not written yet: follow the job of this export."
            raise Refused("not-ready", detail, status_code=409)
        path = path_of(export)
        if not path.is_file():
            raise Http404
        return send_file(
            request._request,
            path,
            etag=f'"{export.sha256}"',
            name=export.file_name,
            content_type=CONTENT_TYPES[path.suffix[1:]],
        )
