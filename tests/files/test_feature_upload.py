"""`sfi feature-upload`: the hub has every byte, or every file is still here."""

import numpy as np
import pytest
from huggingface_hub import constants

from indexing.compute.plain import hub_upload
from sisyphus_web.cli.errors import Exit
from tests.files.hub import REPO, serving


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "secret")
    (tmp_path / "hub").mkdir()
    with serving(tmp_path / "hub") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def features(tmp_path):
    """Three feature files in two folders, two of them with side files, and a report."""
    folder = tmp_path / "features"
    (folder / "a").mkdir(parents=True)
    for i, name in enumerate(("one.npy", "two.npy", "a/one.npy")):
        np.save(folder / name, np.full((2, 5, 4), i, np.float32))
        (folder / f"{name}.meta.json").write_text('{"encoder": "builtin-clip@1"}\n')
    (folder / "sfi-report.json").write_text("{}")
    return folder


def content(folder, suffixes=(".npy", ".json")):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name.endswith(suffixes) and "report" not in path.name
    }


def upload(sfi, features, *words):
    return sfi("feature-upload", "--hf_dataset", REPO, "--feature_dir", features, *words)


def test_every_file_arrives_under_the_path_asked_for_and_stays_here(sfi, hub, features):
    before = content(features)
    assert upload(sfi, features, "--path_in_repo", "i3d/v1/").code == 0
    assert content(hub.root / "i3d" / "v1") == before == content(features)
    assert "i3d/v1/sfi-report.json" not in hub.names()


def test_what_the_hub_confirmed_is_removed_here_and_nothing_else(sfi, hub, features):
    before = content(features)
    ended = upload(sfi, features, "--remove_after_uploading", "--json")
    assert (ended.code, ended.json["removed"]) == (0, 6)
    assert content(features) == {}
    assert content(hub.root) == before
    assert (features / "sfi-report.json").is_file()


def test_what_the_hub_has_is_not_sent_again(sfi, hub, features):
    assert upload(sfi, features).code == 0
    assert upload(sfi, features, "--remove_after_uploading").code == 0
    assert hub.num_commits == 1
    assert content(features) == {}


def test_a_failed_upload_leaves_every_file(sfi, hub, features):
    before = content(features)
    hub.refuses_commit = True
    ended = upload(sfi, features, "--remove_after_uploading")
    assert ended.code == Exit.FAILED
    assert content(features) == before
    assert hub.names() == []
    assert "0 of 6 files are confirmed" in ended.err


def test_a_file_that_arrives_changed_is_kept_here_and_told(sfi, hub, features):
    hub.garbles = {"two.npy"}
    ended = upload(sfi, features, "--remove_after_uploading")
    assert ended.code == Exit.FAILED
    assert list(content(features)) == ["two.npy"]
    assert "two.npy" in ended.err


def test_a_failure_half_way_keeps_what_is_not_confirmed(sfi, hub, features, monkeypatch):
    monkeypatch.setattr(hub_upload, "FILES_PER_COMMIT", 2)
    hub.fails_after = 1
    before = content(features)
    assert upload(sfi, features, "--remove_after_uploading").code == Exit.FAILED
    assert content(hub.root) | content(features) == before
    assert len(content(features)) == 4
    hub.fails_after = None
    assert upload(sfi, features, "--remove_after_uploading").code == 0
    assert content(hub.root) == before


@pytest.mark.parametrize(
    ("token", "words", "code", "sentence"),
    [
        ("", (), Exit.REFUSED, "HF_TOKEN"),
        ("wrong", (), Exit.FAILED, "0 of 6 files are confirmed"),
        ("secret", ("--path_in_repo", "../up"), Exit.REFUSED, "outside"),
        ("secret", ("--hf_dataset", "ann/none"), Exit.FAILED, "has no data set ann/none"),
    ],
)
def test_what_cannot_be_sent_is_a_sentence_and_the_token_is_never_shown(
    sfi, hub, features, monkeypatch, token, words, code, sentence
):
    monkeypatch.setenv("HF_TOKEN", token)
    before = content(features)
    ended = upload(sfi, features, *words, "--remove_after_uploading")
    assert ended.code == code
    assert sentence in ended.err
    assert content(features) == before
    assert not token or token not in ended.out + ended.err
