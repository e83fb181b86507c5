"""Classifiers and their versions over REST: which there are, which one is live, who made it so."""

from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import CorpusView, json_answer
from labeling.models import DatasetVersion
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import NewestFirst, Refused, is_id
from sisyphus_web.idempotency import idempotent
from training.models import Classifier, ClassifierVersion, LiveEvent
from training.services.comparing import compare_versions
from training.services.operating_points import points_of
from training.services.versions import roll_back, set_live

LIVE_EVENTS = 50  # told with a classifier


class PointAnswer(serializers.Serializer[Any]):
    """From which score on a class counts as found, and what was measured of that."""

    label_class = serializers.IntegerField(source="label_class_id")
    threshold = serializers.FloatField()
    expected = serializers.DictField(
        help_text="precision, recall, _low, _high of each at 95 %, side (val, test), aim; {}: not measured."
    )
    by = serializers.CharField(
        source="chosen_by.username", default=None, allow_null=True, help_text="null: proposed by the run."
    )
    created_at = serializers.DateTimeField()


class VersionLine(serializers.ModelSerializer[ClassifierVersion]):
    """A version in a list."""

    kind = serializers.CharField(source="run.kind", read_only=True)
    target = serializers.CharField(source="run.target", read_only=True)
    encoder = serializers.CharField(source="run.encoder", read_only=True)
    dataset_version = serializers.IntegerField(source="run.dataset_version_id", read_only=True)
    classes = serializers.ListField(source="run.classes", child=serializers.DictField(), read_only=True)
    by = serializers.CharField(source="run.created_by.username", read_only=True)
    test_average_precision = serializers.SerializerMethodField(
        help_text="Mean over the classes, on the test side; null where that has no answers."
    )

    class Meta:
        model = ClassifierVersion
        fields = [
            "id", "number", "run", "is_live", "kind", "target", "encoder", "dataset_version", "classes",
            "sha256", "size_bytes", "test_average_precision", "by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_test_average_precision(self, version: ClassifierVersion) -> float | None:
        found: float | None = version.test_average_precision  # type: ignore[attr-defined] - annotated
        return found


class VersionAnswer(VersionLine):
    """A version with its evaluation and the operating points that hold."""

    classifier_name = serializers.CharField(source="classifier.name", read_only=True)
    evaluation = serializers.DictField(source="run.evaluation", read_only=True)
    examples = serializers.DictField(source="run.examples", read_only=True)
    operating_points = serializers.SerializerMethodField()

    class Meta(VersionLine.Meta):
        fields = [
            *VersionLine.Meta.fields, "classifier", "classifier_name", "evaluation", "examples",
            "operating_points",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PointAnswer(many=True))
    def get_operating_points(self, version: ClassifierVersion) -> list[dict[str, Any]]:
        return [dict(PointAnswer(point).data) for point in points_of(version).values()]


class LiveEventAnswer(serializers.ModelSerializer[LiveEvent]):
    """Who made which version live, and when; `version` null: none."""

    by = serializers.CharField(source="by.username", read_only=True)
    number = serializers.IntegerField(source="version.number", default=None, allow_null=True, read_only=True)

    class Meta:
        model = LiveEvent
        fields = ["version", "number", "is_rollback", "by", "at"]
        read_only_fields = fields


class ClassifierLine(serializers.ModelSerializer[Classifier]):
    """A named line of versions; `live` is the version that scores new media."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    versions = VersionLine(many=True, read_only=True)

    class Meta:
        model = Classifier
        fields = ["id", "name", "versions", "by", "created_at"]
        read_only_fields = fields


class LiveEventPage(serializers.Serializer[Any]):
    """Some events, the newest first, and where the others are."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LiveEventAnswer(many=True)


class ClassifierAnswer(ClassifierLine):
    """With what was live last, the newest first; all of it below live-events/."""

    live_events = serializers.SerializerMethodField()

    class Meta(ClassifierLine.Meta):
        fields = [*ClassifierLine.Meta.fields, "live_events"]
        read_only_fields = fields

    @extend_schema_field(LiveEventAnswer(many=True))
    def get_live_events(self, classifier: Classifier) -> list[dict[str, Any]]:
        found = classifier.live_events.select_related("version", "by").order_by("-pk")[:LIVE_EVENTS]
        return [dict(LiveEventAnswer(event).data) for event in found]


class ClassifierView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Classifier]):
    """The classifiers of a corpus, newest first, each with its versions."""

    queryset = Classifier.objects.none()
    serializer_class = ClassifierLine
    lookup_url_kwarg = "classifier_id"

    def get_queryset(self) -> QuerySet[Classifier]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        return (
            Classifier.objects.filter(corpus__in=mine)
            .select_related("created_by")
            .prefetch_related(Prefetch("versions", versions_of_all().order_by("-number")))
        )

    @extend_schema(responses=ClassifierAnswer)
    def retrieve(self, request: Request, corpus_id: int, classifier_id: int) -> Response:
        """With who made which version live, and when."""
        return Response(ClassifierAnswer(self.get_object()).data)


