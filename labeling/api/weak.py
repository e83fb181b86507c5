"""Weak labels over REST: take the top of a ranking, list what was taken, take it back."""

from typing import Any

import msgspec
from django.db.models import Count, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import CorpusView, schema_of
from labeling.api.rank import QueryView
from labeling.models import QueryRound, WeakBatch
from labeling.services.audits import purity_of_batches
from labeling.services.audits_answers import BatchPurity
from labeling.services.weak import TILE_LIMIT, revert_weak, take_weak
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import NewestFirst
from sisyphus_web.idempotency import idempotent


class NewestByTime(NewestFirst):
    """Newest first, for rows whose ids are random."""

    ordering = ("-created_at", "id")


class NewWeakBatch(serializers.Serializer[Any]):
    """Either `first_n` tiles of the round, or all that are at least as similar."""

    round = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    first_n = serializers.IntegerField(required=False, min_value=1, max_value=TILE_LIMIT)
    min_similarity = serializers.FloatField(required=False, min_value=-1, max_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("first_n" in attrs) == ("min_similarity" in attrs):
            raise serializers.ValidationError("Say either first_n or min_similarity.")
        return attrs


class WeakBatchAnswer(serializers.ModelSerializer[WeakBatch]):
    """Weak labels taken at once. `num_labels` are items; a label counts while nobody has answered."""

    by = serializers.CharField(source="created_by.username", read_only=True)
    num_labels = serializers.IntegerField(read_only=True)
    purity = serializers.SerializerMethodField()

    class Meta:
        model = WeakBatch
        fields = [
            "id", "label_class", "query_round", "first_n", "min_similarity", "num_labels", "by", "created_at",
            "reverted_at", "purity",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(schema_of(BatchPurity | None))
    def get_purity(self, batch: WeakBatch) -> Any:
        """What its newest audit says; null: not measured."""
        known = getattr(batch, "purity_of_page", None)
        found = purity_of_batches([batch.pk]) if known is None else known
        return msgspec.to_builtins(found.get(batch.pk))


def _batches(request: Request, corpus_id: int) -> QuerySet[WeakBatch]:
    mine = corpora_of(request).filter(pk=corpus_id)
    found = WeakBatch.objects.filter(corpus__in=mine).select_related("created_by")
    return found.annotate(num_labels=Count("labels"))


class WeakBatchView(QueryView, generics.ListAPIView[WeakBatch]):
    """What was taken in bulk, newest first; POST takes more."""

    serializer_class = WeakBatchAnswer
    queryset = WeakBatch.objects.none()
    pagination_class = NewestByTime

    def get_queryset(self) -> QuerySet[WeakBatch]:
        return _batches(self.request, self.kwargs["corpus_id"])

    def paginate_queryset(self, queryset: Any) -> Any:
        """With the purity of the whole page, asked for at once."""
        page = super().paginate_queryset(queryset)
        found = purity_of_batches([batch.pk for batch in page or ()])
        for batch in page or ():
            batch.purity_of_page = found
        return page

    @extend_schema(request=NewWeakBatch, responses={201: WeakBatchAnswer})
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """Rank the round's query again and label its undecided top, with the members of its stacks."""
        asked = NewWeakBatch(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        query_round = get_object_or_404(QueryRound, corpus=self.corpus, pk=wanted.pop("round"))
        made = take_weak(corpus=self.corpus, query_round=query_round, by=user_of(request), **wanted)
        return Response(WeakBatchAnswer(_batches(request, corpus_id).get(pk=made.pk)).data, status=201)


class WeakBatchRevertView(CorpusView):
    """Take a batch of weak labels back."""

    @extend_schema(request=None, responses=WeakBatchAnswer)
    def post(self, request: Request, corpus_id: int, batch_id: str) -> Response:
        """By who took it, or a manager. Again: no change."""
        batch = get_object_or_404(_batches(request, corpus_id), pk=batch_id)
        revert_weak(batch, by=user_of(request), is_manager=self.is_manager)
        return Response(WeakBatchAnswer(_batches(request, corpus_id).get(pk=batch_id)).data)
