"""A class on the map, over REST: what was answered, and how near everything is."""

import struct

import numpy as np
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from indexing.models import FeatureProjection
from indexing.services.projections import current_map
from labeling.api.bodies import CorpusView
from labeling.services.map_states import scores_of_points, states_of_points, states_version
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.api import Refused
from sisyphus_web.conditional import unless_known

BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
OF_CLASS = [OpenApiParameter("class", int, required=True)]


class MapStatesView(CorpusView):
    @extend_schema(parameters=OF_CLASS, responses=BINARY)
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """One byte per point, in the order of the map's points, after two little-endian uint32: map, count.

        0 untouched, 1 accept, 2 reject, 3 unsure, 4 weak. 304 where nothing has changed since If-None-Match.
        """
        label_class = self.label_class(request.query_params.get("class"))
        projection = _map_of(self.corpus)
        version = states_version(projection, label_class)
        return unless_known(
            request, version, lambda: _answer(projection, states_of_points(projection, label_class))
        )


class MapScoresView(CorpusView):
    @extend_schema(parameters=OF_CLASS, responses=BINARY)
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """As the states: 0 no score, else 1 to 32, by what was learned from the answers of the class.

        The cosines that 1 and 32 stand for are in the headers X-Score-Low and X-Score-High. 409 where nothing
        was accepted yet.
        """
        label_class = self.label_class(request.query_params.get("class"))
        projection = _map_of(self.corpus)
        scores, found = scores_of_points(projection, label_class)
        answer = _answer(projection, scores)
        answer["X-Score-Low"], answer["X-Score-High"] = f"{found.low:.4f}", f"{found.high:.4f}"
        return answer


def _map_of(corpus: Corpus) -> FeatureProjection:
    projection = current_map(corpus)
    if projection is None:
        raise Refused("no-map", "This corpus has no map yet. Draw it first.", status_code=404)
    return projection


def _answer(projection: FeatureProjection, codes: np.ndarray) -> HttpResponse:
    head = struct.pack("<II", projection.pk, len(codes))
    return HttpResponse(head + codes.tobytes(), content_type="application/octet-stream")
