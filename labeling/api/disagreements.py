"""Disputed items with their votes over REST; an answer with mode "review" settles one, by who is no party."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from labeling.api.addresses import with_thumbnails
from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.services.disputes import Disputes, disputes_of
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import Refused, is_id


class DisagreementsView(CorpusView):
    """What people answered differently."""

    @extend_schema(
        operation_id="disagreements_list",
        parameters=[
            OpenApiParameter("class", int, required=True),
            OpenApiParameter("before", int, description="The `next` of the page before."),
        ],
        responses={(200, "application/json"): schema_of(Disputes)},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Disputed items, newest first, with what each person said, when and why, and who may settle it."""
        before = request.query_params.get("before", "")
        if before and not is_id(before):
            raise Refused("invalid", "before: the `next` of a page.", fields={"before": ["Not a number."]})
        label_class = self.label_class(request.query_params.get("class"))
        page = disputes_of(label_class, by=user_of(request), before=int(before) if before else None)
        with_thumbnails(self.corpus, [each.tile for each in page.results])
        return json_answer(page)
