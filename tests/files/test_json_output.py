"""With --json every verb says one JSON object on standard output and JSON lines on standard error."""

import json
import shutil

import pytest

from sisyphus_web.cli.errors import Exit
from tests.data.make import make_clip

CALLS = {
    "feature-extract": ("--images", "photos", "--features", "out", "--encoder", "builtin@1"),
    "stream-index": ("--images", "photos", "--index", "out", "--encoder", "builtin@1"),
    "build-index": ("--features", "features", "--index", "out"),
    "clip-extract": ("--input-dir", "videos", "--output-dir", "out", "--model", "builtin-clip@1"),
    "frames-extract": ("--video", "videos/v.mp4", "--frames", "out", "--encoder", "builtin@1"),
    "video-to-key-frames": ("videos/v.mp4", "out"),
    "video-to-resampled-frames": ("videos/v.mp4", "out", "2"),
    "key-frames-to-video": ("photos/crab", "out.mp4"),
    "split-image": ("photos", "out"),
    "scale-crop-image": ("photos", "out"),
    "drawlines": ("photos", "out"),
}
BAD = {
    "feature-extract",
    "stream-index",
    "build-index",
    "clip-extract",
    "split-image",
    "scale-crop-image",
    "drawlines",
}


@pytest.fixture
def here(sfi, photos, tmp_path, monkeypatch):
    """A folder with photos, features and videos; among each something that is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    make_clip(tmp_path / "videos" / "v.mp4", num_frames=20)
    sfi("feature-extract", "--images", "photos", "--features", "features", "--encoder", "builtin@1")
    for folder in ("photos", "features", "videos"):
        (tmp_path / folder / "words.npy").write_text("these are words")
    return tmp_path


@pytest.mark.parametrize("verb", CALLS)
def test_a_result_is_one_object_and_all_else_json_lines(sfi, here, verb):
    ended = sfi(verb, *CALLS[verb], "--json")
    assert ended.code == (Exit.SOME_REJECTED if verb in BAD else Exit.DONE)
    assert ended.json["counts"]["rejected"] == (verb in BAD)
    assert ended.json["verb"] == verb
    assert {json.loads(line)["event"] for line in ended.err.splitlines()} <= {
        "progress", "notice", "configuration",
    }  # fmt: skip


def test_a_refusal_is_a_json_line_with_its_exit_status(sfi, here):
    shutil.rmtree(here / "features")
    ended = sfi("build-index", *CALLS["build-index"], "--json")
    told = json.loads(ended.err)
    assert (ended.code, ended.out) == (Exit.REFUSED, "")
    assert told == {"event": "error", "verb": "build-index", "exit": 2, "text": "features does not exist"}
    assert json.loads(sfi("build-index", "--json").err)["event"] == "error"
