"""Images to search with over REST."""

from typing import Any

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from indexing.compute.media_facts import MediaRefused
from labeling.api.bodies import CorpusView
from labeling.models import QueryImage
from labeling.services.query_images import MAX_BYTES, add_query_image, path_of
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused


class AnyBytes(BaseParser):
    """The body as it came, whatever it is called."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> bytes:
        return stream.read(MAX_BYTES + 1) if stream is not None else b""


class QueryImageAnswer(serializers.ModelSerializer[QueryImage]):
    """An image to search with: a term {"kind": "image", "image": id}."""

    class Meta:
        model = QueryImage
        fields = ["id", "name", "width_px", "height_px", "created_at"]
        read_only_fields = fields


class ImageUpload(serializers.Serializer[Any]):
    file = serializers.FileField()


class QueryImagesView(CorpusView):
    """Upload an image to search with."""

    parser_classes = [MultiPartParser, AnyBytes]

    @extend_schema(
        request={"multipart/form-data": ImageUpload, "image/*": OpenApiTypes.BINARY},
        responses={201: QueryImageAnswer},
    )
    def post(self, request: Request, corpus_id: int) -> Response:
        """A form with a file, or the bytes themselves; at most 20 MB, one of the six image formats."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES + 2**16:  # room for a form's frame
            raise _too_large()
        name, data = _given(request)
        if not data:
            raise Refused("empty", "There is no image in the request.")
        if len(data) > MAX_BYTES:
            raise _too_large()
        try:
            made = add_query_image(corpus=self.corpus, data=data, name=name, by=user_of(request))
        except MediaRefused as error:
            raise Refused(error.code, str(error)) from None
        return Response(QueryImageAnswer(made).data, status=201)


class QueryImageView(CorpusView):
    """An image that was searched with."""

    @extend_schema(responses={(200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY)})
    def get(self, request: Request, corpus_id: int, image_id: str) -> FileResponse:
        """As JPEG."""
        image = get_object_or_404(QueryImage, corpus=self.corpus, pk=image_id)
        try:
            file = path_of(image).open("rb")
        except FileNotFoundError:
            raise Http404 from None
        headers = {
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        }
        return FileResponse(file, content_type="image/jpeg", headers=headers)


def _given(request: Request) -> tuple[str, bytes]:
    if isinstance(request.data, bytes):
        return "", request.data
    for file in request.FILES.values():
        return file.name or "", file.read(MAX_BYTES + 1)
    return "", b""


def _too_large() -> Refused:
    return Refused("too-large", "An image to search with has at most 20 MB.", status_code=413)
