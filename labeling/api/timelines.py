"""The time line of a video over REST: items and verdicts, similarities along it, its bytes to play."""

from typing import Annotated

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from indexing.compute.media_facts import MediaRefused
from indexing.models import Item, MediaFile
from indexing.services.video_frames import video_bytes
from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.api.downloads import send_file
from labeling.services.rank_request import Id
from labeling.services.timelines import (
    Similarities,
    SpanItem,
    Timeline,
    item_of_span,
    similarities_to,
    timeline_of,
)
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused, is_id
from sisyphus_web.idempotency import idempotent

CONTENT_TYPES = {
    "mp4": "video/mp4",
    "matroska": "video/webm",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
}
BYTES = {(200, "video/*"): OpenApiTypes.BINARY, (206, "video/*"): OpenApiTypes.BINARY}


Pts = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]


class NewSpan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Part of a video, [start_pts, stop_pts); `class`: whose answer to it is wanted."""

    start_pts: Pts
    stop_pts: Pts
    label_class: Id | None = msgspec.field(name="class", default=None)


class VideoView(CorpusView):
    """A view below a video of the corpus."""

    def video(self, media_file_id: int) -> MediaFile:
        live = MediaFile.objects.live().filter(corpus=self.corpus, kind=MediaFile.Kind.VIDEO)
        found = get_object_or_404(live, pk=media_file_id)
        found.corpus = self.corpus  # known already: not another statement
        return found


class TimelineView(VideoView):
    @extend_schema(
        parameters=[OpenApiParameter("class", int, description="Whose answers are shown; none if left out.")],
        responses={(200, "application/json"): schema_of(Timeline)},
    )
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """The items of a video in order of time, with what counts for the class."""
        asked = request.query_params.get("class")
        label_class = self.label_class(asked) if asked else None
        return json_answer(timeline_of(self.video(media_file_id), label_class))


class TimelineSimilaritiesView(VideoView):
    @extend_schema(
        parameters=[OpenApiParameter("item", int, required=True, description="The example; of any file.")],
        responses={(200, "application/json"): schema_of(Similarities)},
    )
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """How near each item of a video is to an example; no line of the history."""
        asked = request.query_params.get("item", "")
        if not is_id(asked):
            raise Refused("invalid", "item: the id of an item of this corpus.", fields={"item": ["Needed."]})
        item = get_object_or_404(Item.objects.live(), corpus=self.corpus, pk=int(asked))
        return json_answer(similarities_to(self.video(media_file_id), item))


class SpansView(VideoView):
    @extend_schema(
        request={"application/json": schema_of(NewSpan)},
        responses={(200, "application/json"): schema_of(SpanItem)},
    )
    @idempotent
    def post(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponse:
        """The clip of a span, widened to whole frames: an item to answer or search with, made once."""
        asked = read_body(request, NewSpan)
        label_class = self.label_class(asked.label_class) if asked.label_class is not None else None
        media_file = self.video(media_file_id)
        try:
            found = item_of_span(
                media_file, asked.start_pts, asked.stop_pts, label_class=label_class, by=user_of(request)
            )
        except MediaRefused as error:
            raise Refused(error.code, f"{media_file.name}: {error.sentence}", status_code=422) from error
        except LookupError as error:
            raise Refused("no-such-span", f"{media_file.name}: {error}.") from error
        return json_answer(found)


class VideoBytesView(VideoView):
    @extend_schema(responses=BYTES)
    def get(self, request: Request, corpus_id: int, media_file_id: int) -> HttpResponseBase:
        """The video as it was given, in one piece or in parts, for a browser to play."""
        media_file = self.video(media_file_id)
        try:
            path = video_bytes(media_file)
        except MediaRefused as error:
            raise Refused(error.code, f"{media_file.name}: {error.sentence}", status_code=410) from error
        content_type = CONTENT_TYPES.get(media_file.container, "application/octet-stream")
        answer = send_file(
            request,
            path,
            etag=f'"{media_file.sha256}"',
            name=media_file.name,
            content_type=content_type,
            in_parts=True,
        )
        answer["X-Content-Type-Options"] = "nosniff"
        return answer
