"""Media files over REST: what became of every file that was given."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from indexing.models import MediaFile
from indexing.services.media import delete_media
from sisyphus_web.api import Refused, is_id


class MediaFileSerializer(serializers.ModelSerializer[MediaFile]):
    """One video or photo, with its state and why it is partial or refused."""

    class Meta:
        model = MediaFile
        fields = (
            "id",
            "name",
            "kind",
            "state",
            "reason_code",
            "reason",
            "notes",
            "sha256",
            "size_bytes",
            "container",
            "codec",
            "width_px",
            "height_px",
            "rotation_degrees",
            "duration_seconds",
            "num_frames",
            "is_variable_rate",
            "created_at",
        )


FILTERS = [
    OpenApiParameter("state", OpenApiTypes.STR, enum=MediaFile.State.values),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=MediaFile.Kind.values),
    OpenApiParameter("search", OpenApiTypes.STR, description="Part of the name, or the sha256's beginning."),
    OpenApiParameter("source", OpenApiTypes.INT),
]


class MediaFilesView(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[MediaFile],
):
    serializer_class = MediaFileSerializer
    queryset = MediaFile.objects.none()
    lookup_url_kwarg = "media_file_id"

    def get_queryset(self) -> QuerySet[MediaFile]:
        return MediaFile.objects.live().filter(corpus=self.kwargs["corpus_id"])

    def filter_queryset(self, queryset: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
        asked = self.request.query_params
        allowed: dict[str, list[str]] = {"state": MediaFile.State.values, "kind": MediaFile.Kind.values}
        for name, values in allowed.items():
            if (wanted := asked.get(name)) is None:
                continue
            if wanted not in values:
                raise Refused("filter", f"{name} must be one of {', '.join(values)}; got {wanted!r}.")
            queryset = queryset.filter(**{name: wanted})
        if words := asked.get("search", "").replace("\x00", ""):
            queryset = queryset.filter(Q(name__icontains=words) | Q(sha256__startswith=words.lower()))
        if source := asked.get("source"):
            if not is_id(source):
                raise Refused("filter", f"source must be the id of a source; got {source!r}.")
            queryset = queryset.filter(paths__source=int(source)).distinct()
        return queryset

    @extend_schema(parameters=FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The corpus's media files, the newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a file and its items out of the corpus; what was said about them stays in the ledger."""
        delete_media(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
