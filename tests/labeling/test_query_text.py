"""Filters as a line of text: names of a corpus become ids, ids become names."""

import pytest

from indexing.models import Source
from labeling.models import LabelClass
from labeling.services.query_text import Names, plain, text_of, understand
from labeling.services.rank_request import BadQuery, Filters, Term
from tests.labeling.conftest import photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def sources(corpus, mia):
    paths = ["/data/night", "/data/a/day", "/data/b/day"]
    made = [Source.objects.create(corpus=corpus, kind="folder", path=path, created_by=mia) for path in paths]
    return [*made, Source.objects.create(corpus=corpus, kind="upload", created_by=mia)]


def test_names_become_ids_and_back(corpus, mia, cat, sources):
    tram = LabelClass.objects.create(corpus=corpus, name="night tram", created_by=mia)
    file = photo(corpus, "one.jpg")
    line = f'source:night,uploads -source:/data/a/day class:cat -class:"Night Tram" file:#{file.pk},n*.jpg'
    found = understand(corpus, line)
    assert found.filters == Filters(
        sources=[sources[0].pk, sources[3].pk],
        not_sources=[sources[1].pk],
        classes=[cat.pk],
        not_classes=[tram.pk],
        media_files=[file.pk],
        files=["n*.jpg"],
    )
    written = text_of(plain(found.filters), Names(corpus))
    assert written == (
        f'source:night,uploads -source:#{sources[1].pk} class:cat -class:"night tram" file:#{file.pk},n*.jpg'
    )
    assert understand(corpus, written).filters == found.filters


def test_numbers_words_and_what_is_left_of_alternatives(corpus):
    found = understand(
        corpus, "time:1:00-2:00 similarity:>.5 -state:rejected,weak -split:test has:box -has:weak"
    )
    assert found.filters == Filters(
        start_seconds=60.0,
        stop_seconds=120.0,
        min_similarity=0.5,
        states=["untouched", "accept", "unsure"],
        splits=["train", "val", "none"],
        has=["box"],
        has_not=["weak"],
    )


def test_disputed_and_later_stand_beside_the_answers(corpus):
    for line, expected in (
        ("state:disputed,later", Filters(states=["disputed", "later"])),
        ("state:weak -state:later", Filters(states=["weak"], not_states=["later"])),
        ("-state:disputed", Filters(not_states=["disputed"])),
        (
            "-state:weak,disputed",
            Filters(states=["untouched", "accept", "reject", "unsure"], not_states=["disputed"]),
        ),
    ):
        found = understand(corpus, line)
        assert found.filters == expected
        assert understand(corpus, text_of(plain(found.filters), Names(corpus))).filters == expected


def test_text_becomes_terms(corpus):
    found = understand(corpus, 'red car -rain "at night"')
    assert [(term.kind, term.text, term.weight) for term in found.terms] == [
        ("text", "red car", 1.0),
        ("text", "rain", -1.0),
        ("text", "at night", 1.0),
    ]
    assert isinstance(found.terms[0], Term)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("class:dog", r"class: there is no class 'dog' here\. There are: cat\."),
        ("source:day", r"source: there is no source 'day' here\. There are: night, #\d+, #\d+, uploads\."),
        ("source:#99999", "there is no source"),
        ("file:#99999", "no media file with that number"),
        ("state:weak -state:weak", "state: what is asked for is left out again"),
        ("night color:red", "'color:red' at character 7: there is no key color; keys are state, source"),
    ],
)
def test_what_is_not_here_is_refused_with_what_is(corpus, cat, sources, line, sentence):
    with pytest.raises(BadQuery, match=sentence) as refused:
        understand(corpus, line)
    assert refused.value.code == "bad-filter"


def test_names_of_another_corpus_are_unknown(corpus, mia):
    from sisyphus_web.accounts.models import Corpus

    elsewhere = Corpus.objects.create(name="elsewhere", created_by=mia)
    LabelClass.objects.create(corpus=elsewhere, name="bird", created_by=mia)
    with pytest.raises(BadQuery, match=r"There are: none yet\."):
        understand(corpus, "class:bird")
