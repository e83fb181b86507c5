"""`sfi labels-import`, `sfi datasets` and `sfi export` with a worker beside them."""

import json

import pytest

from labeling.models import CurrentVerdict
from sisyphus_web.cli.main import main
from tests.labeling.test_exports import photo_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sfi(corpus, olga, worker, capsys):
    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        assert main([*map(str, words), "--as", "mia"]) == code
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return said.out + said.err

    return call


def test_labels_come_in_are_frozen_compared_exported_and_taken_back(sfi, corpus, tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    for number in range(6):
        photo_of(corpus, media / f"{number}.jpg", (40 * number, 90, 30))
    lines = [f"{number}.jpg,kite,{'accept' if number else 'reject'}" for number in range(6)]
    path = tmp_path / "kites.csv"
    path.write_text("\n".join(["file_name,label,answer", *lines, "nowhere.jpg,kite,accept", ""]))
    seen = json.loads(sfi("labels-import", corpus.pk, path, "--dry-run", "--json", code=3))
    assert (seen["state"], seen["taken"], seen["rejected"]) == ("previewed", 6, {"unknown-media": 1})
    assert not CurrentVerdict.objects.exists()
    told = sfi("labels-import", corpus.pk, path, "--report", tmp_path / "report.csv", code=3)
    assert "6 of 7 lines taken" in told
    assert (tmp_path / "report.csv").read_text().count(",taken,") == 6
    sfi("export", corpus.pk, tmp_path / "one", "--format", "yolo", "--val", 0, "--test", 0)
    assert (tmp_path / "one" / "data.yaml").is_file()
    assert len(list((tmp_path / "one" / "labels" / "train").iterdir())) == 6
    (tmp_path / "more.csv").write_text("file_name,label\n1.jpg,duck\n")
    number = sfi("labels-import", corpus.pk, tmp_path / "more.csv").split("Import ")[1].split()[0]
    sfi("export", corpus.pk, tmp_path / "two", "--format", "parquet", "--val", 0, "--test", 0)
    changed = json.loads(sfi("datasets", corpus.pk, 2, "--since", 1, "--json"))
    assert changed["counts"]["added"] == 1
    assert [each["number"] for each in json.loads(sfi("datasets", corpus.pk, "--json"))] == [2, 1]
    card = sfi("datasets", corpus.pk, 2)
    assert "import 7" in card
    assert "leakage" in card
    assert "taken back" in sfi("labels-import", corpus.pk, "--undo", number)
    assert CurrentVerdict.objects.exclude(answer="").count() == 6


def test_what_cannot_be_imported_ends_in_a_sentence(sfi, corpus, tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    assert "needs a column label_class" in sfi("labels-import", corpus.pk, tmp_path / "notes.csv", code=2)
    assert "does not exist" in sfi("labels-import", corpus.pk, tmp_path / "none.csv", code=2)
    assert "give a PATH" in sfi("labels-import", corpus.pk, code=2)
    assert "there is no import 99" in sfi("labels-import", corpus.pk, "--undo", 99, code=2)
    assert "there is no version 9" in sfi("datasets", corpus.pk, 9, code=2)
    assert "There is no version yet" in sfi("datasets", corpus.pk)
