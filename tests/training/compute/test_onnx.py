"""ONNX files answer as torch and as the probe do, on real photos, and the script that goes with them runs."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from indexing.compute import encoders
from indexing.compute.decoder import Decoder
from tests.training.compute.photos import CLASSES, SMALL, photos_of
from training.compute import checkpoints, networks, onnx_files
from training.compute.checkpoints import Facts
from training.compute.classifiers import Classifier, load_classifier, probabilities
from training.compute.onnx_example import example_script
from training.compute.onnx_files import Exported
from training.compute.onnx_heads import export_probe
from training.compute.onnx_networks import export_both, export_network
from training.compute.onnx_resize import resize_graph
from training.compute.pictures import Preprocessing
from training.compute.probe import Probe
from training.compute.refusals import TrainingRefused


@pytest.fixture(scope="module")
def photos(shared_data) -> list[Path]:
    return [path for name in CLASSES for path in photos_of(shared_data, name, 3)]


@pytest.fixture(scope="module")
def pictures(photos) -> list[np.ndarray]:
    with Decoder() as decoder:
        return [decoder.image(path, min_side_px=256).pixels for path in photos]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shared_weights) -> Path:
    """A run's folder whose best checkpoint has real weights and a made last layer."""
    made = tmp_path_factory.mktemp("run")
    network = networks.build(
        "torchvision:mobilenet_v2", 3, weights=shared_weights / "mobilenet_v2_imagenet_fp16.pt"
    )
    network.classifier[1].weight.data *= 8  # so that the classes differ
    facts = Facts("torchvision:mobilenet_v2", CLASSES, "multi_class", SMALL)
    checkpoints.write(made / checkpoints.BEST, facts, network.state_dict())
    return made


@pytest.fixture
def quick(tmp_path) -> Classifier:
    """A network that torch exports in a third of the time, with made numbers by which photos differ."""
    network = networks.build("torchvision:resnet18", 3, seed=0)
    network.fc.weight.data *= 5
    network.fc.bias.data = torch.tensor([0.6, 1.8, -1.4])  # no class is far above the others
    facts = Facts("torchvision:resnet18", CLASSES, "multi_class", SMALL)
    checkpoints.write(tmp_path / checkpoints.BEST, facts, network.state_dict())
    return load_classifier(tmp_path, device="cpu")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, shared_weights) -> Path:
    made = tmp_path_factory.mktemp("models")
    (made / "mobilenet_v2.pt").symlink_to(shared_weights / "mobilenet_v2_imagenet_fp16.pt")
    (made / "small.json").write_text(
        json.dumps({"architecture": "torchvision:mobilenet_v2", "input_size": 64, "pooling": "mean"})
    )
    (made / "small.pt").symlink_to(shared_weights / "mobilenet_v2_imagenet_fp16.pt")
    return made


def session_of(path: Path) -> onnxruntime.InferenceSession:
    onnx.checker.check_model(str(path))
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run_example(
    folder: Path, model: Path, *inputs: Path, takes_images: bool, has_resize: bool = False
) -> list[str]:
    script = folder / "onnx_example.py"
    script.write_text(example_script(takes_images=takes_images, has_resize=has_resize))
    words = [sys.executable, "-I", str(script), str(model), *map(str, inputs)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.splitlines()


POINTS = {"okapi": {"threshold": 0.7, "precision": 0.9, "recall": 0.8}}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, folder, pictures) -> Exported:
    path = tmp_path_factory.mktemp("onnx") / "a.onnx"
    return export_network(load_classifier(folder, device="cpu"), path, pictures, operating_points=POINTS)


@pytest.fixture(scope="module")
def images(pictures) -> np.ndarray:
    return np.stack([SMALL(each).transpose(2, 0, 1) for each in pictures])


@pytest.fixture(scope="module")
def expected(folder, pictures) -> np.ndarray:
    return load_classifier(folder, device="cpu")(pictures)


def test_a_network_answers_in_onnx_as_in_torch_at_any_batch_size(exported, images, expected):
    assert exported.parity <= 1e-4
    assert exported.num_compared == len(images)
    session = session_of(exported.path)
    assert expected.std(axis=0).min() > 0.01  # the photos do differ
    for num in (1, 2, 9):
        found, logits = session.run(None, {"images": images[:num]})
        assert np.abs(found - expected[:num]).max() <= 1e-4
        assert np.allclose(probabilities(logits, "multi_class"), found, atol=1e-6)
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == list(CLASSES)
    assert json.loads(said["operating_points"]) == POINTS
    assert json.loads(said["parity"])["num_compared"] == 9
    assert {"fit": "crop", "short_side_px": 73, "side_px": 64, "resize": "bilinear"}.items() <= json.loads(
        said["preprocessing"]
    ).items()


