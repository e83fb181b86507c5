"""One line of text that says what may be found: `night -class:truck split:none time:10-20`.

    line    = part*                     parts are divided by spaces and all hold together
    part    = [-] key:value[,value]*    a filter; with - none of the values may hold
            | [-] word | [-] "words"    text to search with; with - less like it

Words without quotes are one text. A value or a text with spaces, commas or quotes stands in quotes, with
\\" and \\\\ inside. Values of source, state, kind, split, file, map and item are alternatives; those of class
and has must all hold. An item is in one state, and may be disputed or put off for later beside it.
A score is of a classifier: `score:truck>=0.7,truck<0.9`, from the first number on and below the second;
`classifier:truck` ranks by it. One with several classes is called NAME/CLASS.
static/src/lib/grammar.ts reads the same grammar; grammar_cases.json of the tests binds the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

WORDS = {  # key -> the values it may have, in the order they are written
    "state": ("untouched", "accepted", "rejected", "weak", "unsure", "disputed", "later"),
    "kind": ("image", "video"),
    "split": ("train", "val", "test", "none"),
    "has": ("verdict", "weak", "dispute", "stack", "box", "image", "video"),
}
MARKS = ("disputed", "later")  # states an item has beside one of the others
# Of an item whatever was answered.
ANY_STATE = f"state:{','.join(state for state in WORDS['state'] if state not in MARKS)}"
ALIASES = {"state": {"accept": "accepted", "reject": "rejected"}, "kind": {"photo": "image"}}
NAMES = ("source", "class", "file", "map", "item", "classifier")  # keys whose values are names, or #ID
RANGES = ("time", "similarity")
KEYS = (
    "state",
    "source",
    "class",
    "kind",
    "file",
    "map",
    "item",
    "time",
    "split",
    "has",
    "similarity",
    "score",
    "classifier",
)
EXAMPLES = {
    "time": "time:10-20, time:1:30-, time:-5 (seconds in the video)",
    "similarity": "similarity:>0.6",
    "source": 'source:"north camera"',
    "class": "class:truck",
    "file": "file:night*.mp4",
    "map": "map:#12 (a lasso on the map)",
    "item": "item:#3,#5",
    "score": "score:truck>=0.7",
    "classifier": "classifier:truck",
}
MAX_LENGTH = 2000

_KEY = re.compile(r"([A-Za-z_]+):")
_CLOCK = r"(?:\d{1,9}:)?(?:\d{1,9}:)?\d{1,9}(?:\.\d{1,6})?"
_TIME = re.compile(rf"({_CLOCK})?-({_CLOCK})?")
_SIMILARITY = re.compile(r"(?:>=?)?(-?(?:0?\.\d{1,6}|[01](?:\.\d{1,6})?))")
_SCORE = re.compile(r"(.*[^\s<>=])\s*(>=?|<=?)\s*(0?\.\d{1,6}|[01](?:\.\d{1,6})?)")
_BARE = re.compile(r'[^\s",\\]+')


class GrammarError(ValueError):
    """What cannot be understood: the part of the line, where it is, and what would be valid."""

    def __init__(self, line: str, start: int, stop: int, detail: str) -> None:
        self.token, self.start, self.stop = line[start:stop], start, stop
        super().__init__(f"{self.token!r} at character {start + 1}: {detail}")


class Phrase(NamedTuple):
    """Text to search with."""

    text: str
    is_negative: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line understood. Two lines that ask for the same, in another order or spelling, are equal."""

    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)  # key -> values, as in WORDS or names
    unwanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    start_seconds: float | None = None
    stop_seconds: float | None = None
    min_similarity: float | None = None
    phrases: tuple[Phrase, ...] = ()


