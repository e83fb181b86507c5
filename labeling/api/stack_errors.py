"""How often an answer given by a stack was wrong, over REST: what the checks of 2 % of them came to."""

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from labeling.api.bodies import CorpusView, json_answer, schema_of
from labeling.services.derivation import MOST_ERROR, SHARE, error_of_all, recent_errors
from labeling.services.people import Derived, describe_error


class StackErrors(msgspec.Struct):
    """Of the whole corpus and of each source that was checked; one that is off is answered frame by frame."""

    share_checked: float  # of the answers given by a stack, at random
    most_error: float  # above it a source is switched off
    all: Derived
    sources: list[Derived]


class StackErrorsView(CorpusView):
    """Whether answers to stacks can be trusted."""

    @extend_schema(responses={(200, "application/json"): schema_of(StackErrors)})
    def get(self, request: Request, corpus_id: int) -> HttpResponse:
        """Checked, wrong, and the exact 95 % interval."""
        errors = recent_errors(self.corpus)
        return json_answer(
            StackErrors(
                share_checked=SHARE,
                most_error=MOST_ERROR,
                all=describe_error(error_of_all(errors)),
                sources=[describe_error(each) for each in errors],
            )
        )
