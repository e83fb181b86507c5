"""Names, side files, claims, reports, spellings: what every verb on plain files relies on."""

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.compute.plain.claims import Claims
from indexing.compute.plain.feature_files import FeaturesRefused, read_features, read_shape
from indexing.compute.plain.output_names import outputs_of
from indexing.compute.plain.report import Report
from indexing.compute.plain.side_files import Row, matches, read_meta, read_rows, write_meta, write_rows
from indexing.compute.plain.whole_files import by_number, files_below, write_npy, write_whole, writing_whole
from sisyphus_web.cli.plain.flags import add_batch_size, image_size, spelled

ROOT = Path(__file__).resolve().parents[2]


def test_hyphen_and_underscore_are_the_same_in_names_of_flags_only():
    assert spelled(["--batch_size=4", "--num_train", "a_b"]) == ["--batch-size=4", "--num-train", "a_b"]
    assert spelled(["--", "--a_b"]) == ["--", "--a_b"]


@pytest.mark.parametrize("word", ["--batch", "--batch-size", "--batch_size"])
def test_batch_batch_size_and_batch_underscore_size_are_one_flag(word):
    parser = argparse.ArgumentParser()
    add_batch_size(parser, 32, "pictures at once")
    assert parser.parse_args(spelled([word, "7"])).batch_size == 7


@pytest.mark.parametrize("text", ["31", "33", "0", "480", "big"])
def test_an_image_size_that_is_not_a_multiple_of_32_up_to_448_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="from 32 to 448"):
        image_size(text)


def test_outputs_keep_their_folder_and_their_whole_name_only_where_two_would_meet():
    names = ["a.jpg", "b/a.jpg", "c/x.jpg", "c/x.png", "c/x.jpg.png", "d"]
    assert outputs_of(names, ".npy") == {
        "a.jpg": "a.npy",
        "b/a.jpg": "b/a.npy",
        "c/x.jpg": "c/x.jpg.npy",
        "c/x.png": "c/x.png.npy",
        "c/x.jpg.png": "c/x.jpg.png.npy",
        "d": "d.npy",
    }


@given(st.sets(st.from_regex(r"([ab]/)?[xy](\.(jpg|png|npy)){0,3}", fullmatch=True), max_size=12))
def test_no_two_inputs_ever_share_an_output(names):
    outputs = outputs_of(sorted(names), ".npy")
    assert len(set(outputs.values())) == len(names)


def test_frame_2_comes_before_frame_10():
    names = ["frame-10.jpg", "frame-2.jpg", "frame-1.jpg", "a.jpg", "Frame-3.jpg"]
    assert sorted(names, key=by_number) == [
        "Frame-3.jpg", "a.jpg", "frame-1.jpg", "frame-2.jpg", "frame-10.jpg",
    ]  # fmt: skip


def test_a_walk_enters_linked_folders_once_and_leaves_out_the_outputs(tmp_path):
    for name in ("in/a.jpg", "in/sub/b.jpg", "in/out/c.npy", "in/.hidden", "elsewhere/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/sub/again").symlink_to(tmp_path / "in")
    found, unreadable = files_below(tmp_path / "in", leave_out=tmp_path / "in/out")
    assert (found, unreadable) == (["a.jpg", "linked/d.jpg", "sub/b.jpg"], [])


