"""sfi train, classifiers and predict, beside a worker that does their jobs."""

import csv
import json
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection

from sisyphus_web.cli.main import main
from sisyphus_web.jobs.models import Job
from tests.training.conftest import TASKS

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def a_worker():
    """A thread that does what is queued."""
    ended = threading.Event()

    def work() -> None:
        try:
            while not ended.is_set():
                for job in Job.objects.filter(status="queued", kind__in=TASKS).order_by("pk"):
                    TASKS[job.kind](job.pk)
                time.sleep(0.1)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def sfi(capsys, *words: str) -> tuple[int, str, str]:
    """(exit status, what it printed, what it complained)."""
    capsys.readouterr()
    code = main([*words, "--as", "mia"])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_classifier_is_trained_listed_and_scores(corpus, version, mia, capsys, tmp_path):
    table = tmp_path / "scores.csv"
    with a_worker():
        code, said, _ = sfi(capsys, "train", corpus.name, "cat", "--version", "1", "--json")
        made = json.loads(said)
        assert (code, made["classifier"], made["is_live"]) == (0, "cat", True)
        assert made["classes"]["cat"]["average_precision"] > 0.9
        code, said, _ = sfi(capsys, "predict", corpus.name, "cat:1", "--out", str(table), "--json")
        assert (code, json.loads(said)["num_scores"]) == (0, 240)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    scores = [float(row["cat"]) for row in rows]
    assert len(rows) == 240
    assert scores == sorted(scores, reverse=True)
    code, said, _ = sfi(capsys, "classifiers", corpus.name, "--json")
    assert [(row["classifier"], row["version"], row["live"]) for row in json.loads(said)] == [
        ("cat", 1, "yes")
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train", "dog"), "there is no class 'dog'"),
        (("train", "cat", "--version", "7"), "there is no version 7. There are: 1"),
        (("train", "cat", "--version", "1", "--one-of"), "one class"),
        (("train", "cat", "--version", "1", "--fine-tune", "no-such-net"), "no-such-net"),
        (("predict", "zebra"), "there is no classifier 'zebra'"),
        (("classifiers", "--back", "zebra"), "there is no classifier 'zebra'"),
    ],
)
def test_what_cannot_be_is_a_sentence(corpus, version, mia, capsys, words, sentence):
    verb, *more = words
    code, _, complaint = sfi(capsys, verb, corpus.name, *more)
    assert (code, sentence in complaint) == (2, True), complaint
    assert not Job.objects.filter(kind__startswith="classifier").exists()
