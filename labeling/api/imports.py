"""Imports of labels over REST: look through a file, take it in, read what became of it, take it back."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from indexing.services.uploads import UploadRefused
from labeling.api.bodies import CorpusView
from labeling.api.downloads import send_file
from labeling.models import LabelImport
from labeling.services.imports import report_path, request_import, take_import, undo_import
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import NewestFirst, Refused
from sisyphus_web.idempotency import idempotent


class NewLabelImport(serializers.Serializer[Any]):
    """What to import: an upload of yours that is here whole, or a path below the server's media roots."""

    upload = serializers.UUIDField(required=False)
    path = serializers.CharField(required=False, max_length=4096)
    format = serializers.ChoiceField(
        choices=LabelImport.Format.choices, required=False, default="", allow_blank=True, help_text="Guessed."
    )
    as_weak = serializers.BooleanField(required=False, default=False)
    boxes = serializers.ChoiceField(
        choices=LabelImport.Boxes.choices, required=False, default=LabelImport.Boxes.REGIONS
    )
    dry_run = serializers.BooleanField(required=False, default=True, help_text="Look through it first.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("upload" in attrs) == ("path" in attrs):
            raise serializers.ValidationError("Say either upload or path.")
        return attrs


class LabelImportAnswer(serializers.ModelSerializer[LabelImport]):
    """An import; `preview` and `counts` say how many lines were taken, skipped and rejected, by reason."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    status = serializers.SerializerMethodField(help_text="Of the job of its last step.")
    report = serializers.SerializerMethodField(help_text="A CSV with what became of every line.")
    preview = serializers.DictField(read_only=True)
    counts = serializers.DictField(read_only=True)

    class Meta:
        model = LabelImport
        fields = [
            "id", "name", "format", "as_weak", "boxes", "state", "sha256", "batch", "preview", "counts",
            "job", "status", "report", "by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_status(self, label_import: LabelImport) -> str:
        return label_import.job.status if label_import.job else "done"

    def get_report(self, label_import: LabelImport) -> str | None:
        if label_import.state == LabelImport.State.NEW:
            return None
        return reverse("api:label-import-report", args=[label_import.corpus_id, label_import.pk])


def _imports(request: Request, corpus_id: int) -> QuerySet[LabelImport]:
    mine = corpora_of(request).filter(pk=corpus_id)
    return LabelImport.objects.filter(corpus__in=mine).select_related("created_by", "job", "corpus")


class LabelImportView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[LabelImport]):
    """The imports of a corpus, newest first; POST begins one."""

    serializer_class = LabelImportAnswer
    queryset = LabelImport.objects.none()
    pagination_class = NewestFirst
    lookup_url_kwarg = "import_id"

    def get_queryset(self) -> QuerySet[LabelImport]:
        return _imports(self.request, self.kwargs["corpus_id"])

    @extend_schema(request=NewLabelImport, responses={201: LabelImportAnswer})
    @idempotent
    def create(self, request: Request, corpus_id: int) -> Response:
        asked = NewLabelImport(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        is_dry = wanted.pop("dry_run")
        corpus = Corpus.objects.get(pk=corpus_id)
        try:
            made = request_import(corpus=corpus, by=user_of(request), is_dry=is_dry, **wanted)
        except UploadRefused as error:
            raise Refused(error.code, str(error)) from error
        return Response(LabelImportAnswer(made).data, status=201)


class LabelImportTakeView(CorpusView):
    """Take in what was looked through."""

    @extend_schema(request=None, responses=LabelImportAnswer)
    @idempotent
    def post(self, request: Request, corpus_id: int, import_id: int) -> Response:
        """As verdicts of origin import, in one batch, or as weak labels."""
        found = get_object_or_404(_imports(request, corpus_id), pk=import_id)
        return Response(LabelImportAnswer(take_import(found, by=user_of(request))).data)


class LabelImportUndoView(CorpusView):
    """Take an import back."""

    @extend_schema(request=None, responses=LabelImportAnswer)
    @idempotent
    def post(self, request: Request, corpus_id: int, import_id: int) -> Response:
        """All that it took and nobody has answered since."""
        found = get_object_or_404(_imports(request, corpus_id), pk=import_id)
        return Response(LabelImportAnswer(undo_import(found, by=user_of(request))).data)


class LabelImportReportView(CorpusView):
    """What became of every line."""

    @extend_schema(responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY)})
    def get(self, request: Request, corpus_id: int, import_id: int) -> HttpResponseBase:
        """A CSV: place, outcome, reason, detail, media, item, class, answer."""
        found = get_object_or_404(_imports(request, corpus_id), pk=import_id)
        path = report_path(found)
        if not path.is_file():
            raise Http404
        name = f"import-{found.pk}-{path.stem}.csv"
        etag = f'"{path.stat().st_mtime_ns:x}-{path.stat().st_size:x}"'
        return send_file(request._request, path, etag=etag, name=name, content_type="text/csv")
