"""Filters as one line of text and back: names become ids of this corpus, ids become names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from indexing.models import MediaFile, Source
from labeling.compute import grammar
from labeling.compute.grammar import GrammarError, Line
from labeling.models import LabelClass
from labeling.services.classifier_names import KnownClassifier, classifiers_of, name_of, named
from labeling.services.rank_request import BadQuery, Filters, ScoreRange, Term
from sisyphus_web.accounts.models import Corpus

ANSWER_OF_STATE = {"accepted": "accept", "rejected": "reject"}
STATE_OF_ANSWER = {answer: state for state, answer in ANSWER_OF_STATE.items()}
NUM_NAMED = 8  # names listed in a refusal


class Understood(NamedTuple):
    filters: Filters
    terms: list[Term]  # of the text in the line


def understand(corpus: Corpus, line: str) -> Understood:
    """What `line` asks of this corpus; BadQuery says which part is not understood and what would be valid."""
    try:
        asked = grammar.parse(line)
    except GrammarError as error:
        raise BadQuery("bad-filter", str(error)) from None
    filters = Filters(
        start_seconds=asked.start_seconds,
        stop_seconds=asked.stop_seconds,
        min_similarity=asked.min_similarity,
        states=_states(asked),  # type: ignore[arg-type] # words of the grammar
        not_states=_marks_unwanted(asked),  # type: ignore[arg-type]
        kinds=_alternatives(asked, "kind"),  # type: ignore[arg-type]
        splits=_alternatives(asked, "split"),  # type: ignore[arg-type]
        has=list(asked.wanted.get("has", ())) or None,  # type: ignore[arg-type]
        has_not=list(asked.unwanted.get("has", ())) or None,  # type: ignore[arg-type]
    )
    for prefix, side in (("", asked.wanted), ("not_", asked.unwanted)):
        if names := side.get("source"):
            setattr(filters, f"{prefix}sources", _ids("source", names, _sources(corpus)))
        if names := side.get("class"):
            setattr(filters, f"{prefix}classes", _ids("class", names, _classes(corpus)))
        if names := side.get("file"):
            ids = [int(name[1:]) for name in names if _is_id(name)]
            if MediaFile.objects.live().filter(corpus=corpus, pk__in=ids).count() < len(set(ids)):
                raise BadQuery("bad-filter", "file: there is no media file with that number in this corpus.")
            patterns = [name for name in names if not _is_id(name)]
            setattr(filters, f"{prefix}media_files", ids or None)
            setattr(filters, f"{prefix}files", patterns or None)
        if names := side.get("map"):
            setattr(filters, f"{prefix}map_regions", _regions(corpus, names))
        if names := side.get("item"):
            setattr(filters, f"{prefix}items", _items(corpus, names))
    terms = [
        Term(kind="text", text=phrase.text, weight=-1.0 if phrase.is_negative else 1.0)
        for phrase in asked.phrases
    ]
    wanted, unwanted = asked.wanted.get("classifier", ()), asked.unwanted.get("classifier", ())
    scores = asked.wanted.get("score", ())
    known = classifiers_of(corpus) if wanted or unwanted or scores else []
    filters.scores = [_score_range(known, text) for text in scores] or None
    for names, weight in ((wanted, 1.0), (unwanted, -1.0)):
        for classifier, label_class in (named(known, name) for name in names):
            terms.append(
                Term(kind="classifier", classifier=classifier, label_class=label_class, weight=weight)
            )
    return Understood(filters, terms)


def _score_range(known: Sequence[KnownClassifier], text: str) -> ScoreRange:
    """What `NAME>=0.7` or `NAME<0.7` asks for."""
    name, is_least, number = grammar.score_of(text)
    classifier, label_class = named(known, name)
    side = {"at_least": number} if is_least else {"below": number}
    return ScoreRange(classifier=classifier, label_class=label_class, **side)


class Names:
    """Names of a corpus's classes and sources, read once when first needed."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._read: dict[str, dict[int, str]] = {}
        self._classifiers: Sequence[KnownClassifier] | None = None

    def of_score(self, scored: dict[str, Any]) -> list[str]:
        """The conditions of a range, as they stand in a line."""
        if self._classifiers is None:
            self._classifiers = classifiers_of(self._corpus)
        name = name_of(self._classifiers, scored["classifier"], scored["class"])
        return [
            grammar.score_text(name, is_least=is_least, number=scored[side])
            for side, is_least in (("at_least", True), ("below", False))
            if scored.get(side) is not None
        ]

    def of(self, key: str) -> dict[int, str]:
        """id -> name; a name that two of them have stands for neither."""
        if key not in self._read:
            rows = (_sources if key == "source" else _classes)(self._corpus)
            names = [row.name.casefold() for row in rows]
            self._read[key] = {row.id: row.name for row in rows if names.count(row.name.casefold()) == 1}
        return self._read[key]


