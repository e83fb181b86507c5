"""Every route of the site, as the resolver knows it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, get_resolver, reverse

DUMMIES = {"int": 999_999_999, "uuid": uuid4(), "str": "no-such-thing", "slug": "no-such-thing", "path": "x"}


@dataclass(frozen=True)
class Route:
    """A route: its name as the permission table has it, its parameters, the methods it answers."""

    name: str
    parameters: tuple[tuple[str, str], ...]  # (name, converter)
    methods: frozenset[str]

    @property
    def is_page(self) -> bool:
        return not self.name.startswith("api:")

    @property
    def is_of_corpus(self) -> bool:
        return any(name == "corpus_id" for name, _ in self.parameters)

    def url(self, corpus_id: int) -> str:
        """The address in this corpus, of things that do not exist."""
        values = {name: corpus_id if name == "corpus_id" else DUMMIES[kind] for name, kind in self.parameters}
        return reverse(self.name, kwargs=values)


def every_route() -> list[Route]:
    """All but Django's admin, which asks for a superuser by itself."""
    return sorted(_walk(get_resolver().url_patterns, "", ()), key=lambda route: route.name)


def _walk(patterns: list[Any], prefix: str, parameters: tuple[tuple[str, str], ...]) -> list[Route]:
    found = []
    for pattern in patterns:
        converters = getattr(pattern.pattern, "converters", {})
        kinds = tuple(
            (name, type(each).__name__.removesuffix("Converter").lower()) for name, each in converters.items()
        )
        kinds = parameters + tuple((name, "str" if kind == "string" else kind) for name, kind in kinds)
        if isinstance(pattern, URLPattern):
            found.append(Route(f"{prefix}{pattern.name}", kinds, _methods(pattern.callback)))
        elif pattern.namespace != "admin":
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            found += _walk(pattern.url_patterns, inner, kinds)
    return found


def _methods(view: Any) -> frozenset[str]:
    if actions := getattr(view, "actions", None):  # a viewset
        return frozenset(method.upper() for method in actions) - {"HEAD"}
    if view_class := getattr(view, "view_class", None) or getattr(view, "cls", None):
        known = {"get", "post", "patch", "delete"}  # PUT is in Django's form views and in no row
        return frozenset(
            method.upper()
            for method in known & set(view_class.http_method_names)
            if hasattr(view_class, method)
        )
    while view is not None:  # a function below decorators: require_http_methods keeps its list in a closure
        names = getattr(getattr(view, "__code__", None), "co_freevars", ())
        if "request_method_list" in names:
            methods = view.__closure__[names.index("request_method_list")].cell_contents
            return frozenset(methods) - {"HEAD", "OPTIONS"}
        view = getattr(view, "__wrapped__", None)
    return frozenset({"GET"})
