"""ONNX exports over REST: ask for one, follow its job, download its files and the script that runs them."""

from pathlib import Path
from typing import Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import CorpusView
from labeling.api.downloads import send_file
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import NewestFirst, Refused
from sisyphus_web.idempotency import idempotent
from training.api.classifiers import VersionsView
from training.models import OnnxExport
from training.services.onnx import example_of, export_folder, request_onnx


class OnnxFileAnswer(serializers.Serializer[Any]):
    """A file: `head` takes features, `whole` and `network` images of one size, `..._any_size` any picture."""

    part = serializers.CharField()
    file_name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    largest_difference = serializers.FloatField(
        help_text="Of a probability to torch's, on real pictures; of `..._any_size` to Pillow's and torch's."
    )
    num_compared = serializers.IntegerField()
    url = serializers.CharField()
    example_url = serializers.CharField()


class OnnxExportAnswer(serializers.ModelSerializer[OnnxExport]):
    """An export; its files are there once its job is done."""

    status = serializers.SerializerMethodField()
    error = serializers.CharField(source="job.error_text", default="", read_only=True)
    files = serializers.SerializerMethodField()
    by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = OnnxExport
        fields = ["id", "version", "job", "status", "error", "files", "note", "by", "created_at"]
        read_only_fields = fields

    def get_status(self, export: OnnxExport) -> str:
        if export.published_at is not None:
            return "done"
        return export.job.status if export.job else "failed"

    def get_files(self, export: OnnxExport) -> list[dict[str, Any]]:
        corpus = export.version.classifier.corpus_id
        return [
            {
                "part": part,
                **{
                    name: facts[name]
                    for name in ("file_name", "size_bytes", "sha256", "largest_difference", "num_compared")
                },
                "url": reverse("api:onnx-file", args=[corpus, export.pk, part]),
                "example_url": reverse("api:onnx-example", args=[corpus, export.pk, part]),
            }
            for part, facts in sorted(export.files.items())
        ]


class OnnxExportPage(serializers.Serializer[Any]):
    """Some exports, the newest first, and where the others are."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = OnnxExportAnswer(many=True)


class OnnxExportsView(VersionsView):
    @extend_schema(responses=OnnxExportPage)
    def get(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """The exports of a version, newest first."""
        found = self.version(version_id).onnx_exports.select_related(
            "job", "created_by", "version__classifier"
        )
        pages = NewestFirst()
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(OnnxExportAnswer(page, many=True).data)

    @extend_schema(request=None, responses={202: OnnxExportAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """Write the version as ONNX, compared with torch on real pictures."""
        made = request_onnx(self.version(version_id), by=user_of(request))
        return Response(OnnxExportAnswer(made).data, status=202)


class OnnxPartView(CorpusView):
    """Below a part of an export."""

    def facts(self, export_id: int, part: str) -> tuple[OnnxExport, dict[str, Any]]:
        """The export and the facts of its part; a 404 where there is none, a 409 before it is written."""
        found = OnnxExport.objects.filter(version__classifier__corpus=self.corpus)
        export = get_object_or_404(found, pk=export_id)
        if export.published_at is None:
            detail = "The file is not written yet: follow the job of this export."
            raise Refused("not-ready", detail, status_code=409)
        if part not in export.files:
            raise Http404
        return export, export.files[part]


class OnnxFileView(OnnxPartView):
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
    def get(self, request: Request, corpus_id: int, export_id: int, part: str) -> HttpResponseBase:
        """The ONNX file, whole or in parts."""
        export, facts = self.facts(export_id, part)
        path = export_folder(export) / facts["file"]
        if not path.is_file():
            raise Http404
        return send_file(
            request._request,
            path,
            etag=f'"{facts["sha256"]}"',
            name=facts["file_name"],
            content_type="application/octet-stream",
        )


class OnnxExampleView(OnnxPartView):
    @extend_schema(responses={(200, "text/x-python"): OpenApiTypes.STR})
    def get(self, request: Request, corpus_id: int, export_id: int, part: str) -> HttpResponse:
        """Twenty lines of Python that run the file, with nothing of ours."""
        _, facts = self.facts(export_id, part)
        name = f"run_{Path(facts['file_name']).stem}.py"  # a version has several, each for a file of its own
        return HttpResponse(
            example_of(part),
            content_type="text/x-python; charset=utf-8",
            headers={
                "Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or ""
            },
        )