def parse(line: str) -> Line:
    """What `line` asks for; GrammarError names the first part that cannot be understood.

    >>> parse("night -class:truck time:1:30-").start_seconds
    90.0
    """
    if len(line) > MAX_LENGTH:
        raise GrammarError(line, MAX_LENGTH, MAX_LENGTH + 1, f"a line has at most {MAX_LENGTH} characters")
    sides: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    numbers: dict[str, float | None] = {}
    quoted: list[Phrase] = []
    bare: list[str] = []
    for part in _parts(line):
        if part.key == "":
            if part.is_quoted or part.is_negative:
                quoted.append(Phrase(part.values[0], part.is_negative))
            else:
                bare.append(part.values[0])
        elif part.key in RANGES:
            _take_range(line, part, numbers)
        else:
            known = sides[part.is_negative].setdefault(part.key, [])
            known.extend(_value(line, part, value) for value in part.values)
    phrases = ([Phrase(" ".join(bare))] if bare else []) + quoted
    return Line(
        wanted={key: _ordered(key, sides[False][key]) for key in KEYS if key in sides[False]},
        unwanted={key: _ordered(key, sides[True][key]) for key in KEYS if key in sides[True]},
        start_seconds=numbers.get("start"),
        stop_seconds=numbers.get("stop"),
        min_similarity=numbers.get("similarity"),
        phrases=tuple(dict.fromkeys(phrases)),
    )


def write(line: Line) -> str:
    """The one text of `line`: parse(write(line)) == line for every line that was parsed."""
    parts = []
    positive = [phrase for phrase in line.phrases if not phrase.is_negative]
    for phrase in line.phrases:
        is_bare = (
            _is_bare(phrase.text) if phrase.is_negative else len(positive) == 1 and _is_words(phrase.text)
        )
        parts.append(("-" if phrase.is_negative else "") + (phrase.text if is_bare else _quoted(phrase.text)))
    for key in KEYS:
        if key == "time" and (line.start_seconds is not None or line.stop_seconds is not None):
            parts.append(f"time:{number_text(line.start_seconds)}-{number_text(line.stop_seconds)}")
        elif key == "similarity" and line.min_similarity is not None:
            parts.append(f"similarity:>{number_text(line.min_similarity)}")
        for sign, side in (("", line.wanted), ("-", line.unwanted)):
            if values := side.get(key):
                parts.append(f"{sign}{key}:{','.join(map(value_text, values))}")
    return " ".join(parts)


def score_of(value: str) -> tuple[str, bool, float]:
    """(name, whether it is the least wanted or else what it is below, number) of a score that was parsed."""
    match = _SCORE.fullmatch(value)
    if match is None:
        raise ValueError(f"a score looks like {EXAMPLES['score']}, got {value!r}")
    return match[1], match[2].startswith(">"), float(match[3])


def score_text(name: str, *, is_least: bool, number: float) -> str:
    """What `score_of` reads; `>` is kept as `>=`, and `<=` as `<`."""
    return f"{name}{'>=' if is_least else '<'}{number_text(number) or '0'}"


def value_text(value: str) -> str:
    """A value as it stands in a line: in quotes where it must."""
    return value if _BARE.fullmatch(value) else _quoted(value)


def number_text(number: float | None) -> str:
    """At most six digits behind the point, none that say nothing; '' for None."""
    return "" if number is None else f"{number:.6f}".rstrip("0").rstrip(".")


class _Part(NamedTuple):
    start: int
    stop: int
    key: str  # '' for text
    values: list[str]
    is_negative: bool
    is_quoted: bool


def _parts(line: str) -> Iterator[_Part]:
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return
        start = at
        is_negative = line[at] == "-"
        at += is_negative
        key = ""
        if match := _KEY.match(line, at):
            key, at = match[1].lower(), match.end()
            if key not in KEYS:
                raise GrammarError(
                    line,
                    start,
                    _end(line, at),
                    f"there is no key {key}; keys are {', '.join(KEYS)}. Text with a colon stands in quotes",
                )
        is_quoted = line[at : at + 1] == '"'
        values, at = _values(line, start, at, is_list=key not in ("", *RANGES))
        if not all(value.strip() for value in values):
            hint = f"{key} needs a value, as in {_example(key)}" if key else "there is no text here"
            raise GrammarError(line, start, max(at, start + 1), hint)
        yield _Part(start, at, key, values, is_negative, is_quoted)


def _values(line: str, start: int, at: int, *, is_list: bool) -> tuple[list[str], int]:
    """The values that begin at `at`, and where they end."""
    values = []
    while True:
        value, at = _quoted_at(line, start, at) if line[at : at + 1] == '"' else _bare_at(line, at, is_list)
        values.append(value)
        if is_list and line[at : at + 1] == ",":
            at += 1
            continue
        if at < len(line) and not line[at].isspace():
            raise GrammarError(line, start, _end(line, at), "after a closing quote comes a space")
        return values, at