class LiveEventsView(CorpusView):
    @extend_schema(responses=LiveEventPage)
    def get(self, request: Request, corpus_id: int, classifier_id: int) -> Response:
        """Who made which version live, and when, the newest first."""
        classifier = get_object_or_404(Classifier, corpus=self.corpus, pk=classifier_id)
        pages = NewestFirst()
        found = classifier.live_events.select_related("version", "by")
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(LiveEventAnswer(page, many=True).data)


class RollBackView(CorpusView):
    """Back to what was live before."""

    @extend_schema(request=None, responses={201: LiveEventAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int, classifier_id: int) -> Response:
        """The version that was live before the present one is live again; a 409 where there was none."""
        classifier = get_object_or_404(Classifier, corpus=self.corpus, pk=classifier_id)
        return Response(LiveEventAnswer(roll_back(classifier, by=user_of(request))).data, status=201)


class VersionsView(CorpusView):
    """Below a classifier version."""

    def version(self, version_id: int) -> ClassifierVersion:
        """The version of this corpus; a 404 for another's."""
        return get_object_or_404(versions_of_all(), classifier__corpus=self.corpus, pk=version_id)


class VersionView(VersionsView):
    @extend_schema(responses=VersionAnswer)
    def get(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """A version with its evaluation on val and test, and its operating points."""
        return Response(VersionAnswer(self.version(version_id)).data)


class LiveView(VersionsView):
    @extend_schema(request=None, responses={201: LiveEventAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """Make the version the one that scores new media and proposes candidates; it scores what there is."""
        event = set_live(self.version(version_id), by=user_of(request))
        return Response(LiveEventAnswer(event).data, status=201)


class CompareView(VersionsView):
    @extend_schema(
        parameters=[
            OpenApiParameter("on", int, description="A dataset version: both are judged on its test side."),
            OpenApiParameter("page", int, description="Of the classes, 40 each; from 0."),
        ],
        responses={(200, "application/json"): {"type": "object", "additionalProperties": True}},
    )
    def get(self, request: Request, corpus_id: int, version_id: int, older_id: int) -> HttpResponse:
        """Both versions on the same test set, and `better`: the gain in average precision over `older`.

        Without `on` their own evaluations, which must be of the same answers: a 409 says where they are not.
        """
        on = request.query_params.get("on")
        if on is not None and not is_id(on):
            raise Refused("invalid", "on: the id of a dataset version of this corpus.")
        dataset = get_object_or_404(DatasetVersion, corpus=self.corpus, pk=int(on)) if on else None
        page = request.query_params.get("page", "0")
        if not is_id(page):
            raise Refused("invalid", "page: a page of classes, from 0.")
        old, new = self.version(older_id), self.version(version_id)
        return json_answer(compare_versions(old, new, on=dataset, page=int(page)))


def versions_of_all() -> QuerySet[ClassifierVersion]:
    """Versions with what their answers need; what is long, curve and evaluation, is read where it is used."""
    return (
        ClassifierVersion.objects.select_related(
            "classifier__corpus", "run__created_by", "run__feature_set", "run__dataset_version"
        )
        .defer("run__curve", "run__evaluation")
        .annotate(test_average_precision=F("run__evaluation__test__macro_average_precision"))
    )
