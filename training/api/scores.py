"""Scores over REST: operating points, scoring a corpus, the histogram that a threshold is drawn on."""

from typing import Annotated, Literal

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import json_answer, read_body, schema_of
from labeling.models import LabelClass
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent
from training.api.classifiers import PointAnswer, VersionsView
from training.models import ClassifierVersion, ScoreSet
from training.services.histograms import Histogram, histogram_of_scores
from training.services.operating_points import choose_point, choose_point_for, points_of
from training.services.scores import request_scores

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class NewPoint(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A threshold; or an aim, with the precision or recall that is wanted at least."""

    label_class: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] = msgspec.field(name="class")
    threshold: Share | None = None
    aim: Literal["f1", "precision", "recall"] | None = None
    at_least: Share = 0.0


class ScoresAnswer(serializers.ModelSerializer[ScoreSet]):
    """How far the corpus is scored by a version; `is_current`: nothing lacks a score."""

    status = serializers.CharField(source="job.status", default=None, allow_null=True, read_only=True)
    progress_percent = serializers.IntegerField(
        source="job.progress_percent", default=None, allow_null=True, read_only=True
    )
    eta_seconds = serializers.FloatField(
        source="job.eta_seconds", default=None, allow_null=True, read_only=True
    )
    rate_per_second = serializers.FloatField(
        source="job.rate_per_second", default=None, allow_null=True, read_only=True
    )
    num_scores = serializers.SerializerMethodField()

    class Meta:
        model = ScoreSet
        fields = [
            "id", "version", "job", "status", "progress_percent", "eta_seconds", "rate_per_second",
            "is_current", "num_scores", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_num_scores(self, score_set: ScoreSet) -> int:
        return sum(score_set.shards.values_list("num_rows", flat=True))


class PointsView(VersionsView):
    @extend_schema(responses=PointAnswer(many=True))
    def get(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """The operating point of each class that has one."""
        return Response(PointAnswer(points_of(self.version(version_id)).values(), many=True).data)

    @extend_schema(request={"application/json": schema_of(NewPoint)}, responses={201: PointAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """Choose from which score on a class counts as found; what to expect of it is kept with it."""
        asked = read_body(request, NewPoint)
        version = self.version(version_id)
        label_class = class_of(self, version, asked.label_class)
        by = user_of(request)
        if (asked.threshold is None) == (asked.aim is None):
            raise Refused("invalid", "Give a threshold, or an aim.")
        if asked.aim is not None:
            point = choose_point_for(version, label_class, aim=asked.aim, at_least=asked.at_least, by=by)
        else:
            point = choose_point(version, label_class, threshold=asked.threshold or 0.0, by=by)
        return Response(PointAnswer(point).data, status=201)


class ScoresView(VersionsView):
    @extend_schema(responses=ScoresAnswer)
    def get(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """How far the corpus is scored; a 409 before that was asked for."""
        return Response(ScoresAnswer(score_set_of(self.version(version_id))).data)

    @extend_schema(request=None, responses={202: ScoresAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int, version_id: int) -> Response:
        """Score what has no score by this version yet."""
        made = request_scores(self.version(version_id), by=user_of(request))
        return Response(ScoresAnswer(made).data, status=202)


class HistogramView(VersionsView):
    @extend_schema(
        parameters=[OpenApiParameter("class", int, description="Without it the first class.")],
        responses={(200, "application/json"): schema_of(Histogram)},
    )
    def get(self, request: Request, corpus_id: int, version_id: int) -> HttpResponse:
        """How many live items have which score, and those answered; a 409 before the corpus was scored."""
        version = self.version(version_id)
        asked = request.query_params.get("class") or str(version.run.class_ids[0])
        return json_answer(histogram_of_scores(version, class_of(self, version, asked)))


def class_of(view: VersionsView, version: ClassifierVersion, asked: int | str) -> LabelClass:
    """The class, which the version must know."""
    label_class = view.label_class(asked)
    if label_class.pk not in version.run.class_ids:
        known = ", ".join(version.run.class_names)
        raise Refused("unknown-class", f"{version.classifier.name} does not know that class, but: {known}.")
    return label_class


def score_set_of(version: ClassifierVersion) -> ScoreSet:
    """What the version has scored; a 409 before that was asked for."""
    found = ScoreSet.objects.filter(version=version).select_related("job").first()
    if found is None:
        detail = "The corpus was not scored by this version yet: POST here to start."
        raise Refused("not-scored", detail, status_code=409)
    return found
