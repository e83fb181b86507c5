"""Flags and defaults are those of the old sfi, in both spellings, and every verb explains itself."""

import argparse
import importlib
from pathlib import Path

import pytest

from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.main import told
from sisyphus_web.cli.plain.flags import spelled
from sisyphus_web.cli.plain.verbs import PLAIN_VERBS

NEEDED = {
    "frames-extract": ("--video", __file__, "--frames", "f"),
    "feature-extract": ("--images", ".", "--features", "f"),
    "feature-extract-vid": ("--video", __file__, "--feature", "f.npy"),
    "build-index": ("--index", "i", "--features", "f", "--num-train", "256"),
    "serve-index": ("--index", "i"),
    "query-index": ("--query", "q.npy"),
}
DEFAULTS = [
    ("frames-extract", {"similarity": 0.95, "pool": "mean", "image_size": 224, "batch_size": 8}),
    ("feature-extract", {"batch_size": 32, "image_size": 448, "pool": "mac"}),
    ("feature-extract-vid", {"timesteps": 64}),
    ("build-index", {"batch_size": 32, "num_workers": 0, "dim": None, "seed": 0}),
    ("serve-index", {"host": "127.0.0.1", "port": 5000, "num_probes": 1}),
    ("query-index", {"host": "127.0.0.1", "port": 5000, "num_results": 10, "expand": 0}),
]
ORIGINAL = [
    ("frames-extract", ["--similarity", "0.9", "--pool", "max", "--image-size", "448", "--batch-size", "2"]),
    ("feature-extract", ["--batch", "1", "--image-size", "32"]),
    ("feature-extract-vid", ["--timesteps", "8"]),
    ("build-index", ["--dim", "2048", "--batch_size", "4", "--num-workers", "2"]),
    ("serve-index", ["--host", "::1", "--port", "80", "--num-probes", "4", "--features-size", "14"]),
    ("query-index", ["--host", "localhost", "--port", "81", "--num-results", "3"]),
]


def parsed(verb: str, words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    importlib.import_module(PLAIN_VERBS[verb][0]).add_arguments(parser)
    return parser.parse_args(spelled([*NEEDED[verb], *words]))


@pytest.mark.parametrize(("verb", "defaults"), DEFAULTS)
def test_defaults_are_those_of_the_old_sfi(verb, defaults):
    found = vars(parsed(verb, []))
    assert {name: found[name] for name in defaults} == defaults


@pytest.mark.parametrize(("verb", "words"), ORIGINAL)
def test_flags_of_the_old_sfi_are_taken_with_hyphens_and_underscores(verb, words):
    under = [
        word.replace("-", "_").replace("__", "--", 1) if word.startswith("--") else word for word in words
    ]
    assert parsed(verb, words) == parsed(verb, under)


@pytest.mark.parametrize("verb", sorted(PLAIN_VERBS))
def test_help_says_what_the_verb_does_with_an_example(sfi, verb):
    ended = sfi(verb, "--help")
    assert ended.code == 0
    assert "example:" in ended.out
    assert f"sfi {verb}" in ended.out


@pytest.mark.parametrize(
    ("one", "other"),
    [("build-index", "index-build"), ("serve-index", "index-serve"), ("query-index", "index-query")],
)
def test_both_spellings_of_a_verb_are_one(one, other):
    assert PLAIN_VERBS[one] == PLAIN_VERBS[other]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("feature_extarct",), "did you mean feature-extract"),
        (("feature-extract", "--images", ".", "--feature", ".", "--imag-size", "32"), "mean --image-size by"),
        (("feature-extract", "--imagse", "x"), "Did you mean --images by --imagse?"),
        (("model-train", "--model", "m"), "--dataset. See sfi model-train --help"),
        ((), "name a verb"),
    ],
)
def test_what_is_misspelled_gets_one_sentence_with_what_was_meant(sfi, words, sentence):
    ended = sfi(*words)
    assert ended.code == Exit.REFUSED
    assert sentence in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


def test_a_file_whose_name_was_taken_for_a_flag_is_told_how_to_be_named(sfi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-a.png").write_bytes(b"")
    assert "given as ./-a.png" in sfi("drawlines", "-a.png", "out.png").err


def test_the_verbs_on_plain_files_are_listed_apart_with_both_spellings(sfi):
    plain, _, instance = sfi("--help").out.partition("with the running Sisyphus:")
    assert "build-index, index-build" in plain
    assert "  doctor " in instance


def test_help_is_no_wider_than_the_terminal(sfi, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    prose = sfi("feature-extract", "--help").out.partition("example:")[0]
    assert max(map(len, prose.splitlines())) <= 72


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")]
)
def test_where_memory_ends_a_smaller_batch_is_advised(error):
    sentence, code = told(error)
    assert (code, "smaller --batch-size" in sentence) == (Exit.FAILED, True)


def test_a_fault_of_ours_is_not_dressed_as_a_sentence():
    assert told(RuntimeError("a fault")) is None


@pytest.mark.parametrize("verb", sorted(PLAIN_VERBS))
def test_every_flag_says_what_it_does(verb):
    parser = argparse.ArgumentParser()
    importlib.import_module(PLAIN_VERBS[verb][0]).add_arguments(parser)
    assert [action.dest for action in parser._actions if not action.help] == []