def _bare_at(line: str, at: int, is_list: bool) -> tuple[str, int]:  # noqa: FBT001 - private
    stop = at
    while stop < len(line) and not line[stop].isspace() and not (is_list and line[stop] == ","):
        if line[stop] == '"':
            raise GrammarError(
                line, at, _end(line, stop), "a quote stands at the beginning of what it quotes"
            )
        stop += 1
    return line[at:stop], stop


def _quoted_at(line: str, start: int, at: int) -> tuple[str, int]:
    text, at = [], at + 1
    while at < len(line) and line[at] != '"':
        if line[at] == "\\" and line[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        text.append(line[at])
        at += 1
    if at >= len(line):
        raise GrammarError(line, start, len(line), 'the quote is not closed: add a "')
    return "".join(text), at + 1


def _end(line: str, at: int) -> int:
    while at < len(line) and not line[at].isspace():
        at += 1
    return at


def _value(line: str, part: _Part, value: str) -> str:
    """The value as it is kept: a known word, or a name as it was given."""
    if part.key in NAMES:
        return value.strip()
    if part.key == "score":
        return _score(line, part, value.strip())
    word = ALIASES.get(part.key, {}).get(value.lower(), value.lower())
    if word not in WORDS[part.key]:
        raise GrammarError(
            line, part.start, part.stop, f"{part.key} is one of {', '.join(WORDS[part.key])}, not {value!r}"
        )
    return word


def _score(line: str, part: _Part, value: str) -> str:
    match = _SCORE.fullmatch(value)
    if part.is_negative or match is None or float(match[3]) > 1:
        how = "cannot be turned round; say < for >=, as in" if part.is_negative else "looks like"
        raise GrammarError(line, part.start, part.stop, f"score {how} {_example('score')}, 0 to 1")
    return score_text(match[1], is_least=match[2].startswith(">"), number=float(match[3]))


def _take_range(line: str, part: _Part, numbers: dict[str, float | None]) -> None:
    (value,) = part.values
    if part.is_negative:
        detail = f"{part.key} cannot be turned round; give what is wanted, as in {_example(part.key)}"
        raise GrammarError(line, part.start, part.stop, detail)
    if part.key == "time":
        match, has_one = _TIME.fullmatch(value), "start" in numbers
        start = seconds_of(match[1]) if match else None
        stop = seconds_of(match[2]) if match else None
        if match is None or (start is None and stop is None):
            raise GrammarError(line, part.start, part.stop, f"time looks like {_example('time')}")
        if start is not None and stop is not None and not start < stop:
            raise GrammarError(line, part.start, part.stop, "time begins before it ends")
        numbers["start"], numbers["stop"] = start, stop
    else:
        match, has_one = _SIMILARITY.fullmatch(value), "similarity" in numbers
        if match is None or abs(float(match[1])) > 1:
            raise GrammarError(
                line, part.start, part.stop, f"similarity looks like {_example('similarity')}, -1 to 1"
            )
        numbers["similarity"] = float(match[1])
    if has_one:
        raise GrammarError(line, part.start, part.stop, f"{part.key} is there already; give it once")


def seconds_of(clock: str | None) -> float | None:
    """'90', '1:30' and '0:01:30' are 90.0; None and '' are None."""
    if not clock:
        return None
    seconds = 0.0
    for each in clock.split(":"):
        seconds = seconds * 60 + float(each)
    return round(seconds, 6)


def _ordered(key: str, values: list[str]) -> tuple[str, ...]:
    if key in WORDS:
        return tuple(word for word in WORDS[key] if word in values)
    return tuple(sorted(set(values)))


def _example(key: str) -> str:
    return EXAMPLES.get(key) or f"{key}:{WORDS[key][0]}"


def _is_words(text: str) -> bool:
    return bool(text) and all(_is_bare(word) for word in text.split(" "))


def _is_bare(word: str) -> bool:
    return (
        bool(word)
        and not word.startswith("-")
        and '"' not in word
        and not any(letter.isspace() for letter in word)
        and _KEY.match(word) is None
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
