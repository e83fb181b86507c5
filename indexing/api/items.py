"""Items over REST: facts, thumbnails (one, or many in one body), whole frames, stacks."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.compute.media_facts import MediaRefused
from indexing.models import Item, Stack
from indexing.services import items as services
from indexing.services import thumbnails
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.api import Refused, is_id

YEAR_SECONDS = 31_536_000
JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY}


class ItemSerializer(serializers.ModelSerializer[Item]):
    """A window of a media file; for a photo, all of it."""

    name = serializers.CharField(source="media_file.name")
    media_kind = serializers.CharField(source="media_file.kind")
    width_px = serializers.IntegerField(source="media_file.width_px")
    height_px = serializers.IntegerField(source="media_file.height_px")
    box = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()
    frame = serializers.SerializerMethodField()

    class Meta:
        model = Item
        fields = (
            "id",
            "media_file",
            "name",
            "media_kind",
            "kind",
            "number",
            "start_pts",
            "stop_pts",
            "pts_seconds",
            "box",
            "stack",
            "width_px",
            "height_px",
            "thumbnail_width_px",
            "thumbnail_height_px",
            "thumbnail",
            "frame",
        )

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField(), allow_null=True))
    def get_box(self, item: Item) -> list[int | None] | None:
        return None if item.x0_px is None else [item.x0_px, item.y0_px, item.x1_px, item.y1_px]

    @extend_schema_field(OpenApiTypes.URI_REF)
    def get_thumbnail(self, item: Item) -> str:
        return reverse("api:item-thumbnail", args=[item.corpus_id, item.pk])

    @extend_schema_field(OpenApiTypes.URI_REF)
    def get_frame(self, item: Item) -> str:
        return reverse("api:item-frame", args=[item.corpus_id, item.pk])


class StackSerializer(serializers.Serializer[Stack]):
    """Near-identical items, in order of time."""

    id = serializers.IntegerField()
    media_file = serializers.IntegerField(allow_null=True, help_text="Empty: a stack of photos.")
    items = ItemSerializer(many=True)


class ItemsView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Item]):
    serializer_class = ItemSerializer
    queryset = Item.objects.none()
    lookup_url_kwarg = "item_id"

    def get_queryset(self) -> QuerySet[Item]:
        return Item.objects.live().filter(corpus=self.kwargs["corpus_id"]).select_related("media_file")

    def filter_queryset(self, queryset: QuerySet[Item]) -> QuerySet[Item]:
        for name in ("media_file", "stack"):
            if wanted := self.request.query_params.get(name):
                if not is_id(wanted):
                    raise Refused("filter", f"{name} must be an id; got {wanted!r}.")
                queryset = queryset.filter(**{name: int(wanted)})
        if kind := self.request.query_params.get("kind"):
            if kind not in Item.Kind.values:
                raise Refused("filter", f"kind must be one of {', '.join(Item.Kind.values)}; got {kind!r}.")
            queryset = queryset.filter(kind=kind)
        return queryset

    @extend_schema(
        parameters=[
            OpenApiParameter("media_file", OpenApiTypes.INT),
            OpenApiParameter("stack", OpenApiTypes.INT),
            OpenApiParameter("kind", OpenApiTypes.STR, enum=Item.Kind.values),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The corpus's items, the newest first."""
        return super().list(request, *args, **kwargs)


class ItemThumbnailView(APIView):
    @extend_schema(responses=JPEG)
    def get(self, request: Request, corpus_id: int, item_id: int) -> HttpResponse:
        """A JPEG of at most 256 pixels; it never changes."""
        item = _item(corpus_id, item_id, "thumbnail_pack")
        if item.thumbnail_pack is None:
            raise Refused("no-thumbnail", "This item has no thumbnail.", status_code=404)
        etag = f'"{item.thumbnail_pack.sha256[:24]}-{item.thumbnail_offset}"'
        if (unchanged := _not_modified(request, etag)) is not None:
            return unchanged
        try:
            jpeg = thumbnails.thumbnail_of(item)
        except OSError as error:
            sentence = "The thumbnail is missing on the server's disk. The operator can restore its pack."
            raise Refused("thumbnail-missing", sentence, status_code=404) from error
        return _jpeg(jpeg, etag)


class ItemFrameView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("crop", OpenApiTypes.INT, description="1: the item's box only.")],
        responses=JPEG,
    )
    def get(self, request: Request, corpus_id: int, item_id: int) -> HttpResponse:
        """The whole frame as a JPEG, decoded on demand, without metadata."""
        item = _item(corpus_id, item_id, "media_file")
        is_cropped = request.query_params.get("crop") == "1" and item.x0_px is not None
        etag = f'"{services.frame_name(item, is_cropped=is_cropped)}"'
        if (unchanged := _not_modified(request, etag)) is not None:
            return unchanged
        try:
            jpeg = services.frame_jpeg(item, is_cropped=is_cropped)
        except MediaRefused as error:
            status_code = 410 if error.code in ("gone", "no-such-frame") else 422
            raise Refused(
                error.code, f"{item.media_file.name}: {error.sentence}", status_code=status_code
            ) from error
        return _jpeg(jpeg, etag)


class ThumbnailsView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("ids", OpenApiTypes.STR, required=True, description="1,2,3; at most 500.")
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Many thumbnails: u32 count, then per item u64 id and u32 bytes, then the JPEGs; little-endian.

        In the order asked for; items that are not there are left out.
        """
        asked = [part for part in request.query_params.get("ids", "").split(",") if part]
        if not asked or len(asked) > thumbnails.MOST or not all(map(is_id, asked)):
            raise Refused("ids", f"ids must be 1 to {thumbnails.MOST} numbers with commas between them.")
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        answer = HttpResponse(
            thumbnails.thumbnails_of(corpus, list(map(int, asked))),
            content_type="application/octet-stream",
        )
        patch_cache_control(answer, private=True, max_age=YEAR_SECONDS, immutable=True)
        return answer


class StackView(APIView):
    @extend_schema(responses=StackSerializer)
    def get(self, request: Request, corpus_id: int, stack_id: int) -> Response:
        """A stack and its members."""
        stack = get_object_or_404(Stack, corpus=corpus_id, pk=stack_id)
        members = stack.items.live().select_related("media_file").order_by("media_file", "start_pts", "pk")
        facts = {"id": stack.pk, "media_file": stack.media_file_id, "items": members}
        return Response(StackSerializer(facts).data)


def _item(corpus_id: int, item_id: int, *related: str) -> Item:
    return get_object_or_404(Item.objects.live().select_related(*related), corpus=corpus_id, pk=item_id)


def _not_modified(request: Request | HttpRequest, etag: str) -> HttpResponse | None:
    if etag not in request.headers.get("If-None-Match", ""):
        return None
    answer = HttpResponse(status=304)
    answer["ETag"] = etag
    return answer


def _jpeg(jpeg: bytes, etag: str) -> HttpResponse:
    answer = HttpResponse(jpeg, content_type="image/jpeg")
    answer["ETag"] = etag
    answer["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(answer, private=True, max_age=YEAR_SECONDS, immutable=True)
    return answer
