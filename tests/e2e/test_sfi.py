"""The main job by `sfi`, against a running instance, on real photos."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.instance import OWN, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sfi(instance):
    def call(*words: object, code: int = 0) -> str:
        """What `sfi` prints with these words; it must end with `code` and never with a traceback."""
        env = {name: value for name, value in os.environ.items() if name not in (*OWN, "REDIS_URL")}
        command = [sys.executable, "-m", "sisyphus_web.cli.main", *map(str, words)]
        if words[0] != "doctor":
            command += ["--data-dir", str(instance.data_dir)]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return call


@pytest.fixture(scope="module")
def corpus_name(client) -> str:
    made = client.call("POST", "/api/v1/corpora/", {"name": "by command"})
    assert made.status == 201, made.body
    return "by command"


def test_the_main_job_from_a_folder_to_an_exported_folder(sfi, corpus_name, media_root, tmp_path):
    folder = media_root / "media"
    sfi("ingest", corpus_name, folder / "pizza", folder / "cannon")
    photo = sorted((folder / "pizza").iterdir())[0]
    assert "there is no class" in sfi("query", corpus_name, "--image", photo, "--class", "pizza", code=2)
    found = json.loads(sfi("query", corpus_name, "--image", photo, "-n", 12, "--json"))["neighbors"]
    assert len(found) >= 10
    good = [tile["item"] for tile in found if tile["name"].startswith(("pizza", "image"))][:5]
    bad = [tile["item"] for tile in found if tile["item"] not in good][:3]
    sfi("answer", corpus_name, "pizza", "accept", *good, "--new-class")
    sfi("answer", corpus_name, "pizza", "reject", *bad)
    assert "10" in sfi("answer", corpus_name, "pizza", "reject", 10**9, code=3)
    learned = json.loads(sfi("query", corpus_name, "--learned", "--class", "pizza", "--json"))
    assert not {tile["item"] for tile in learned["neighbors"]} & {*good, *bad}
    taken = json.loads(sfi("weak", corpus_name, learned["round"], "--first", 4, "--json"))
    assert taken["taken"] >= 4
    sfi("export", corpus_name, tmp_path / "out", "--with-weak")
    names = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")]
    assert any("/pizza/" in name for name in names)
    assert any("/background/" in name for name in names)


def test_what_was_exported_comes_back_by_import_and_versions_are_compared(sfi, corpus_name, tmp_path):
    sfi("export", corpus_name, tmp_path / "out", "--format", "jsonl", "--with-weak")
    (labels,) = (tmp_path / "out").iterdir()
    lines = labels.read_text().splitlines()
    seen = json.loads(sfi("labels-import", corpus_name, labels, "--dry-run", "--json"))
    assert (seen["lines"], seen["taken"]) == (len(lines), 0)  # all of it is there already
    kite = json.loads(lines[0]) | {"label_class": "kite", "origin": "verdict"}
    (tmp_path / "kites.jsonl").write_text(json.dumps(kite) + "\n" + '{"class": "kite"}\n')
    report = tmp_path / "report.csv"
    told = sfi("labels-import", corpus_name, tmp_path / "kites.jsonl", "--report", report, code=3)
    assert "1 of 2 lines taken" in told
    assert "no-media" in report.read_text()
    number = told.split("Import ")[1].split()[0]
    sfi("export", corpus_name, tmp_path / "second", "--format", "csv", "--with-weak")
    versions = json.loads(sfi("datasets", corpus_name, "--json"))
    newest, older = versions[0]["number"], versions[1]["number"]
    changed = json.loads(sfi("datasets", corpus_name, newest, "--since", older, "--json"))
    assert changed["counts"]["added"] == 1
    assert "import 1" in sfi("datasets", corpus_name, newest)
    assert "taken back" in sfi("labels-import", corpus_name, "--undo", number)
    assert "does not exist" in sfi("labels-import", corpus_name, tmp_path / "none.csv", code=2)
    assert "there is no version 99" in sfi("datasets", corpus_name, 99, code=2)


def test_bad_words_end_in_a_sentence(sfi, corpus_name, tmp_path):
    assert "there is no corpus 'none'" in sfi("query", "none", "--item", 1, code=2)
    assert "cannot be read" in sfi("query", corpus_name, "--image", tmp_path / "missing.jpg", code=2)
    (tmp_path / "text.jpg").write_text("no picture")
    assert "text.jpg" in sfi("query", corpus_name, "--image", tmp_path / "text.jpg", code=2)
    assert "four numbers" in sfi("query", corpus_name, "--item", 1, "--box", "1,2", code=2)
    assert "there is no item" in sfi("query", corpus_name, "--item", 10**9, code=2)
    assert "there is no round" in sfi("weak", corpus_name, 10**9, "--first", 1, code=2)
