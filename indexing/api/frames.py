"""Frames of a video over REST: which there are, and their pictures by pts."""

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from indexing.compute.media_facts import MediaRefused
from indexing.models import Item, MediaFile
from indexing.services import video_frames as services
from sisyphus_web.api import Refused

YEAR_SECONDS = 31_536_000
MOST_LISTED = 100_000  # frames in one answer
MOST_PREVIEWED = 16
PREVIEW_SIDE_PX = 256
SIDES_PX = (64, 4096)
PTS_DIGITS = 18
PICTURES = {
    (200, "image/jpeg"): OpenApiTypes.BINARY,
    (200, "image/png"): OpenApiTypes.BINARY,
}
PACKED = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
SIDE = OpenApiParameter(
    "max_side_px",
    OpenApiTypes.INT,
    description="Smaller, for playing; 64 to 4096. Without it the whole frame.",
)


class FramesPageSerializer(serializers.Serializer[Any]):
    """Frames in presentation order, from place `offset` on."""

    num_frames = serializers.IntegerField()
    time_base = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    start_pts = serializers.IntegerField(help_text="pts_seconds = (pts - start_pts) * time_base")
    stop_pts = serializers.IntegerField(help_text="Where the last frame ends.")
    is_decoded = serializers.BooleanField(help_text="False: listed by packets; a few may be no frame.")
    offset = serializers.IntegerField()
    pts = serializers.ListField(child=serializers.IntegerField())
    numbers = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Ordinals of the frames; null where they are offset, offset + 1, ...",
    )
    codec_keyframes = serializers.ListField(child=serializers.IntegerField(), help_text="Places of them.")
    next = serializers.IntegerField(allow_null=True, help_text="The offset of the next page.")


class FramesView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("offset", OpenApiTypes.INT, description="The first place that is listed; 0."),
            OpenApiParameter("limit", OpenApiTypes.INT, description="At most 100 000, which is the default."),
        ],
        responses=FramesPageSerializer,
    )
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """Every frame by number and pts; for the same bytes always the same."""
        media_file = _video(corpus_id, media_file_id)
        offset = _count(request, "offset", 0, most=10**9)
        limit = _count(request, "limit", MOST_LISTED, most=MOST_LISTED)
        etag = f'"frames-{media_file.sha256[:24]}-{offset}-{limit}"'
        if (unchanged := _not_modified(request, etag)) is not None:
            return unchanged
        try:
            table = services.frame_table(media_file)
        except MediaRefused as error:
            raise refused(media_file, error) from error
        stop = min(offset + limit, len(table))
        here = slice(offset, stop)
        numbers = table.numbers[here].tolist()
        page = {
            "num_frames": len(table),
            "time_base": table.time_base,
            "start_pts": table.start_pts,
            "stop_pts": table.stop_pts,
            "is_decoded": table.is_decoded,
            "offset": offset,
            "pts": table.pts[here].tolist(),
            "numbers": None if numbers == list(range(offset, stop)) else numbers,
            "codec_keyframes": (table.is_codec_keyframe[here].nonzero()[0] + offset).tolist(),
            "next": stop if stop < len(table) else None,
        }
        return _kept(HttpResponse(msgspec.json.encode(page), content_type="application/json"), etag)


class FrameView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("pts", OpenApiTypes.INT, required=True, description="Exactly that of a frame."),
            OpenApiParameter(
                "form", OpenApiTypes.STR, enum=["jpeg", "png"], description="png: without loss."
            ),
            SIDE,
        ],
        responses=PICTURES,
    )
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """One frame of a video, upright, without metadata: the pixels that an export of it has."""
        media_file = _video(corpus_id, media_file_id)
        asked = _all_pts(request)
        form = request.query_params.get("form", "jpeg")
        if len(asked) != 1 or form not in ("jpeg", "png"):
            raise Refused("invalid", "pts must be the pts of one frame, and form jpeg or png.")
        max_side_px = _side(request)
        etag = f'"frame-{media_file.sha256[:24]}-{asked[0]}-{form}-{max_side_px}"'
        if (unchanged := _not_modified(request, etag)) is not None:
            return unchanged
        try:
            picture = services.frame_picture(
                media_file, asked[0], image_format="png" if form == "png" else "jpeg", max_side_px=max_side_px
            )
        except MediaRefused as error:
            raise refused(media_file, error) from error
        answer = HttpResponse(picture, content_type=f"image/{form}")
        answer["X-Content-Type-Options"] = "nosniff"
        return _kept(answer, etag)


