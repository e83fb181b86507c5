"""What classifiers are called; who trains them tells it, since labeling cannot ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from labeling.services.rank_request import BadQuery
from sisyphus_web.accounts.models import Corpus

NUM_NAMED = 8  # names listed in a refusal


class KnownClassifier(NamedTuple):
    """A classifier that queries may name."""

    id: int
    name: str
    classes: tuple[tuple[int, str], ...]  # id and name, in the order of its scores


Reader = Callable[[Corpus], Sequence[KnownClassifier]]
_readers: list[Reader] = []


def tell_of_classifiers(reader: Reader) -> None:
    """Let queries name what `reader` gives of a corpus."""
    _readers.append(reader)


def classifiers_of(corpus: Corpus) -> list[KnownClassifier]:
    """The classifiers of a corpus that queries may name."""
    return [each for reader in _readers for each in reader(corpus)]


def named(known: Sequence[KnownClassifier], name: str) -> tuple[int, int]:
    """(classifier, label class) of `NAME`, `#ID`, `NAME/CLASS`, `#ID/CLASS`; BadQuery lists what there is."""
    called, has_class, class_name = name.partition("/")
    found = [each for each in known if called.casefold() in (each.name.casefold(), f"#{each.id}")]
    if not found:
        there = ", ".join(each.name for each in known[:NUM_NAMED]) or "none yet"
        raise BadQuery("no-classifier", f"There is no live classifier {called!r} here. There are: {there}.")
    classes = found[0].classes
    if has_class:
        classes = tuple(each for each in classes if each[1].casefold() == class_name.casefold())
    if len(classes) != 1:
        there = ", ".join(f"{found[0].name}/{each}" for _, each in found[0].classes)
        raise BadQuery("bad-filter", f"{name!r}: name one of its classes, as in {there}.")
    return found[0].id, classes[0][0]


def name_of(known: Sequence[KnownClassifier], classifier: int, label_class: int) -> str:
    """The name that `named` turns into these two; by its number where it is gone."""
    found = next((each for each in known if each.id == classifier), None)
    if found is None:
        return f"#{classifier}"
    if len(found.classes) == 1:
        return found.name
    of_class = next((name for pk, name in found.classes if pk == label_class), f"#{label_class}")
    return f"{found.name}/{of_class}"


def class_of(known: Sequence[KnownClassifier], classifier: int, asked: int | None) -> int | None:
    """The class that is meant: the one asked for, or its only one; None where it does not know it."""
    found = next((each for each in known if each.id == classifier), None)
    ids = [pk for pk, _ in found.classes] if found else []
    if asked is None:
        return ids[0] if len(ids) == 1 else None
    return asked if asked in ids else None
