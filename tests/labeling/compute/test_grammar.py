"""The grammar of filters: examples shared with the page's reader, and what holds for any line."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.compute import grammar
from labeling.compute.grammar import KEYS, NAMES, WORDS, GrammarError, Line, Phrase, parse, write

CASES = json.loads(Path(__file__).with_name("grammar_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "written"), CASES["understood"])
def test_a_line_is_understood_and_written_in_one_way(text, written):
    assert write(parse(text)) == written
    assert parse(written) == parse(text)


@pytest.mark.parametrize(("text", "start", "stop", "detail"), CASES["refused"])
def test_what_is_not_understood_is_named_with_its_place_and_what_would_be_valid(text, start, stop, detail):
    with pytest.raises(GrammarError, match=f"at character {start + 1}: .*{detail}") as refused:
        parse(text)
    assert (refused.value.start, refused.value.stop) == (start, stop)
    assert refused.value.token == text[start:stop]


def test_the_parts_of_a_line_are_apart():
    line = parse('red car -class:truck class:"police car" time:1:30-2:00 similarity:>0.5 -fog split:none')
    assert line == Line(
        wanted={"class": ("police car",), "split": ("none",)},
        unwanted={"class": ("truck",)},
        start_seconds=90.0,
        stop_seconds=120.0,
        min_similarity=0.5,
        phrases=(Phrase("red car"), Phrase("fog", is_negative=True)),
    )


def test_a_line_too_long_is_refused():
    with pytest.raises(GrammarError, match="at most 2000 characters"):
        parse("x" * 2001)


words = st.text(string.ascii_letters + string.digits + ' "\\,:-#*é\t', min_size=1, max_size=12).filter(
    str.strip
)


@st.composite
def lines(draw):
    """Any line as `parse` gives it."""
    sides = []
    for _ in range(2):
        side = {}
        for key in KEYS:
            if key in WORDS:
                chosen = draw(st.sets(st.sampled_from(WORDS[key])))
                if chosen:
                    side[key] = tuple(word for word in WORDS[key] if word in chosen)
            elif key in NAMES:
                names = draw(st.sets(words.map(str.strip), max_size=3))
                if names:
                    side[key] = tuple(sorted(names))
        sides.append(side)
    times = sorted(draw(st.sets(st.integers(0, 10**6), max_size=2)))
    start = times[0] / 100 if times else None
    stop = times[1] / 100 if len(times) == 2 else None
    similarity = draw(st.none() | st.integers(-100, 100).map(lambda n: n / 100))
    negative = [Phrase(text, is_negative=True) for text in draw(st.lists(words, unique=True, max_size=2))]
    positive = [Phrase(text) for text in draw(st.lists(words, unique=True, max_size=2))]
    return Line(sides[0], sides[1], start, stop, similarity, tuple(positive + negative))


@given(lines())
def test_what_is_written_is_understood_as_what_it_was(line):
    again = parse(write(line))
    assert again == line
    assert write(again) == write(line)


@given(st.text(string.printable, max_size=60))
def test_any_text_is_understood_or_refused_with_a_place_in_it(text):
    refused = None
    try:
        line = parse(text)
    except GrammarError as error:
        refused = error
    if refused is None:
        assert parse(write(line)) == line
    else:
        assert 0 <= refused.start < refused.stop <= len(text)


def test_every_key_has_values_or_an_example():
    assert all(key in WORDS or key in grammar.EXAMPLES for key in KEYS)
