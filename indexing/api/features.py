"""Encoders and feature sets over REST."""

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from indexing.compute.encoders import catalog
from indexing.compute.encoders.video import clip_catalog
from indexing.models import FeatureSet, Unit
from indexing.services import features as services
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent
from sisyphus_web.jobs import services as jobs


class EncoderSerializer(serializers.Serializer):
    """An encoder, whether it can be used on this site now, and how to get it when not."""

    key = serializers.CharField()
    title = serializers.CharField()
    is_available = serializers.BooleanField()
    reason = serializers.CharField(help_text="Which file it uses, or why it cannot be used.")
    how_to_get = serializers.CharField(help_text="Empty when it is available.")
    can_download = serializers.BooleanField()
    width = serializers.IntegerField(allow_null=True, help_text="Known once it was loaded, for some.")
    license = serializers.CharField()
    is_auto = serializers.BooleanField(help_text="The one that `auto` stands for now.")
    used_by = serializers.ListField(
        child=serializers.IntegerField(), help_text="Your corpora whose queries use it."
    )


class FeatureSetSerializer(serializers.ModelSerializer):
    """Features of one corpus by one encoder: how many of its items have one."""

    title = serializers.SerializerMethodField()
    num_features = serializers.IntegerField()
    num_items = serializers.IntegerField()

    class Meta:
        model = FeatureSet
        fields = (
            "id",
            "unit",
            "encoder",
            "title",
            "weights_sha256",
            "precision",
            "clip_frames_per_second",
            "width",
            "is_active",
            "num_features",
            "num_items",
            "created_at",
        )

    def get_title(self, feature_set: FeatureSet) -> str:
        known = clip_catalog if feature_set.unit == Unit.CLIP else catalog
        return known.title_of(feature_set.encoder, settings.MODEL_DIR)


class ExtractRequestSerializer(serializers.Serializer):
    """Which encoder to extract with; `auto` stands for the best that is available now."""

    encoder = serializers.CharField(max_length=160, default=services.AUTO)
    unit = serializers.ChoiceField(choices=Unit.choices, default=Unit.FRAME, help_text="Of frames or clips.")


class ExtractAnswerSerializer(serializers.Serializer):
    """The job that extracts; queries use the new set when it is done."""

    encoder = serializers.CharField()
    job = serializers.IntegerField()


class EncodersView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("unit", OpenApiTypes.STR, enum=Unit.values, description="Of clips, too.")
        ],
        responses=EncoderSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every encoder of this site, of frames or of clips, and how to get those that are not there."""
        unit = request.query_params.get("unit", Unit.FRAME)
        if unit not in Unit.values:
            raise Refused("filter", f"unit must be one of {', '.join(Unit.values)}; got {unit!r}.")
        corpora = corpora_of(request)
        used_by: dict[str, list[int]] = {}
        active = FeatureSet.objects.filter(is_active=True, corpus__in=corpora, unit=unit)
        for key, corpus_id in active.values_list("encoder", "corpus_id"):
            used_by.setdefault(key, []).append(corpus_id)
        auto = services.best_encoder(unit)
        rows = [
            {name: getattr(state, name) for name in state.__slots__}
            | {"is_auto": state.key == auto, "used_by": sorted(used_by.get(state.key, ()))}
            for state in services.encoders_of(unit)
        ]
        return Response(EncoderSerializer(rows, many=True).data)


class FeatureSetsView(APIView):
    @extend_schema(responses=FeatureSetSerializer(many=True))
    def get(self, request: Request, corpus_id: int) -> Response:
        """The corpus's feature sets of frames and of clips, those in use first."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        found = services.with_counts(corpus.feature_sets.order_by("-is_active", "-id"))
        return Response(FeatureSetSerializer(found, many=True).data)

    @extend_schema(request=ExtractRequestSerializer, responses={202: ExtractAnswerSerializer})
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Extract features of every item with an encoder and let queries use them when that is done."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        asked = ExtractRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        encoder, unit = asked.validated_data["encoder"], asked.validated_data["unit"]
        if encoder == services.AUTO:
            encoder = services.best_encoder(unit)
        job = services.start_switch(corpus, encoder=encoder, created_by=request.user, unit=unit)
        return Response({"encoder": encoder, "job": job.pk}, status=status.HTTP_202_ACCEPTED)


class FeatureSetActivateView(APIView):
    @extend_schema(request=None, responses=FeatureSetSerializer)
    @idempotent
    def post(self, request: Request, corpus_id: int, feature_set_id: int) -> Response:
        """Let queries of the corpus use this set; refused while it lacks items."""
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        feature_set = get_object_or_404(corpus.feature_sets, pk=feature_set_id)
        services.activate_feature_set(feature_set)
        of_unit = services.of_unit(feature_set.unit)
        jobs.enqueue("index_build", corpus=corpus, created_by=request.user, **of_unit)
        found = services.with_counts(corpus.feature_sets.filter(pk=feature_set.pk)).get()
        return Response(FeatureSetSerializer(found).data)
