"""A rank request checked against its corpus, in the words of the search service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from indexing.compute.encoders.catalog import spec_of
from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
from indexing.models import FeatureSet, Item, MediaFile, Unit
from labeling.models import LabelClass, QueryImage
from labeling.services.classifier_names import KnownClassifier, class_of, classifiers_of
from labeling.services.query_text import plain, understand
from labeling.services.rank_request import BadQuery, Filters, NoFeatures, RankRequest, Term
from sisyphus_web.accounts.models import Corpus

VALUES = {  # kind of a term -> the field that says which
    "item": "item",
    "image": "image",
    "vector": "vector",
    "text": "text",
    "class": "label_class",
    "classifier": "classifier",
    "span": "span",
}
WITH_BOX = ("item", "image")
MIX_DEPTH = 100_000  # tiles: a mixed queue is worked out place by place


class TermsGone(ObjectDoesNotExist):
    """What terms name is not in this corpus, or not any more; `places` count the terms from 0."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = sorted(places)
        of_all = ", ".join(str(place + 1) for place in self.places)
        names, what = ("Terms", "name what is") if len(self.places) > 1 else ("Term", "names what is")
        super().__init__(
            f"{names} {of_all} of the query {what} not here: it was deleted, or belongs to another corpus. "
            "Leave it out."
        )


class Query(NamedTuple):
    """A checked query, in the words of the search service."""

    terms: list[dict[str, Any]]
    filters: dict[str, Any]
    mode: str
    label_class: LabelClass | None
    mix: dict[str, Any] = {}
    unit: str = Unit.FRAME.value
    encoder: str = ""  # of the unit, where that was asked already


def encoder_of(corpus: Corpus, unit: str = Unit.FRAME) -> str:
    """The key of the encoder that a unit uses; NoFeatures where nothing of it was encoded yet."""
    in_use = FeatureSet.objects.filter(corpus=corpus, is_active=True, unit=unit)
    key = in_use.values_list("encoder", flat=True).first()
    if key is None and unit == Unit.CLIP:
        raise NoFeatures(
            "This corpus has no clips to search: switch clips on in its settings and wait for their features."
        )
    if key is None:
        raise NoFeatures(
            "Nothing of this corpus has been encoded yet: add media and wait until features were extracted."
        )
    return key


def _unit_of(corpus: Corpus, asked: str | None) -> tuple[str, str]:
    """(what is searched, its encoder): as asked, else frames, or clips where nothing else has features."""
    in_use = dict(FeatureSet.objects.filter(corpus=corpus, is_active=True).values_list("unit", "encoder"))
    unit = asked or next((each for each in Unit.values if each in in_use), Unit.FRAME.value)
    return unit, in_use.get(unit, "")


def reads_text(encoder: str) -> bool:
    """Whether the encoder has a tower for text; False for one that is gone."""
    try:
        return spec_of(encoder, settings.MODEL_DIR).reads_text
    except (EncoderUnknown, WeightsRefused):
        return False


def checked(corpus: Corpus, request: RankRequest) -> Query:
    """The query that `request` asks; ObjectDoesNotExist for what is not of it, BadQuery for nonsense.

    Of terms it is TermsGone, which says of which.
    """
    label_class = (
        LabelClass.objects.get(corpus=corpus, pk=request.label_class) if request.label_class else None
    )
    filters, asked = request.filters, list(request.terms)
    if request.q is not None:
        if filters != Filters():
            raise BadQuery("bad-filter", "Give the filters once: as q, or as filters.")
        filters, of_text = understand(corpus, request.q)
        asked += of_text
    _check_regions(corpus, filters)
    known = _classifiers_named(corpus, asked, filters)
    filters = _with_classes(filters, known)
    _check_classifiers(asked, known)
    terms = [_term(each, known) for each in asked]
    _check_mode(request.mode, has_terms=bool(terms), label_class=label_class)
    if request.mode == "browse" and (filters.min_similarity is not None or request.mix):
        raise BadQuery("bad-filter", "Similarity and the mix need something to compare with: add an example.")
    if request.mix and request.offset + request.k > MIX_DEPTH:
        raise BadQuery(
            "bad-filter",
            f"A mixed queue is at most {MIX_DEPTH:,} tiles deep: leave the mix out to go further.",
        )
    _check_known(corpus, terms)
    unit, encoder = _unit_of(corpus, request.unit)
    if unit == Unit.FRAME and any(term["kind"] == "text" for term in terms):
        _check_text(corpus)
    mix = msgspec.to_builtins(request.mix) if request.mix else {}
    if mix and not any(share for preset, share in mix.items() if not preset.startswith("per_")):
        mix["harvest"] = 1.0  # limits alone
    return Query(terms, plain(filters), request.mode, label_class, mix, unit, encoder)


def _check_mode(mode: str, *, has_terms: bool, label_class: LabelClass | None) -> None:
    if mode == "learned" and label_class is None:
        raise BadQuery("class-needed", "A learned ranking needs a class: it learns from its answers.")
    if mode == "similar" and not has_terms:
        raise BadQuery("no-terms", "A query needs at least one term: an item, an image, a class or text.")
    if mode == "browse" and has_terms:
        raise BadQuery("bad-term", "Browsing takes no terms: leave them out, or ask with mode similar.")


