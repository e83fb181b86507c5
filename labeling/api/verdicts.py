"""Answers in batches, undo, and their history over REST."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.db.models import F, QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request

from labeling.api.bodies import CorpusView, json_answer, read_body, schema_of
from labeling.models import LabelClass, Verdict
from labeling.services.counts import Counts, count_states
from labeling.services.history import Batch, recent_batches
from labeling.services.undo import Restored, undo_batch
from labeling.services.verdicts import BATCH_LIMIT, Operation, Result, record_verdicts
from sisyphus_web.accounts.models import Corpus, Token, User
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused

BLIND = {"second", "gold", "derived"}  # modes of looks that were mixed in without a sign


class RawBatch(msgspec.Struct):
    operations: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=BATCH_LIMIT)]


class VerdictBatch(msgspec.Struct):
    """1 to 100 operations; a browser sends the same ids until it has an answer to each."""

    operations: Annotated[list[Operation], msgspec.Meta(min_length=1, max_length=BATCH_LIMIT)]


class VerdictResults(msgspec.Struct):
    """One result per operation, in their order; `counts` are of the class of the last one that is known."""

    results: list[Result]
    counts: Counts | None


class UndoRequest(msgspec.Struct):
    batch: UUID
    operation_id: UUID
    author: Annotated[str, msgspec.Meta(max_length=150)] | None = (
        None  # whose, where several used the batch id
    )


class UndoAnswer(msgspec.Struct):
    """`batch` can be undone in turn: that is redo. `kept` items were answered again since."""

    batch: UUID
    undone: list[Restored]
    kept: int
    counts: Counts | None


class Batches(msgspec.Struct):
    results: list[Batch]


class VerdictAnswer(serializers.ModelSerializer[Verdict]):
    """An event of the ledger."""

    by = serializers.CharField(source="annotator.username", read_only=True)

    class Meta:
        model = Verdict
        fields = [
            "id", "item", "stack", "member_ids", "label_class", "answer", "version", "by", "operation_id",
            "batch", "reverts", "query_round", "rank", "mode", "is_forced", "is_settling", "reason",
            "box", "client_time", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, verdict: Verdict) -> dict[str, Any]:
        """Which answers were blind looks is for managers to know; to others they are like any other."""
        shown: dict[str, Any] = super().to_representation(verdict)
        if not self.context["view"].is_manager and shown["mode"] in BLIND:
            shown["mode"] = verdict.round_mode or ""  # type: ignore[attr-defined]  # annotated
        return shown


class VerdictView(CorpusView, generics.ListAPIView[Verdict]):
    """The ledger, newest event first; POST appends to it."""

    serializer_class = VerdictAnswer
    queryset = Verdict.objects.none()

    def get_queryset(self) -> QuerySet[Verdict]:
        mine = corpora_of(self.request).filter(pk=self.kwargs["corpus_id"])
        found = Verdict.objects.filter(corpus__in=mine).select_related("annotator")
        return found.annotate(round_mode=F("query_round__mode"))

    @extend_schema(
        request={"application/json": schema_of(VerdictBatch)},
        responses={(200, "application/json"): schema_of(VerdictResults)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """Record 1 to 100 answers; 200 even where some conflict: see the outcome of each.

        The `client_time` of what comes with a token is not kept: it was said by a script, at no keyboard.
        """
        is_keyed = not isinstance(request.auth, Token)
        decoded = [_decoded(raw, is_keyed=is_keyed) for raw in read_body(request, RawBatch).operations]
        operations = [each for each in decoded if isinstance(each, Operation)]
        recorded = iter(
            record_verdicts(corpus=self.corpus, annotator=user_of(request), operations=operations)
        )
        results = [next(recorded) if isinstance(each, Operation) else each for each in decoded]
        classes = [operation.label_class for operation in operations]
        return json_answer(
            VerdictResults(results=results, counts=_counts(self.corpus, classes, by=user_of(request)))
        )


class UndoView(CorpusView):
    """Undo a batch of any age: by its author, or a manager."""

    @extend_schema(
        request={"application/json": schema_of(UndoRequest)},
        responses={(200, "application/json"): schema_of(UndoAnswer)},
    )
    def post(self, request: Request, corpus_id: int) -> HttpResponse:
        """Append what takes the batch back, where nothing was said since. Undoing that is redo."""
        asked = read_body(request, UndoRequest)
        try:
            undone = undo_batch(
                corpus=self.corpus,
                batch=asked.batch,
                operation_id=asked.operation_id,
                by=user_of(request),
                is_manager=self.is_manager,
                author=asked.author,
            )
        except Verdict.DoesNotExist:
            raise Http404 from None
        counts = _counts(self.corpus, undone.label_classes, by=user_of(request))
        return json_answer(
            UndoAnswer(batch=undone.batch, undone=undone.undone, kept=undone.kept, counts=counts)
        )


class BatchView(CorpusView):
    """The history of answers."""

    @extend_schema(
        operation_id="batches_list",
        parameters=[
            OpenApiParameter("mine", bool, description="false: everybody's."),
            OpenApiParameter("before", int, description="Page on: the `last` of the oldest batch shown."),
        ],
        responses={(200, "application/json"): schema_of(Batches)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """The last 50 batches: one's own, or with `mine=false` everybody's."""
        before = request.query_params.get("before", "")
        if before and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Refused("invalid", "before: the `last` of a batch.", fields={"before": ["Not a number."]})
        is_mine = request.query_params.get("mine", "true") != "false"
        batches = recent_batches(
            self.corpus,
            annotator=user_of(request) if is_mine else None,
            **({"before": int(before)} if before else {}),
        )
        if not self.is_manager:
            _hide_blind(batches)
        return json_answer(Batches(results=batches))


def _hide_blind(batches: list[Batch]) -> None:
    """Say how the tiles of a blind look seemed to be found: as those of its ranking."""
    blind = [batch for batch in batches if batch.mode in BLIND]
    if not blind:
        return
    events = Verdict.objects.filter(pk__in=[batch.last for batch in blind])
    modes = dict(events.values_list("pk", "query_round__mode"))
    for batch in blind:
        batch.mode = modes.get(batch.last) or ""


def _decoded(raw: msgspec.Raw, *, is_keyed: bool) -> Operation | Result:
    """The operation, or why there is none: a bad one does not stop the others."""
    try:
        found = msgspec.json.decode(raw, type=Operation)
        return found if is_keyed else msgspec.structs.replace(found, client_time=None)
    except msgspec.DecodeError as error:
        return Result(operation_id=_id_of(raw), outcome="rejected", reason=f"invalid: {error}")


def _id_of(raw: msgspec.Raw) -> str | None:
    """The operation id as it was sent, so that the sender knows which one is meant."""
    try:
        found: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    operation_id = found.get("operation_id") if isinstance(found, dict) else None
    return operation_id if isinstance(operation_id, str) else None


def _counts(corpus: Corpus, class_ids: list[int], *, by: User) -> Counts | None:
    found = LabelClass.objects.filter(corpus=corpus, pk=class_ids[-1]).first() if class_ids else None
    if found is None:
        return None
    found.corpus = corpus  # known already: not another statement
    return count_states(found, by=by)
