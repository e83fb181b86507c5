"""One's own keys and size of tiles over REST."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.api.bodies import json_answer, read_body, schema_of
from labeling.services.settings import Change, Settings, change_settings, settings_of
from sisyphus_web.accounts.permissions import user_of

ANSWER = {(200, "application/json"): schema_of(Settings)}


class GridSettingsView(APIView):
    """What this person set up in the grid, in whatever corpus and at whatever machine."""

    @extend_schema(operation_id="grid_settings_retrieve", responses=ANSWER)
    def get(self, request: Request) -> HttpResponse:
        """null where it was never set."""
        return json_answer(settings_of(user_of(request)))

    @extend_schema(
        operation_id="grid_settings_change",
        request={"application/json": schema_of(Change)},
        responses=ANSWER,
    )
    def patch(self, request: Request) -> HttpResponse:
        """Change some of it; the last write holds."""
        return json_answer(change_settings(user_of(request), read_body(request, Change)))
