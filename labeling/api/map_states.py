"""The answers of a class on the map, over REST."""

import struct

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from indexing.services.projections import current_map
from labeling.api.bodies import CorpusView
from labeling.services.map_states import states_of_points
from sisyphus_web.api import Refused


class MapStatesView(CorpusView):
    @extend_schema(
        parameters=[OpenApiParameter("class", int, required=True)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """One byte per point, in the order of the map's points, after two little-endian uint32: map, count.

        0 untouched, 1 accept, 2 reject, 3 unsure, 4 weak.
        """
        label_class = self.label_class(request.query_params.get("class"))
        projection = current_map(self.corpus)
        if projection is None:
            raise Refused("no-map", "This corpus has no map yet. Draw it first.", status_code=404)
        states = states_of_points(projection, label_class)
        head = struct.pack("<II", projection.pk, len(states))
        return HttpResponse(head + states.tobytes(), content_type="application/octet-stream")
