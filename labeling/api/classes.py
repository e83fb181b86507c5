"""Label classes over REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import LabelClass
from labeling.services.classes import change_class, create_class
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import NewestFirst
from sisyphus_web.idempotency import idempotent


class InOrder(NewestFirst):
    """Oldest first: the order of the keys 1-9."""

    ordering = "id"


class LabelClassAnswer(serializers.ModelSerializer[LabelClass]):
    """A class; retired ones take no further answers."""

    is_retired = serializers.SerializerMethodField()

    class Meta:
        model = LabelClass
        fields = ["id", "name", "description", "is_retired", "second_share", "gold_share", "created_at"]
        read_only_fields = fields

    def get_is_retired(self, label_class: LabelClass) -> bool:
        return label_class.retired_at is not None


class NewLabelClass(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)


class LabelClassChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, required=False)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    is_retired = serializers.BooleanField(required=False)
    second_share = serializers.FloatField(
        required=False, min_value=0, max_value=1, help_text="Of the decided tiles: looked at again, blind."
    )
    gold_share = serializers.FloatField(
        required=False, min_value=0, max_value=0.5, help_text="Of the tiles served: with a known answer."
    )


class LabelClassView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[LabelClass]):
    """The classes of a corpus. There is no DELETE: retire one with PATCH {"is_retired": true}."""

    serializer_class = LabelClassAnswer
    queryset = LabelClass.objects.none()
    pagination_class = InOrder
    lookup_url_kwarg = "class_id"

    def get_queryset(self) -> QuerySet[LabelClass]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        return LabelClass.objects.filter(corpus__in=mine)

    @extend_schema(request=NewLabelClass, responses={201: LabelClassAnswer})
    @idempotent
    def create(self, request: Request, corpus_id: int) -> Response:
        asked = NewLabelClass(data=request.data)
        asked.is_valid(raise_exception=True)
        corpus = Corpus.objects.get(pk=corpus_id)
        made = create_class(corpus=corpus, by=user_of(request), **asked.validated_data)
        return Response(LabelClassAnswer(made).data, status=201)

    @extend_schema(request=LabelClassChange, responses=LabelClassAnswer)
    def partial_update(self, request: Request, corpus_id: int, class_id: int) -> Response:
        asked = LabelClassChange(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(LabelClassAnswer(change_class(self.get_object(), **asked.validated_data)).data)