def text_of(filters: dict[str, Any], names: Names) -> str:
    """The line that `understand` turns into these filters."""
    wanted: dict[str, tuple[str, ...]] = {}
    unwanted: dict[str, tuple[str, ...]] = {}
    if states := filters.get("states"):
        wanted["state"] = _in_order("state", [STATE_OF_ANSWER.get(each, each) for each in states])
    if marks := filters.get("not_states"):
        unwanted["state"] = _in_order("state", marks)
    for key in ("kind", "split"):
        if values := filters.get(f"{key}s"):
            wanted[key] = _in_order(key, values)
    for prefix, side in (("", wanted), ("not_", unwanted)):
        for key, field in (("source", "sources"), ("class", "classes")):
            if ids := filters.get(prefix + field):
                side[key] = tuple(sorted(names.of(key).get(pk, f"#{pk}") for pk in ids))
        files = [f"#{pk}" for pk in filters.get(f"{prefix}media_files") or ()]
        files += filters.get(f"{prefix}files") or ()
        if files:
            side["file"] = tuple(sorted(files))
        if regions := filters.get(f"{prefix}map_regions"):
            side["map"] = tuple(sorted(f"#{pk}" for pk in regions))
        if items := filters.get(f"{prefix}items"):
            side["item"] = tuple(sorted(f"#{pk}" for pk in items))
    if facts := filters.get("has"):
        wanted["has"] = _in_order("has", facts)
    if facts := filters.get("has_not"):
        unwanted["has"] = _in_order("has", facts)
    if scores := filters.get("scores"):
        wanted["score"] = tuple(sorted(text for each in scores for text in names.of_score(each)))
    line = Line(
        wanted,
        unwanted,
        filters.get("start_seconds"),
        filters.get("stop_seconds"),
        filters.get("min_similarity"),
    )
    return grammar.write(line)


def plain(filters: Filters) -> dict[str, Any]:
    """Filters as they are stored and sent on."""
    return cast(dict[str, Any], msgspec.to_builtins(filters))


def _states(asked: Line) -> list[str] | None:
    """The answers and marks that are left. What is not to be disputed or put off may have any answer."""
    unwanted = asked.unwanted.get("state", ())
    if "state" not in asked.wanted and all(word in grammar.MARKS for word in unwanted):
        return None
    left = _alternatives(asked, "state", but=() if "state" in asked.wanted else grammar.MARKS)
    return [ANSWER_OF_STATE.get(word, word) for word in left or ()]


def _marks_unwanted(asked: Line) -> list[str] | None:
    return [word for word in grammar.MARKS if word in asked.unwanted.get("state", ())] or None


def _alternatives(asked: Line, key: str, *, but: tuple[str, ...] = ()) -> list[str] | None:
    """The values that are left: those wanted, or all `but` some, less those unwanted; None: no condition."""
    wanted, unwanted = asked.wanted.get(key), (*asked.unwanted.get(key, ()), *but)
    if wanted is None and key not in asked.unwanted:
        return None
    left = [word for word in wanted or grammar.WORDS[key] if word not in unwanted]
    if not left:
        raise BadQuery("bad-filter", f"{key}: what is asked for is left out again; nothing can be found.")
    return left


def _ids(key: str, names: Iterable[str], rows: list[_Row]) -> list[int]:
    found = []
    for name in names:
        wanted = name.casefold()
        ids = [row.id for row in rows if wanted in (row.name.casefold(), row.full_name.casefold())]
        if not ids and _is_id(name):
            ids = [row.id for row in rows if row.id == int(name[1:])]
        if not ids:
            known = ", ".join(grammar.value_text(row.name) for row in rows[:NUM_NAMED]) or "none yet"
            more = f" and {len(rows) - NUM_NAMED} more" if len(rows) > NUM_NAMED else ""
            raise BadQuery("bad-filter", f"{key}: there is no {key} {name!r} here. There are: {known}{more}.")
        if len(ids) > 1:
            detail = f"{key}: {len(ids)} are called {name!r}; name one by its number, as in {key}:#{ids[0]}."
            raise BadQuery("bad-filter", detail)
        found.append(ids[0])
    return found


def _regions(corpus: Corpus, names: Iterable[str]) -> list[int]:
    """Ids of lassoed regions, which have numbers and no names."""
    ids = [int(name[1:]) if _is_id(name) else 0 for name in names]
    if corpus.map_regions.filter(pk__in=ids).count() < len(set(ids)):
        raise BadQuery("bad-filter", "map: there is no lasso with that number here, as in map:#12.")
    return ids


def _items(corpus: Corpus, names: Iterable[str]) -> list[int]:
    """Ids of items; one that was deleted since may still be named, and is not found."""
    ids = [int(name[1:]) if _is_id(name) else 0 for name in names]
    if corpus.items.filter(pk__in=ids).count() < len(set(ids)):
        raise BadQuery("bad-filter", "item: there is no item with that number here, as in item:#3,#5.")
    return ids


class _Row(NamedTuple):
    id: int
    name: str  # as it is written
    full_name: str  # as it may be written, too


def _sources(corpus: Corpus) -> list[_Row]:
    """The corpus's sources, each by the name of its folder; by its number where two are called alike.

    A manager may also write the whole path, which is shown to nobody: not all may know where files lie.
    """
    rows = [(source.pk, str(source)) for source in Source.objects.filter(corpus=corpus).order_by("pk")]
    short = [path.rstrip("/").rpartition("/")[2] or path for _, path in rows]
    return [
        _Row(pk, name if short.count(name) == 1 else f"#{pk}", path)
        for (pk, path), name in zip(rows, short, strict=True)
    ]


def _classes(corpus: Corpus) -> list[_Row]:
    rows = LabelClass.objects.filter(corpus=corpus).order_by("pk").values_list("pk", "name")
    return [_Row(pk, name, name) for pk, name in rows]


def _in_order(key: str, values: Iterable[str]) -> tuple[str, ...]:
    chosen = set(values)
    return tuple(word for word in grammar.WORDS[key] if word in chosen)


def _is_id(name: str) -> bool:
    return name.startswith("#") and name[1:].isascii() and name[1:].isdigit() and len(name) <= 18
