"""Uploads over REST: announce a file, send it in chunks, continue where it broke off, take it in."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.models import Upload
from indexing.services import uploads as services
from indexing.services.ingest import start_ingest
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused, is_id
from sisyphus_web.idempotency import idempotent
from sisyphus_web.jobs.errors import NoSpace

NEXT = "Upload-Offset"  # the header that names a chunk's first byte, and in answers the next one


class RawBody(BaseParser):
    """The body as bytes, whatever its type; larger than one chunk is refused before it is read whole."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        body = stream.read(services.MAX_CHUNK_BYTES + 1)
        if len(body) > services.MAX_CHUNK_BYTES:
            limit = services.MAX_CHUNK_BYTES >> 20
            raise Refused("chunk-too-large", f"Send at most {limit} MiB in one request.", status_code=413)
        return body


class UploadRequestSerializer(serializers.Serializer[Upload]):
    """A file about to be sent."""

    name = serializers.CharField(max_length=1000, help_text="With its folders, if it has any.")
    size_bytes = serializers.IntegerField(min_value=0, max_value=2**62)
    sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        required=False,
        default="",
        allow_blank=True,
        help_text="Compared at the end, if given.",
    )


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """How far an upload is."""

    class Meta:
        model = Upload
        fields = ("id", "name", "size_bytes", "received_bytes", "sha256", "state", "reason")


class UploadsFinishRequestSerializer(serializers.Serializer[Upload]):
    """Uploads that are here whole."""

    uploads = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=100_000)


class UploadsFinishAnswerSerializer(serializers.Serializer[Upload]):
    """The job that takes them in."""

    job = serializers.IntegerField()


class UploadsView(APIView):
    @extend_schema(request=UploadRequestSerializer, responses={201: UploadSerializer})
    def post(self, request: Request, corpus_id: int) -> Response:
        """Announce a file; one begun before with the same sha256 is continued from its received_bytes."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = UploadRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            upload = services.begin_upload(corpus, created_by=user_of(request), **asked.validated_data)
        except NoSpace as error:
            raise Refused(error.code, str(error), status_code=507) from error
        except services.UploadRefused as error:
            too_large = error.code == "too-large"
            raise Refused(error.code, str(error), status_code=413 if too_large else 400) from error
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


class UploadView(APIView):
    parser_classes: ClassVar = [RawBody]

    @extend_schema(responses=UploadSerializer)
    def get(self, request: Request, corpus_id: int, upload_id: str) -> Response:
        """How far it is."""
        upload = self._upload(request, corpus_id, upload_id)
        return Response(UploadSerializer(upload).data, headers={NEXT: str(upload.received_bytes)})

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[OpenApiParameter(NEXT, int, OpenApiParameter.HEADER, required=True)],
        responses=UploadSerializer,
    )
    def patch(self, request: Request, corpus_id: int, upload_id: str) -> Response:
        """Append a chunk at the byte named by Upload-Offset; 409 with the right offset if it is another."""
        upload = self._upload(request, corpus_id, upload_id)
        given = request.headers.get(NEXT, "")
        if not is_id(given):
            raise Refused("no-offset", f"Name the chunk's first byte in the header {NEXT}.")
        try:
            upload = services.add_chunk(upload, offset=int(given), chunk=request.data)
        except services.WrongOffset as error:
            body = {"code": error.code, "detail": str(error), "fields": {"offset": error.offset}}
            return Response(body, status=status.HTTP_409_CONFLICT, headers={NEXT: str(error.offset)})
        except NoSpace as error:
            raise Refused(error.code, str(error), status_code=507) from error
        return Response(UploadSerializer(upload).data, headers={NEXT: str(upload.received_bytes)})

    def _upload(self, request: Request, corpus_id: int, upload_id: str) -> Upload:
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        return get_object_or_404(corpus.uploads.filter(created_by=user_of(request)), pk=upload_id)


class UploadsFinishView(APIView):
    parser_classes: ClassVar = [JSONParser]

    @extend_schema(request=UploadsFinishRequestSerializer, responses={202: UploadsFinishAnswerSerializer})
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Start the ingest of finished uploads; features, stacks and the index follow by themselves."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = UploadsFinishRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by = user_of(request)
        found = services.finished_uploads(corpus, ids=asked.validated_data["uploads"], created_by=by)
        job = start_ingest(corpus, uploads=found, created_by=by)
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)
