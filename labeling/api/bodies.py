"""Hot endpoints: msgspec structs in and out, and the same structs in the OpenAPI schema."""

import re
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.api.sentences import sentence_of
from labeling.models import LabelClass
from sisyphus_web.accounts.models import Corpus, Role
from sisyphus_web.accounts.permissions import membership_of
from sisyphus_web.api import Refused

JSON = "application/json"
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # in JSON; PostgreSQL's text cannot hold it
T = TypeVar("T")


class CorpusView(APIView):
    """A view below a corpus; the permission table has already asked for the role."""

    @cached_property
    def corpus(self) -> Corpus:
        return membership_of(self.request).corpus

    @cached_property
    def is_manager(self) -> bool:
        return membership_of(self.request).role == Role.MANAGER

    def label_class(self, asked: int | str | None) -> LabelClass:
        """The class of this corpus with the id `asked`, as text where it came in the address."""
        text = str(asked or "")
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Refused(
                "invalid", "class: the id of a class of this corpus.", fields={"class": ["Needed."]}
            )
        found = get_object_or_404(LabelClass, corpus=self.corpus, pk=int(text))
        found.corpus = self.corpus  # known already: not another statement
        return found


def read_body(request: Request, shape: type[T]) -> T:
    """The JSON body as a `shape`; a 400 that says where it differs."""
    if NUL.search(request.body):
        raise Refused("invalid", "The body is not as it should be: text cannot hold the character U+0000.")
    try:
        return msgspec.json.decode(request.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("invalid", f"The body is not as it should be: {sentence_of(error)}.") from None


def json_answer(value: Any, *, status: int = 200) -> HttpResponse:
    """`value`, structs and all, as the response."""
    return HttpResponse(msgspec.json.encode(value), content_type=JSON, status=status)


def schema_of(shape: Any) -> dict[str, Any]:
    """The JSON schema of a struct with every reference written out, as drf-spectacular takes it."""
    (schema,), components = msgspec.json.schema_components([shape], ref_template="{name}")
    return {key: _inlined(value, components) for key, value in _inlined(schema, components).items()}


def _inlined(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(components[node["$ref"]], components)
    if "prefixItems" in node:  # OpenAPI 3.0 has no tuples
        size = len(node["prefixItems"])
        return {
            "type": "array",
            "items": _inlined(node["prefixItems"][0], components),
            "minItems": size,
            "maxItems": size,
        }
    if {"type": "null"} in node.get("anyOf", ()):  # nor a type null
        kinds = [_inlined(kind, components) for kind in node["anyOf"] if kind != {"type": "null"}]
        others = {key: value for key, value in node.items() if key != "anyOf"}
        return others | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) | {"nullable": True}
    return {
        key: _inlined(value, components)
        for key, value in node.items()
        # OpenAPI 3.0 wants none or some that are required, and cannot say what keys look like.
        if not (key == "required" and not value) and key != "propertyNames"
    }
