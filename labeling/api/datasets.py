"""Dataset versions over REST."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from indexing.models import Unit
from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.models import DatasetVersion, LabelClass
from labeling.services.dataset_diff import Difference, compare_versions
from labeling.services.datasets import create_version
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import NewestFirst, Refused
from sisyphus_web.idempotency import idempotent


class NewDatasetVersion(serializers.Serializer[Any]):
    """What to freeze; without `classes` every class in use."""

    classes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=1000
    )
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    unit = serializers.ChoiceField(
        choices=Unit.choices,
        required=False,
        allow_null=True,
        default=None,
        help_text="Frames or clips; none: what was answered, refused where that is both.",
    )
    includes_weak = serializers.BooleanField(required=False, default=False)
    group_by = serializers.ChoiceField(
        choices=DatasetVersion.GroupBy.choices,
        required=False,
        default=DatasetVersion.GroupBy.MEDIA,
        help_text="What is wholly on one side: media files with their stacks, whole folders, whole sources.",
    )
    val_share = serializers.FloatField(required=False, default=0.1, min_value=0, max_value=0.9)
    test_share = serializers.FloatField(required=False, default=0.1, min_value=0, max_value=0.9)
    seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**31 - 1)


class DatasetVersionAnswer(serializers.ModelSerializer[DatasetVersion]):
    """A frozen list: `sha256` is of its lines, `counts` by side and answer, `card` says the rest."""

    classes = serializers.PrimaryKeyRelatedField(source="label_classes", many=True, read_only=True)
    by = serializers.CharField(source="created_by.username", read_only=True)
    counts = serializers.DictField(read_only=True)
    card = serializers.DictField(read_only=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id", "number", "name", "unit", "classes", "includes_weak", "group_by", "val_share", "test_share",
            "seed", "last_verdict_id", "sha256", "counts", "card", "by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class DatasetVersionView(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[DatasetVersion]
):
    """The dataset versions of a corpus, newest first; POST freezes what counts now."""

    serializer_class = DatasetVersionAnswer
    queryset = DatasetVersion.objects.none()
    pagination_class = NewestFirst
    lookup_url_kwarg = "version_id"

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        found = DatasetVersion.objects.filter(corpus__in=mine)
        return found.select_related("created_by").prefetch_related("label_classes")

    @extend_schema(request=NewDatasetVersion, responses={201: DatasetVersionAnswer})
    @idempotent
    def create(self, request: Request, corpus_id: int) -> Response:
        asked = NewDatasetVersion(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        corpus = Corpus.objects.get(pk=corpus_id)
        chosen = _classes(corpus, wanted.pop("classes", None))
        made = create_version(corpus=corpus, label_classes=chosen, by=user_of(request), **wanted)
        return Response(DatasetVersionAnswer(made).data, status=201)


class DatasetDiffView(CorpusView):
    """What changed between two dataset versions."""

    @extend_schema(operation_id="datasets_diff", responses={(200, "application/json"): schema_of(Difference)})
    def get(self, request: Request, corpus_id: int, version_id: int, older_id: int) -> HttpResponse:
        """From the older version to this one: counts of each kind of change, and the first 1000 lines."""
        versions = DatasetVersion.objects.filter(corpus=self.corpus)
        new, old = get_object_or_404(versions, pk=version_id), get_object_or_404(versions, pk=older_id)
        return json_answer(compare_versions(old, new))


def _classes(corpus: Corpus, ids: list[int] | None) -> list[LabelClass]:
    known = LabelClass.objects.filter(corpus=corpus)
    if ids is None:
        return list(known.filter(retired_at=None))
    chosen = list(known.filter(pk__in=ids))
    if not ids or len(chosen) < len(set(ids)):
        detail = "classes: ids of classes of this corpus, at least one."
        raise Refused("unknown-class", detail, fields={"classes": [detail]})
    return chosen