def test_a_static_file_takes_one_image(tmp_path, quick, pictures):
    exported = export_network(quick, tmp_path / "a.onnx", pictures, is_static=True)
    (given,) = session_of(exported.path).get_inputs()
    assert (given.name, given.shape, given.type) == ("images", [1, 3, 64, 64], "tensor(uint8)")


def test_a_file_that_answers_otherwise_is_not_published(tmp_path, exported, images, expected):
    path = tmp_path / "out" / "a.onnx"
    path.parent.mkdir()
    path.write_bytes(b"the file before")
    model = onnx.load(exported.path)
    wrong = expected.copy()
    wrong[5, 1] += 2e-4
    with pytest.raises(TrainingRefused, match="answers otherwise than torch") as caught:
        onnx_files.publish(model, path, metadata={}, feeds=images, expected=wrong)
    assert caught.value.code == "no-parity"
    assert [each.name for each in path.parent.iterdir()] == ["a.onnx"]
    assert path.read_bytes() == b"the file before"
    onnx_files.publish(model, path, metadata={}, feeds=images, expected=expected)
    assert path.read_bytes() != b"the file before"


def test_an_export_needs_pictures_and_known_classes(tmp_path, folder, pictures):
    classifier = load_classifier(folder, device="cpu")
    with pytest.raises(TrainingRefused, match="no picture to compare"):
        export_network(classifier, tmp_path / "a.onnx", [])
    with pytest.raises(ValueError, match="unknown classes: crab"):
        export_network(classifier, tmp_path / "a.onnx", pictures, operating_points={"crab": {}})
    assert not (tmp_path / "a.onnx").exists()


def test_the_example_runs_on_pictures_and_gives_what_torch_gives(tmp_path, exported, pictures, expected):
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, pixels in zip(paths, pictures, strict=False):
        Image.fromarray(pixels).save(path)
    lines = run_example(tmp_path, exported.path, *paths, takes_images=True)
    assert len(lines) == 4
    for line, path, row in zip(lines, paths, expected, strict=False):
        said, found = line.removeprefix(str(path)).strip().split("] ")
        assert json.loads(found.replace("'", '"')) == pytest.approx(
            dict(zip(CLASSES, row, strict=True)), abs=1e-3
        )
        cuts = {"okapi": 0.7, "pagoda": 0.5, "wild_cat": 0.5}
        accepted = [name for name, p in zip(CLASSES, row, strict=True) if p >= cuts[name]]
        assert json.loads(said.replace("'", '"') + "]") == accepted
    assert example_script(takes_images=True).count("\n") <= 26


def probe_of(width: int, kind: str) -> Probe:
    draws = np.random.default_rng(4)
    weights = draws.normal(size=(3, width)).astype(np.float32) * 4
    bias = draws.normal(size=3).astype(np.float32)
    return Probe(weights, bias, np.full(3, 1.7, np.float32), kind, CLASSES, 1.0)


def test_a_probe_with_its_encoder_answers_on_images_as_the_probe_on_features(tmp_path, model_dir, pictures):
    key = "file:small.pt@1"
    encoder = encoders.load(key, device="cpu", model_dir=model_dir, precision="fp32")
    probe = probe_of(encoder.width, "multi_label")
    files = export_probe(probe, tmp_path, pictures, encoder_key=key, model_dir=model_dir, title="of a class")
    features = encoder.encode(pictures)
    expected = probe.scores(features)
    assert expected.std(axis=0).min() > 0.01
    (found, _) = session_of(files.head.path).run(None, {"features": features})
    assert np.abs(found - expected).max() <= 1e-4
    images = np.stack(
        [np.asarray(Image.fromarray(each).resize((64, 64), Image.Resampling.BILINEAR)) for each in pictures]
    ).transpose(0, 3, 1, 2)
    (whole, _) = session_of(files.whole.path).run(None, {"images": images})
    assert np.abs(whole - expected).max() <= 1e-3  # of another engine; parity with torch is held at export
    assert max(files.head.parity, files.whole.parity) <= 1e-4
    assert files.whole.metadata["encoder"] == key
    assert json.loads(files.whole.metadata["preprocessing"])["side_px"] == 64
    session = session_of(files.any_size.path)
    found = np.concatenate([session.run(["probabilities"], {"picture": each})[0] for each in pictures])
    assert np.abs(found - whole).max() == pytest.approx(files.any_size.parity, abs=1e-4)
    assert files.any_size.parity < 0.02
    assert json.loads(files.any_size.metadata["preprocessing"])["resize_by"] == "the graph"