def test_a_file_left_half_written_is_not_there(tmp_path):
    def fail_half_way():
        with writing_whole(tmp_path / "out" / "a.npy") as out:
            out.write(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail_half_way()
    assert list((tmp_path / "out").iterdir()) == []


def test_rows_and_meta_read_back_as_they_were_written(tmp_path):
    output = tmp_path / "v.npy"
    rows = [Row(0, 0, 0, 640, 0.0), Row(1, 64, 640, 1300, 2.56)]
    write_rows(output, rows)
    write_meta(output, {"encoder": "a@1", "settings": {"pool": "mac"}})
    assert read_rows(output) == rows
    assert matches(read_meta(output), {"encoder": "a@1", "settings": {"pool": "mac"}})
    assert not matches(read_meta(output), {"encoder": "b@1"})
    assert not matches(read_meta(tmp_path / "other.npy"), {})


def test_a_name_taken_by_another_process_is_not_ours_until_that_process_is_killed(tmp_path):
    held = (
        "import sys, time; from pathlib import Path; from indexing.compute.plain.claims import Claims\n"
        "claims = Claims(Path(sys.argv[1])); print(claims.take('a.jpg'), flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", held, tmp_path], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert other.stdout.readline() == b"True\n"
        with Claims(tmp_path) as claims:
            assert not claims.take("a.jpg")
            assert claims.take("b.jpg")
            os.kill(other.pid, signal.SIGKILL)
            assert claims.take("a.jpg", waits=True)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("pickled", pickle.dumps({"a": 1})),
        ("not-npy", b"these are words"),
        ("damaged", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"),
    ],
)
def test_what_is_no_npy_is_refused_by_name(tmp_path, code, content):
    write_whole(tmp_path / "f.npy", content)
    with pytest.raises(FeaturesRefused) as refusal:
        read_features(tmp_path / "f.npy")
    assert refusal.value.code == code
    assert str(tmp_path / "f.npy") in refusal.value.sentence


@pytest.mark.parametrize(
    ("code", "array"),
    [
        ("wrong-shape", np.zeros((2, 3, 4), np.float32)),
        ("wrong-shape", np.zeros((3, 0), np.float32)),
        ("not-numbers", np.array(["a", "b"])),
        ("not-finite", np.array([1.0, np.nan], np.float32)),
    ],
)
def test_arrays_that_are_no_features_are_refused_by_name(tmp_path, code, array):
    np.save(tmp_path / "f.npy", array)
    with pytest.raises(FeaturesRefused) as refusal:
        read_features(tmp_path / "f.npy")
    assert refusal.value.code == code


def test_an_array_of_objects_is_refused_as_pickled(tmp_path):
    np.save(tmp_path / "f.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(FeaturesRefused) as refusal:
        read_shape(tmp_path / "f.npy")
    assert refusal.value.code == "pickled"


def test_one_vector_is_one_row_in_any_precision(tmp_path):
    write_npy(tmp_path / "f.npy", np.arange(4, dtype=np.float16))
    assert read_shape(tmp_path / "f.npy") == (1, 4)
    np.testing.assert_array_equal(read_features(tmp_path / "f.npy"), [[0, 1, 2, 3]])


def test_a_report_lists_every_input_with_its_end(tmp_path):
    report = Report("feature-extract", "1.0")
    report.rejected("b.txt", "unknown-format", "It is no picture.")
    report.done("a.jpg", "a.npy")
    report.skipped("c.jpg", "c.npy")
    written = json.loads(report.write(tmp_path).read_text())
    assert written["counts"] == {"done": 1, "skipped": 1, "rejected": 1}
    assert [(each["input"], each["state"]) for each in written["inputs"]] == [
        ("a.jpg", "done"), ("b.txt", "rejected"), ("c.jpg", "skipped"),
    ]  # fmt: skip
    (tmp_path / "x.idx").write_bytes(b"")
    assert report.write(tmp_path / "x.idx").name == "x.idx.sfi-report.json"


NEVER_ENDING = """
import signal, sys, time
from sisyphus_web.cli.plain.stopping import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)  # who started the tests may ignore it

class Slow:
    def __del__(self):
        print("begun", flush=True)
        time.sleep(1)

try:
    with interruptible():
        if sys.argv[1] == "destructor":
            Slow()
        else:
            print("begun", flush=True)
        time.sleep(600)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize(
    ("where", "sent"),
    [("destructor", signal.SIGINT), ("destructor", signal.SIGTERM), ("block", signal.SIGTERM)],
)
def test_ctrl_c_and_kill_stop_also_where_python_drops_what_is_raised(where, sent):
    process = subprocess.Popen(
        [sys.executable, "-c", NEVER_ENDING, where], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(sent)
    assert process.communicate(timeout=120)[0] == "stopped\n"
