"""Runs over REST: ask for one, follow its job and its curve."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from indexing.models import FeatureSet
from labeling.models import DatasetVersion, LabelClass
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent
from training.models import Run
from training.services.runs import request_run

Id = {"min_value": 1, "max_value": 2**63 - 1}


class NewRun(serializers.Serializer[Any]):
    """What to train; without `classes` all of the version, without `classifier` a name made of theirs.

    `options` of a probe: class_weighting, regularization, seed; of a fine-tuned network: network, weights,
    trainable, num_epochs, batch_size, learning_rate, weight_decay, augmentation, has_mixup,
    is_class_weighted, ema_decay, patience, side_px, seed.
    """

    dataset_version = serializers.IntegerField(**Id)
    classes = serializers.ListField(child=serializers.IntegerField(**Id), required=False, max_length=1000)
    classifier = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    kind = serializers.ChoiceField(choices=Run.Kind.choices, required=False, default=Run.Kind.PROBE)
    target = serializers.ChoiceField(
        choices=Run.Target.choices, required=False, default=Run.Target.MULTI_LABEL
    )
    feature_set = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of a probe; without it the set that queries use.", **Id
    )
    options = serializers.DictField(required=False)
    go_live = serializers.BooleanField(required=False, default=False)


class RunLine(serializers.ModelSerializer[Run]):
    """A run in a list; `status`, `error` and how far it is are its job's."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    classifier_name = serializers.CharField(source="classifier.name", read_only=True)
    dataset_number = serializers.IntegerField(source="dataset_version.number", read_only=True)
    classes = serializers.ListField(child=serializers.DictField(), read_only=True)
    options = serializers.DictField(read_only=True)
    examples = serializers.DictField(read_only=True)
    status = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField(help_text="Why it failed; '' where it did not.")
    note = serializers.CharField(source="job.note", default="", read_only=True)
    progress_percent = serializers.IntegerField(
        source="job.progress_percent", default=None, allow_null=True, read_only=True
    )
    eta_seconds = serializers.FloatField(
        source="job.eta_seconds", default=None, allow_null=True, read_only=True
    )
    version = serializers.IntegerField(
        source="version.pk", default=None, allow_null=True, read_only=True, help_text="What it came to."
    )

    class Meta:
        model = Run
        fields = [
            "id", "classifier", "classifier_name", "dataset_version", "dataset_number", "kind", "target",
            "classes", "encoder", "options", "examples", "job", "status", "error", "note",
            "progress_percent", "eta_seconds", "version", "by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_status(self, run: Run) -> str:
        if hasattr(run, "version"):
            return "done"
        return run.job.status if run.job else "failed"

    def get_error(self, run: Run) -> str:
        return run.job.error_text if run.job else ""


class RunAnswer(RunLine):
    """A run with its curve, which grows while it trains, and in the end its evaluation by side."""

    curve = serializers.ListField(child=serializers.DictField(), read_only=True)
    evaluation = serializers.DictField(read_only=True)

    class Meta(RunLine.Meta):
        fields = [*RunLine.Meta.fields, "curve", "evaluation"]
        read_only_fields = fields


class RunView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Run]):
    """The runs of a corpus, newest first; POST asks for one."""

    queryset = Run.objects.none()
    serializer_class = RunLine
    lookup_url_kwarg = "run_id"

    def get_queryset(self) -> QuerySet[Run]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        found = Run.objects.filter(corpus__in=mine)
        found = found.select_related("created_by", "classifier", "dataset_version", "job", "version")
        return found if "run_id" in self.kwargs else found.defer("curve", "evaluation")

    @extend_schema(request=NewRun, responses={201: RunLine})
    @idempotent
    def create(self, request: Request, corpus_id: int) -> Response:
        """Everything that can be known before is checked at once: a 409 or 400 says what to do."""
        asked = NewRun(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        corpus = Corpus.objects.get(pk=corpus_id)
        run = request_run(
            version=get_object_or_404(DatasetVersion, corpus=corpus, pk=wanted["dataset_version"]),
            label_classes=classes_of(corpus, wanted.get("classes")),
            name=wanted["classifier"],
            kind=wanted["kind"],
            target=wanted["target"],
            feature_set=_feature_set(corpus, wanted.get("feature_set")),
            options=wanted.get("options"),
            go_live=wanted["go_live"],
            by=user_of(request),
        )
        return Response(RunLine(run).data, status=201)

    @extend_schema(responses=RunAnswer)
    def retrieve(self, request: Request, corpus_id: int, run_id: int) -> Response:
        """With its curve and its evaluation."""
        return Response(RunAnswer(self.get_object()).data)


def classes_of(corpus: Corpus, ids: list[int] | None) -> list[LabelClass]:
    """The classes of these ids, none for None; a 400 where one is not of the corpus."""
    if ids is None:
        return []
    found = list(LabelClass.objects.filter(corpus=corpus, pk__in=ids))
    if not ids or len(found) < len(set(ids)):
        detail = "classes: ids of classes of this corpus, at least one."
        raise Refused("unknown-class", detail, fields={"classes": [detail]})
    return found


def _feature_set(corpus: Corpus, pk: int | None) -> FeatureSet | None:
    return None if pk is None else get_object_or_404(FeatureSet, corpus=corpus, pk=pk)