def _check_known(corpus: Corpus, terms: list[dict[str, Any]]) -> None:
    """TermsGone unless everything the terms name is of this corpus."""
    gone: set[int] = set()
    for kind, known in (
        ("item", Item.objects.live()),
        ("image", QueryImage.objects.all()),
        ("class", LabelClass.objects.all()),
    ):
        named = {term[kind] for term in terms if term["kind"] == kind}
        if not named:
            continue
        found = {str(pk) for pk in known.filter(corpus=corpus, pk__in=named).values_list("pk", flat=True)}
        gone |= {
            place for place, term in enumerate(terms) if term["kind"] == kind and str(term[kind]) not in found
        }
    videos = {term["span"]["media_file"] for term in terms if term["kind"] == "span"}
    if videos:
        live = set(MediaFile.objects.live().filter(corpus=corpus, pk__in=videos).values_list("pk", flat=True))
        gone |= {
            place
            for place, term in enumerate(terms)
            if term["kind"] == "span" and term["span"]["media_file"] not in live
        }
    if gone:
        raise TermsGone([*gone])


def _check_classifiers(terms: list[Term], known: Sequence[KnownClassifier]) -> None:
    """TermsGone unless every classifier that terms name is of this corpus."""
    ids = {each.id for each in known}
    gone = [
        place
        for place, term in enumerate(terms)
        if term.kind == "classifier" and term.classifier is not None and term.classifier not in ids
    ]
    if gone:
        raise TermsGone(gone)


def _check_regions(corpus: Corpus, filters: Filters) -> None:
    asked = {*(filters.map_regions or ()), *(filters.not_map_regions or ())}
    if asked and corpus.map_regions.filter(pk__in=asked).count() < len(asked):
        raise BadQuery("bad-filter", "map: there is no lasso with that number here, as in map:#12.")


def _check_text(corpus: Corpus) -> None:
    encoder = encoder_of(corpus)
    if not reads_text(encoder):
        raise BadQuery(
            "encoder-reads-no-text",
            f"{encoder} cannot search by text. Choose an encoder that reads text (openclip:...) on the page "
            "of the corpus, or give an example instead.",
        )


def _classifiers_named(corpus: Corpus, terms: list[Term], filters: Filters) -> Sequence[KnownClassifier]:
    """The classifiers of the corpus, read where the query names one."""
    if filters.scores or any(term.kind == "classifier" for term in terms):
        return classifiers_of(corpus)
    return []


def _with_classes(filters: Filters, known: Sequence[KnownClassifier]) -> Filters:
    """The filters with the class of every score named."""
    if not filters.scores:
        return filters
    scores = [
        msgspec.structs.replace(each, label_class=_class_meant(each.classifier, each.label_class, known))
        for each in filters.scores
    ]
    return msgspec.structs.replace(filters, scores=scores)


def _class_meant(classifier: int, asked: int | None, known: Sequence[KnownClassifier]) -> int:
    """The class of a classifier; ObjectDoesNotExist for what is not of this corpus."""
    if classifier not in {each.id for each in known}:
        raise ObjectDoesNotExist
    meant = class_of(known, classifier, asked)
    if meant is None:
        raise BadQuery(
            "bad-term", "A classifier with several classes needs the class that is meant: one of its own."
        )
    return meant


def _term(term: Term, known: Sequence[KnownClassifier]) -> dict[str, Any]:
    value = getattr(term, VALUES[term.kind])
    given = {kind for kind, field in VALUES.items() if getattr(term, field) is not None}
    if term.kind == "classifier":
        given -= {"class"}  # which of its classes
    if given != {term.kind}:
        raise BadQuery("bad-term", f"A term of kind {term.kind!r} carries {term.kind!r} and nothing else.")
    if term.weight == 0:
        raise BadQuery("bad-term", "A term's weight is above 0 (more like this) or below 0 (less like this).")
    if term.kind == "span" and not value.start_pts < value.stop_pts:
        raise BadQuery("bad-term", "A span ends after it starts: start_pts < stop_pts.")
    if term.kind == "vector" and not any(value):
        raise BadQuery("bad-term", "A vector of zeros points nowhere.")
    if term.kind == "text" and not value.strip():
        raise BadQuery("bad-term", "A term of kind 'text' needs words.")
    if term.box is not None:
        x0, y0, x1, y1 = term.box
        if term.kind not in WITH_BOX or not (x0 < x1 and y0 < y1):
            raise BadQuery("bad-box", "A box is x0 < x1, y0 < y1, of 0 to 1, on an item or an image.")
    checked_term = {
        "kind": term.kind,
        term.kind: str(value) if isinstance(value, UUID) else msgspec.to_builtins(value),
        "box": list(term.box) if term.box else None,
        "weight": term.weight,
    }
    if term.kind == "classifier":
        return checked_term | {"class": _class_meant(value, term.label_class, known)}
    return checked_term | ({"learned": True} if term.kind == "class" and term.learned else {})