def test_a_probe_on_the_built_in_encoder_is_a_head_that_names_it(tmp_path, model_dir, pictures):
    probe = probe_of(1024, "multi_class")
    files = export_probe(probe, tmp_path, pictures, encoder_key="builtin@1", model_dir=model_dir)
    assert (files.whole, files.any_size) == (None, None)
    assert "builtin@1" in files.why_not
    assert files.head.metadata["encoder"] == "builtin@1"
    features = encoders.load("builtin@1", model_dir=model_dir).encode(pictures)
    np.save(tmp_path / "features.npy", features)
    lines = run_example(tmp_path, files.head.path, tmp_path / "features.npy", takes_images=False)
    assert lines[0] == "features of builtin@1"
    found = json.loads(lines[3][lines[3].index("{") :].replace("'", '"'))
    expected = dict(zip(CLASSES, probe.scores(features)[2].tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("fit", "resize", "most"),
    [("crop", "bilinear", 2), ("crop", "bicubic", 4), ("squash", "bilinear", 2), ("squash", "bicubic", 4)],
)
def test_the_graph_resizes_as_pillow_does_but_for_rounding(pictures, fit, resize, most):
    how = Preprocessing(fit=fit, resize=resize, short_side_px=120, side_px=96)
    operators = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(resize_graph(how), opset_imports=operators, ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for pixels in [*pictures, *(picture.transpose(1, 0, 2).copy() for picture in pictures[:2])]:
        (image,) = session.run(None, {"picture": pixels})[0]
        far = np.abs(image.transpose(1, 2, 0).astype(int) - how(pixels))
        assert far.max() <= most
        assert far.mean() < 0.2


def test_a_network_with_the_resize_in_it_takes_pictures_of_any_size(tmp_path, quick, photos, pictures):
    path = tmp_path / "whole.onnx"
    made = export_network(quick, path, pictures, has_resize=True)
    assert made.parity < 0.02
    session = session_of(path)
    expected = probabilities(quick.logits(pictures), "multi_class")
    assert expected.std(axis=0).min() > 0.01  # the photos do differ
    found = np.concatenate([session.run(["probabilities"], {"picture": each})[0] for each in pictures])
    assert np.abs(found - expected).max() == pytest.approx(made.parity, abs=1e-6)
    lines = run_example(tmp_path, path, *photos[:2], takes_images=True, has_resize=True)
    assert len(lines) == 2


def test_an_export_has_a_file_for_images_of_one_size_and_one_for_pictures_of_any(tmp_path, quick, pictures):
    files = export_both(quick, tmp_path, pictures, operating_points=POINTS, title="all")
    assert (files.network.parity <= 1e-4, files.any_size.parity <= 0.02) == (True, True)
    assert files.why_no_any_size == ""
    session = session_of(files.any_size.path)
    found = np.concatenate([session.run(["probabilities"], {"picture": each})[0] for each in pictures])
    expected = probabilities(quick.logits(pictures), "multi_class")
    assert np.abs(found - expected).max() == pytest.approx(files.any_size.parity, abs=1e-6)
    for said in (files.network.metadata, files.any_size.metadata):
        assert json.loads(said["operating_points"]) == POINTS


def test_where_onnx_has_not_the_filter_the_other_file_is_there_and_it_is_said(tmp_path, quick, pictures):
    quick.preprocessing = dataclasses.replace(quick.preprocessing, resize="area")
    files = export_both(quick, tmp_path, pictures)
    assert files.any_size is None
    assert "pictures by area" in files.why_no_any_size
    assert [path.name for path in tmp_path.glob("*.onnx")] == ["network.onnx"]


def test_a_filter_that_onnx_has_not_is_refused_by_name(tmp_path, folder, pictures):
    classifier = load_classifier(folder, device="cpu")
    classifier.preprocessing = dataclasses.replace(classifier.preprocessing, resize="area")
    with pytest.raises(TrainingRefused, match="pictures by area"):
        export_network(classifier, tmp_path / "none.onnx", pictures, has_resize=True)
    assert not (tmp_path / "none.onnx").exists()
