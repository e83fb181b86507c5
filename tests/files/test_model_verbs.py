"""The verbs of classifiers on plain folders: train, infer, export, inspect, convert, and what they refuse."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sisyphus_web.cli.main import main
from training.compute import checkpoints, networks

CLASSES = ("okapi", "pagoda", "wild_cat")
SMALL = ["--image-size", "64", "--device", "cpu"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, shared_data) -> Path:
    """An ImageFolder of real photos; one file in train is no picture."""
    root = tmp_path_factory.mktemp("dataset")
    for name in CLASSES:
        for i, path in enumerate(sorted((shared_data / "photos" / name).glob("*.jpg"))[:21]):
            side, below = ("val", "") if i % 3 == 0 else ("train", "more" if i % 2 else "")
            (root / side / name / below).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / side / name / below)
    (root / "train/okapi/notes.txt").write_text("seen near the river")
    return root


@pytest.fixture(scope="module")
def weights(shared_weights) -> list[str]:
    return ["--weights", str(shared_weights / "mobilenet_v2_imagenet_fp16.pt"), "--freeze-norm"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, dataset, weights) -> Path:
    folder = tmp_path_factory.mktemp("models") / "a"
    words = ["model-train", "--model", f"{folder}.pth", "--dataset", str(dataset), *SMALL, *weights]
    assert main([*words, "--backbone", "mobilenet_v2", "--num_epochs", "3", "--learning-rate", "1e-4"]) == 3
    return folder


def quick(dataset: Path, model: Path, *more: str) -> list[str]:
    """The words of a quick run that begins with random numbers."""
    words = ["model-train", "--model", str(model), "--dataset", str(dataset), "--device", "cpu"]
    return [*words, "--image-size=32", "--backbone=shufflenet_v2_x0_5", "--random-weights", *more]


def json_of(capsys, words: list[str], code: int = 0):
    capsys.readouterr()
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def sentence_of(capsys, words: list[str]) -> str:
    capsys.readouterr()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err


def test_training_writes_best_last_curve_and_report(trained):
    names = {each.name for each in trained.iterdir()}
    assert names == {
        "best.safetensors", "best.json", "last.safetensors", "last.json", "curve.jsonl", "sfi-report.json",
    }  # fmt: skip
    report = json.loads((trained / "sfi-report.json").read_text())
    assert report["counts"] == {"done": 63, "skipped": 0, "rejected": 1}
    (rejected,) = [each for each in report["inputs"] if each["state"] == "rejected"]
    assert rejected["input"] == "train/okapi/notes.txt"
    assert report["classes"] == list(CLASSES)
    assert report["best"]["accuracy"] > 0.6
    best = json.loads((trained / "best.json").read_text())
    assert best["class_names"] == list(CLASSES)
    assert best["preprocessing"]["side_px"] == 64
    assert best["metrics"] == report["best"]


def test_accuracy_recomputed_from_the_results_is_that_of_the_curve(tmp_path, capsys, trained, dataset):
    results = tmp_path / "results.json"
    words = [
        "model-infer",
        "--model",
        str(trained),
        "--dataset",
        str(dataset / "val"),
        "--results",
        str(results),
    ]
    report = json_of(capsys, [*words, "--batch_size", "7"])
    rows = json.loads(results.read_text())
    assert report["counts"]["done"] == len(rows) == 21
    right = [row["path"].split("/")[0] == row["label"] for row in rows]
    best = json.loads((trained / "best.json").read_text())["metrics"]
    assert np.mean(right) == pytest.approx(best["accuracy"], abs=1e-12)
    for row in rows:
        assert set(row) == {"class", "probability", "path", "label", "probabilities"}
        assert CLASSES[row["class"]] == row["label"]
        assert row["probability"] == round(max(row["probabilities"].values()), 3)
        assert (dataset / "val" / row["path"]).is_file()


def test_what_is_no_picture_is_rejected_and_the_others_are_classified(tmp_path, capsys, trained, dataset):
    results = tmp_path / "results.json"
    words = ["model-infer", "--model", str(trained), "--dataset", str(dataset / "train/okapi")]
    report = json_of(capsys, [*words, "--results", str(results), "--num-workers", "2"], code=3)
    assert report["counts"] == {"done": 14, "skipped": 0, "rejected": 1}
    assert len(json.loads(results.read_text())) == 14
    assert (tmp_path / "results.json.sfi-report.json").is_file()


def test_a_picture_whose_name_is_no_text_is_classified_like_any_other(tmp_path, capsys, trained, dataset):
    root = tmp_path / "in"
    root.mkdir()
    photo = next((dataset / "val/okapi").glob("*.jpg"))
    for name in (b"new\nline.jpg", b"\xff\xfe.jpg"):
        shutil.copy(photo, root / os.fsdecode(name))
    words = ["model-infer", "--model", str(trained), "--dataset", str(root)]
    assert json_of(capsys, [*words, "--results", str(tmp_path / "r.json")])["counts"]["done"] == 2
    assert {os.fsencode(row["path"]) for row in json.loads((tmp_path / "r.json").read_text())} == {
        b"new\nline.jpg", b"\xff\xfe.jpg",
    }  # fmt: skip


def test_what_is_written_may_be_read_by_whom_the_umask_lets(trained):
    umask = os.umask(0)
    os.umask(umask)
    assert {each.stat().st_mode & 0o777 for each in trained.iterdir()} == {0o666 & ~umask}


def test_an_export_is_checked_on_real_photos_and_runs_by_its_example(tmp_path, capsys, trained, dataset):
    path = tmp_path / "out" / "a.onnx"
    words = ["model-export", "--model", str(trained), "--onnx", str(path), "--images", str(dataset / "val")]
    answer = json_of(capsys, [*words, "--threshold", "okapi=0.9"])
    assert answer["largest_difference"] <= 1e-4
    assert answer["num_compared"] == 16
    assert answer["classes"] == list(CLASSES)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [3, 64, 64]
    assert (
        json.loads(session.get_modelmeta().custom_metadata_map["operating_points"])["okapi"]["threshold"]
        == 0.9
    )
    photo = next((dataset / "val/pagoda").iterdir())
    done = subprocess.run(
        [sys.executable, "-I", path.with_name("onnx_example.py"), path, photo],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(photo) in done.stdout
    assert "pagoda" in done.stdout


def test_two_epochs_and_two_more_are_four(tmp_path, capsys, dataset):
    assert main(quick(dataset, tmp_path / "whole", "--num-epochs", "4")) == 3
    assert main(quick(dataset, tmp_path / "first", "--num-epochs", "2")) == 3
    last = str(tmp_path / "first" / "last.safetensors")
    more = ["--num-epochs", "2", "--resume-from", last]
    assert main(quick(dataset, tmp_path / "second", *more)) == 3
    assert main(quick(dataset, tmp_path / "first", *more)) == 3
    whole = (tmp_path / "whole" / "curve.jsonl").read_text()
    assert whole.count("\n") == 4
    for name in ("first", "second"):
        assert (tmp_path / name / "curve.jsonl").read_text() == whole
        for file in ("best.safetensors", "last.safetensors"):
            one, other = (checkpoints.read(tmp_path / each / file) for each in (name, "whole"))
            assert all(other.weights[key].equal(value) for key, value in one.weights.items())


def test_the_same_command_again_has_nothing_to_do_and_force_begins_anew(tmp_path, capsys, dataset):
    words = quick(dataset, tmp_path / "a", "--num-epochs", "1")
    first = json_of(capsys, words, code=3)
    before = (tmp_path / "a/last.safetensors").stat().st_mtime_ns
    assert json_of(capsys, words, code=3)["best"] == first["best"]
    assert (tmp_path / "a/last.safetensors").stat().st_mtime_ns == before
    assert "seed 0 instead of 1" in sentence_of(capsys, [*words, "--seed", "1"])
    assert main([*words, "--seed", "1", "--force"]) == 3


def test_a_stopped_training_goes_on_with_the_same_curve(tmp_path, dataset):
    assert main(quick(dataset, tmp_path / "whole", "--num-epochs", "5")) == 3
    words = quick(dataset, tmp_path / "stopped", "--num-epochs", "5")
    root = Path(__file__).resolve().parents[2]
    start = [sys.executable, "-m", "sisyphus_web.cli.main", *words, "--json"]
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True, cwd=root) as run:
        assert any('"event": "epoch"' in line for line in run.stderr)
        run.send_signal(signal.SIGTERM)
        said = run.stderr.read()
    assert run.returncode == 1
    assert "the same command goes on" in said
    assert (tmp_path / "stopped/last.safetensors").is_file()
    assert main(words) == 3
    curves = [(tmp_path / name / "curve.jsonl").read_text() for name in ("whole", "stopped")]
    assert curves[0] == curves[1]


def old_checkpoint(path: Path, num_classes: int = 3) -> Path:
    network = networks.build("torchvision:resnet18", num_classes)
    torch.save(torch.nn.DataParallel(network).state_dict(), path)
    return path


def test_a_checkpoint_of_the_old_sfi_is_inspected_converted_used_and_trained_on(tmp_path, capsys, dataset):
    old = old_checkpoint(tmp_path / "old.pth")
    said = json_of(capsys, ["checkpoint-inspect", str(old)])
    assert said["family"] == "sisyphus classifier (DataParallel), torchvision resnet18"
    assert (said["num_classes"], said["classes"], said["wrapper"]) == (3, None, "module.")
    new = tmp_path / "new.safetensors"
    json_of(capsys, ["checkpoint-convert", str(old), str(new), "--classes", ",".join(CLASSES)])
    assert json_of(capsys, ["checkpoint-inspect", str(new)])["classes"] == list(CLASSES)
    found = []
    for number, words in enumerate(
        (["--model", str(new)], ["--model", str(old), "--classes", ",".join(CLASSES)])
    ):
        results = tmp_path / f"{number}.json"
        places = ["--dataset", str(dataset / "val/okapi"), "--results", str(results), "--device", "cpu"]
        assert main(["model-infer", *words, *places]) == 0
        found.append(json.loads(results.read_text()))
    assert found[0] == found[1]
    words = ["model-train", "--model", str(tmp_path / "on"), "--dataset", str(dataset), "--device", "cpu"]
    assert main([*words, "--resume-from", str(old), "--num-epochs", "1", "--trainable", "head"]) == 3
    assert json_of(capsys, ["checkpoint-inspect", str(tmp_path / "on")])["network"] == "torchvision:resnet18"


def test_plain_weights_are_converted_without_what_wrapped_them(tmp_path, capsys):
    from safetensors.torch import load_file

    old = old_checkpoint(tmp_path / "old.pth")
    out = tmp_path / "plain.safetensors"
    assert main(["checkpoint-convert", str(old), str(out)]) == 0
    state = torch.load(old, weights_only=True)
    assert {f"module.{name}" for name in load_file(out)} == set(state)
    assert "is there already" in sentence_of(capsys, ["checkpoint-convert", str(old), str(out)])


def test_bad_checkpoints_are_refused_with_a_sentence(tmp_path, capsys, dataset, trained):
    old = old_checkpoint(tmp_path / "old.pth")
    infer = [
        "model-infer",
        "--dataset",
        str(dataset / "val"),
        "--results",
        str(tmp_path / "r.json"),
        "--model",
    ]
    assert "--classes" in sentence_of(capsys, [*infer, str(old)])
    assert "knows 3 classes" in sentence_of(capsys, [*infer, str(old), "--classes", "a,b"])
    assert "is not a file" in sentence_of(capsys, [*infer, str(tmp_path / "none")])
    (tmp_path / "text.pth").write_text("not a checkpoint at all")
    assert "text.pth is no file of weights" in sentence_of(capsys, [*infer, str(tmp_path / "text.pth")])
    torch.save({"a": Path("b")}, tmp_path / "named.pth")
    told = sentence_of(capsys, [*infer, str(tmp_path / "named.pth")])
    assert "would run as code (it names pathlib." in told
    assert "weights_only" not in told
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((trained / "best.safetensors").read_bytes()[:1000])
    assert "cut.safetensors" in sentence_of(capsys, [*infer, str(cut)])
    assert not (tmp_path / "r.json").exists()
    assert "does not fit" in sentence_of(capsys, ["checkpoint-inspect", str(old), "--encoder", "resnet34"])


def test_bad_datasets_are_refused_with_a_sentence_and_nothing_is_made(tmp_path, capsys, dataset):
    def words(root: Path) -> list[str]:
        return quick(root, tmp_path / "model")

    empty = tmp_path / "empty"
    empty.mkdir()
    assert "has no folder train" in sentence_of(capsys, words(empty))
    for side in ("train", "val"):
        shutil.copytree(dataset / side / "okapi", empty / side / "okapi")
    assert "only one class" in sentence_of(capsys, words(empty))
    (empty / "train/pagoda").mkdir()
    assert "pagoda has no file" in sentence_of(capsys, words(empty))
    (empty / "train/pagoda/a.jpg").write_text("no picture")
    assert "pagoda has no picture" in sentence_of(capsys, words(empty))
    (empty / "val/lotus").mkdir()
    assert "lotus" in sentence_of(capsys, words(empty))
    assert "none does not exist" in sentence_of(capsys, words(tmp_path / "none"))
    assert not (tmp_path / "model").exists()


def test_a_full_disk_ends_in_a_sentence_with_nothing_half_written(tmp_path, capsys, dataset, trained):
    results = tmp_path / "results.json"
    infer = [
        "model-infer",
        "--model",
        str(trained),
        "--dataset",
        str(dataset / "val"),
        "--results",
        str(results),
    ]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # no file may grow beyond it
    try:
        for words in (infer, quick(dataset, tmp_path / "model", "--num-epochs", "1")):
            capsys.readouterr()
            assert main(words) == 1
            err = capsys.readouterr().err
            assert "File too large; what was done stays done. Raise the limit (ulimit -f)" in err
            assert str(tmp_path) in err
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not results.exists()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
    assert main(quick(dataset, tmp_path / "model", "--num-epochs", "1")) == 3


def test_pictures_that_are_on_both_sides_are_told_of(tmp_path, capsys, dataset):
    root = tmp_path / "twice"
    shutil.copytree(dataset, root)
    photo = next((root / "train/pagoda").glob("*.jpg"))
    shutil.copy(photo, root / "val/pagoda/copy.jpg")
    report = json_of(capsys, quick(root, tmp_path / "a", "--num-epochs", "1"), code=3)
    (said,) = report["notices"]
    assert said.startswith("val/pagoda/copy.jpg is in train as well: ")


def test_training_never_begins_with_random_numbers_unasked(tmp_path, capsys, dataset):
    words = [
        "model-train",
        "--model",
        str(tmp_path / "m"),
        "--dataset",
        str(dataset),
        "--backbone",
        "timm:resnet18",
    ]
    sentence = sentence_of(capsys, [*words, "--model-dir", str(tmp_path / "models")])
    assert "timm:resnet18@1 needs its weights" in sentence
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "verb", ["model-train", "model-infer", "model-export", "checkpoint-inspect", "checkpoint-convert"]
)
def test_help_says_what_a_verb_does_with_an_example(capsys, verb):
    with pytest.raises(SystemExit) as left:
        main([verb, "--help"])
    assert left.value.code == 0
    assert f"sfi {verb} " in capsys.readouterr().out.split("example:")[1]


def test_the_verbs_need_no_database_and_no_django(dataset, trained, tmp_path):
    program = (
        "import sys\n"
        "from sisyphus_web.cli.main import main\n"
        "code = main(['model-infer', '--model', sys.argv[1], '--dataset', sys.argv[2],"
        " '--results', sys.argv[3]])\n"
        "sys.exit(code or int('django' in sys.modules))\n"
    )
    root = Path(__file__).resolve().parents[2]
    words = [str(each) for each in (trained, dataset / "val/okapi", tmp_path / "r.json")]
    env = {"PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", program, *words], check=True, cwd=root, env=env)
