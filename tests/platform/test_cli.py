"""`sfi`: exit codes and sentences, never a traceback."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from sisyphus_web.cli import doctor, main
from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.show import bytes_in_words

ROOT = Path(__file__).resolve().parents[2]


def sfi(*words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [ROOT / "bin" / "sfi", *words], env=env, capture_output=True, text=True, check=False
    )


def test_a_verb_without_a_running_sisyphus_says_how_to_start_one(tmp_path):
    done = sfi("jobs", "--data-dir", str(tmp_path))
    assert done.returncode == Exit.FAILED
    assert "bin/sisyphus up" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_verb_lists_the_known_ones():
    done = sfi("juggle")
    assert done.returncode == Exit.REFUSED
    assert "doctor" in done.stderr


@pytest.mark.slow
def test_doctor_finds_every_library_that_is_pinned(tmp_path):
    done = sfi("doctor", "--json", "--data-dir", str(tmp_path))
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    for name in ("python", "torch", "torchvision", "openvino", "faiss", "opencv", "ffmpeg", "postgresql"):
        assert findings[name]["state"] == "ok", findings[name]
    assert findings["sisyphus"]["state"] == "note"
    assert "bin/sisyphus up" in findings["sisyphus"]["todo"]


def test_doctor_goes_on_after_a_library_that_cannot_be_imported(monkeypatch, capsys):
    def _broken(_):
        raise ImportError("no such thing")
        yield

    monkeypatch.setattr(doctor, "LOOKS", (_broken, doctor._disk))
    assert main.main(["doctor", "--json"]) == Exit.FAILED
    broken, disk = json.loads(capsys.readouterr().out)
    assert (broken["state"], broken["found"]) == ("missing", "no such thing")
    assert disk["name"] == "disk"


def test_corpora_are_listed(corpus, capsys):
    assert main.main(["corpora", "--json"]) == Exit.DONE
    [row] = json.loads(capsys.readouterr().out)
    assert row == {"id": corpus.pk, "name": "street scenes", "media_files": 0, "items": 0, "members": 3}


def test_an_unknown_corpus_is_refused_with_the_known_ones(corpus, olga, tmp_path, capsys):
    assert main.main(["ingest", "nothing", str(tmp_path)]) == Exit.REFUSED
    assert "There are: street scenes." in capsys.readouterr().err


def test_a_folder_outside_the_roots_is_refused(corpus, olga, tmp_path, settings, capsys):
    settings.MEDIA_ROOTS = [tmp_path / "allowed"]
    assert main.main(["ingest", "street scenes", str(tmp_path)]) == Exit.REFUSED
    assert "may be ingested" in capsys.readouterr().err
    assert corpus.jobs.count() == 0


def test_a_missing_path_is_refused_before_anything_is_looked_up(capsys):
    assert main.main(["ingest", "any", "/no/such/folder"]) == Exit.REFUSED
    assert capsys.readouterr().err == "sfi ingest: /no/such/folder does not exist\n"


def test_ingest_can_make_the_corpus_and_not_wait(olga, tmp_path, settings, capsys):
    settings.MEDIA_ROOTS = [tmp_path]
    assert main.main(["ingest", "--create", "--no-wait", "--json", "harbour", str(tmp_path)]) == Exit.DONE
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["jobs"]) == 1
    assert main.main(["jobs", "harbour", "--json"]) == Exit.DONE
    kinds = {row["kind"] for row in json.loads(capsys.readouterr().out)}
    assert kinds == {"media_ingest", "features_extract", "stacks_build", "index_build"}


@pytest.mark.parametrize(("number", "words"), [(0, "0 B"), (1536, "1.5 KiB"), (3 * 2**40, "3.0 TiB")])
def test_bytes_are_said_in_words(number, words):
    assert bytes_in_words(number) == words


@pytest.mark.parametrize("command", [("test", "--help"), ("lint", "-h"), ("--help",)])
def test_help_of_the_commands_of_the_read_me_begins_nothing(command):
    done = subprocess.run(
        [ROOT / "bin" / "sisyphus", *command], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("bin/sisyphus up ")