class FrameRunView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("pts", OpenApiTypes.STR, required=True, description="0,512,1024; at most 64."),
            SIDE,
        ],
        responses=PACKED,
    )
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """Many frames in one body: u32 count, per frame i64 pts and u32 bytes, then the JPEGs; little-endian.

        In the order asked for; what is no frame is left out. Frames that follow each other cost one pass.
        """
        media_file = _video(corpus_id, media_file_id)
        asked = _all_pts(request)
        try:
            found = services.pictures(media_file, asked, max_side_px=_side(request))
        except MediaRefused as error:
            raise refused(media_file, error) from error
        answer = HttpResponse(services.packed(found, asked), content_type="application/octet-stream")
        patch_cache_control(answer, private=True, max_age=YEAR_SECONDS, immutable=True)
        return answer


class ItemPreviewView(APIView):
    @extend_schema(responses=PACKED)
    def get(self, request: Request, corpus_id: int, item_id: int) -> HttpResponse:
        """Up to 16 small frames over the time of an item of a video, packed as those of frame-run."""
        item = get_object_or_404(
            Item.objects.live().select_related("media_file"), corpus=corpus_id, pk=item_id
        )
        media_file = item.media_file
        etag = f'"preview-{media_file.sha256[:24]}-{item.start_pts}-{item.stop_pts}"'
        if (unchanged := _not_modified(request, etag)) is not None:
            return unchanged
        if media_file.kind != MediaFile.Kind.VIDEO:
            raise Refused("not-a-video", "Only items of videos can be played.", status_code=404)
        try:
            table = services.frame_table(media_file)
            pts = services.spread(table, item.start_pts, item.stop_pts, MOST_PREVIEWED)
            found = services.pictures(media_file, pts, max_side_px=PREVIEW_SIDE_PX)
        except MediaRefused as error:
            raise refused(media_file, error) from error
        packed = services.packed(found, pts)
        return _kept(HttpResponse(packed, content_type="application/octet-stream"), etag)


def _video(corpus_id: int, media_file_id: int) -> MediaFile:
    live = MediaFile.objects.live().filter(corpus=corpus_id, kind=MediaFile.Kind.VIDEO)
    return get_object_or_404(live, pk=media_file_id)


def refused(media_file: MediaFile, error: MediaRefused) -> Refused:
    """The refusal of a file, as an answer: 410 for what is not there, 422 for what cannot be read."""
    status_code = 410 if error.code in ("gone", "no-such-frame") else 422
    return Refused(error.code, f"{media_file.name}: {error.sentence}", status_code=status_code)


def _all_pts(request: Request) -> list[int]:
    """The pts asked for; a 400 for what are none, or too many."""
    asked = [part for part in request.query_params.get("pts", "").split(",") if part]
    are_numbers = all(
        part.removeprefix("-").isascii() and part.removeprefix("-").isdigit() and len(part) <= PTS_DIGITS
        for part in asked
    )
    if not asked or not are_numbers or len(asked) > services.MOST_IN_RUN:
        raise Refused(
            "invalid", f"pts must be 1 to {services.MOST_IN_RUN} whole numbers with commas between."
        )
    return list(map(int, asked))


def _side(request: Request) -> int | None:
    asked = request.query_params.get("max_side_px")
    if asked is None:
        return None
    least, most = SIDES_PX
    if not (asked.isascii() and asked.isdigit() and len(asked) < 5 and least <= int(asked) <= most):
        raise Refused("invalid", f"max_side_px must be a number from {least} to {most}; got {asked!r}.")
    return int(asked)


def _count(request: Request, name: str, default: int, *, most: int) -> int:
    asked = request.query_params.get(name)
    if asked is None:
        return default
    if not (asked.isascii() and asked.isdigit() and len(asked) < 11 and int(asked) <= most):
        raise Refused("invalid", f"{name} must be a number from 0 to {most}; got {asked!r}.")
    return int(asked)


def _not_modified(request: Request | HttpRequest, etag: str) -> HttpResponse | None:
    if etag not in request.headers.get("If-None-Match", ""):
        return None
    answer = HttpResponse(status=304)
    answer["ETag"] = etag
    return answer


def _kept(answer: HttpResponse, etag: str) -> HttpResponse:
    """An answer that never changes: it is of bytes known by their sha256."""
    answer["ETag"] = etag
    patch_cache_control(answer, private=True, max_age=YEAR_SECONDS, immutable=True)
    return answer
