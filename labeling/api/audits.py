"""Audits over REST: what is left to find, how pure a weak batch is, what it costs to know."""

from typing import Annotated, Any

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.bodies import json_answer, read_body, schema_of
from labeling.api.rank import QueryView
from labeling.models import Audit, QueryRound, WeakBatch
from labeling.services.audits import audits_of, describe_audit, with_parents
from labeling.services.audits_answers import AuditAnswer
from labeling.services.audits_draw import (
    HORIZON_LIMIT,
    LOOKS_LIMIT,
    ONE_IN,
    audit_purity,
    audit_recall,
    stop_audit,
)
from labeling.services.audits_plan import ForecastAnswer, Plan, forecast, plan_audit
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent

Looks = Annotated[int, msgspec.Meta(ge=1, le=LOOKS_LIMIT)]
OneIn = Annotated[int, msgspec.Meta(ge=2, le=50)]


class NewAudit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Freeze the ranking of `round` up to `horizon` stacks and draw `looks` of what is undecided in it.

    `tail_looks` are drawn beyond the horizon. `is_only_look` is the plan: one look may spend all of the 5 %;
    of several, look j spends 5 % / 2^j.
    """

    round: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    horizon: Annotated[int, msgspec.Meta(ge=1, le=HORIZON_LIMIT)]
    looks: Looks
    tail_looks: Annotated[int, msgspec.Meta(ge=0, le=LOOKS_LIMIT)] = 0
    is_only_look: bool = True
    one_in: OneIn = ONE_IN


class NewPurityAudit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Draw `looks` of the stacks of a weak batch that nobody has answered."""

    looks: Looks
    is_only_look: bool = True
    one_in: OneIn = ONE_IN


class Audits(msgspec.Struct):
    """The newest audits of a class, newest first."""

    results: list[AuditAnswer]


class AuditsView(QueryView):
    """Audits of a class; POST draws one."""

    @extend_schema(
        operation_id="audits_list",
        parameters=[
            OpenApiParameter("class", int, required=True),
            OpenApiParameter("kind", str, enum=["recall", "purity"], description="Only of this kind."),
        ],
        responses={(200, "application/json"): schema_of(Audits)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """With what each says now, by the ledger; old rankings keep their audits."""
        kind = request.query_params.get("kind") or None
        if kind not in (None, *Audit.Kind.values):
            raise Refused("invalid", "kind: recall or purity.", fields={"kind": ["Unknown."]})
        return json_answer(Audits(audits_of(self.label_class(request.query_params.get("class")), kind=kind)))

    @extend_schema(
        request={"application/json": schema_of(NewAudit)},
        responses={(201, "application/json"): schema_of(AuditAnswer)},
    )
    @idempotent
    def post(self, request: Request, corpus_id: int) -> Response:
        """The plan is fixed with the draw; the tiles are mixed into rankings of the class from now on."""
        asked = read_body(request, NewAudit)
        query_round = get_object_or_404(
            QueryRound.objects.select_related("label_class", "corpus"), corpus=self.corpus, pk=asked.round
        )
        wanted = {field: getattr(asked, field) for field in asked.__struct_fields__ if field != "round"}
        made = audit_recall(query_round=query_round, by=user_of(request), **wanted)
        return _described(_audits(self).get(pk=made.pk), status=201)


class AuditView(QueryView):
    """One audit."""

    @extend_schema(
        operation_id="audits_retrieve", responses={(200, "application/json"): schema_of(AuditAnswer)}
    )
    def get(self, request: Request, corpus_id: int, audit_id: int) -> HttpResponse:
        """What it says now."""
        return json_answer(describe_audit(get_object_or_404(_audits(self), pk=audit_id)))


class AuditStopView(QueryView):
    """Give an audit up."""

    @extend_schema(request=None, responses={(200, "application/json"): schema_of(AuditAnswer)})
    def post(self, request: Request, corpus_id: int, audit_id: int) -> Response:
        """By who drew it, or a manager: it says nothing then, and its look is spent. Again: no change."""
        audit = get_object_or_404(_audits(self), pk=audit_id)
        stop_audit(audit, by=user_of(request), is_manager=self.is_manager)
        return _described(_audits(self).get(pk=audit_id))


class AuditPlanView(QueryView):
    """Before an audit: its price."""

    @extend_schema(
        operation_id="audits_plan",
        parameters=[OpenApiParameter("round", int, required=True)],
        responses={(200, "application/json"): schema_of(Plan)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """What audits of a ranking would cost in looks and minutes, and the most that they could say."""
        text = request.query_params.get("round", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Refused(
                "invalid", "round: the id of a ranking of this corpus.", fields={"round": ["Needed."]}
            )
        found = QueryRound.objects.select_related("label_class", "corpus")
        query_round = get_object_or_404(found, corpus=self.corpus, pk=int(text))
        return json_answer(plan_audit(query_round, by=user_of(request)))


class ForecastView(QueryView):
    """How many more minutes."""

    @extend_schema(
        operation_id="forecast_retrieve",
        parameters=[OpenApiParameter("class", int, required=True)],
        responses={(200, "application/json"): schema_of(ForecastAnswer)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """To the next 50 positives, at one's own pace and yield."""
        label_class = self.label_class(request.query_params.get("class"))
        return json_answer(forecast(label_class, by=user_of(request)))


class WeakPurityView(QueryView):
    """Audits of a weak batch; POST draws one."""

    @extend_schema(
        request={"application/json": schema_of(NewPurityAudit)},
        responses={(201, "application/json"): schema_of(AuditAnswer)},
    )
    @idempotent
    def post(self, request: Request, corpus_id: int, batch_id: str) -> Response:
        """A uniform sample of the batch, answered blind; its interval stands beside the batch."""
        found = WeakBatch.objects.select_related("label_class", "corpus")
        batch = get_object_or_404(found, corpus=self.corpus, pk=batch_id)
        asked = read_body(request, NewPurityAudit)
        made = audit_purity(
            batch=batch,
            looks=asked.looks,
            is_only_look=asked.is_only_look,
            one_in=asked.one_in,
            by=user_of(request),
        )
        return _described(_audits(self).get(pk=made.pk), status=201)


def _audits(view: QueryView) -> QuerySet[Audit]:
    return with_parents(Audit.objects.filter(corpus=view.corpus))


def _described(audit: Audit, *, status: int = 200) -> Response:
    answer: Any = msgspec.to_builtins(describe_audit(audit))
    return Response(answer, status=status)
