"""What is wrong with a body, in words: msgspec says where and what, people want a sentence."""

import re

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing (null)",
    "uuid": "an id such as 6f1c2d5e-...",
}
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<where>[^`]*)`)?$", re.DOTALL)
_TYPES = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")
_ENTRY = re.compile(r"\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")
_VALUE = re.compile(r"^Invalid (?:enum )?value (?P<value>.+)$", re.DOTALL)


def sentence_of(error: Exception) -> str:
    """What was expected, what came and where.

    'Expected `int`, got `str` - at `$.filters.sources[0]`' -> 'filters.sources, entry 1: expected a whole
    number, got text'
    """
    match = _AT.match(str(error))
    what, where = (match["what"], match["where"] or "") if match else (str(error), "")
    place = _ENTRY.sub(_entry, where.removeprefix("$").removeprefix("."))
    if found := _UNKNOWN.match(what):
        said = f"there is no field {found['name']!r}"
    elif found := _MISSING.match(what):
        said = f"the field {found['name']!r} is missing"
    elif found := _VALUE.match(what):
        said = f"{found['value']} is not one of its values"
    else:
        said = _TYPES.sub(_words, what[:1].lower() + what[1:])
    return f"{place}: {said}" if place else said


def _entry(match: re.Match[str]) -> str:
    return f", entry {int(match[1]) + 1}" if match[1].isdigit() else ", an entry"


def _words(match: re.Match[str]) -> str:
    return " or ".join(WORDS.get(word, word) for word in match[1].split(" | "))
