"""`sfi checkpoint-inspect` and `checkpoint-convert` of video networks, whoever named their weights."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.conventions import read_video_checkpoint
from sisyphus_web.cli.main import main
from tests.indexing.compute.video.formula import filled
from tests.indexing.compute.video.other_names import caffe2_blobs, pytorchvideo_names

NARROW = {"width": 16, "num_classes": 5}
CFG = "MODEL: {ARCH: slowfast}\nNONLOCAL: {INSTANTIATION: softmax}\nSLOWFAST: {ALPHA: 16}\n"


@pytest.fixture(scope="module")
def weights():
    """Of a narrow SlowFast."""
    with torch.device("meta"):
        return filled(families.build("slowfast-r50-8x8", NARROW).state_dict())


@pytest.fixture
def state(weights):
    """A copy of the names, which a test may change."""
    return {name: value.to("cpu") for name, value in weights.items() if "num_batches" not in name}


@pytest.fixture
def told(capsys):
    """What a verb tells as JSON, with its exit status."""

    def run(*words, code=0):
        capsys.readouterr()
        assert main([*map(str, words), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def refused(capsys):
    """The sentence with which a verb ends with status 2."""

    def run(*words):
        capsys.readouterr()
        assert main([*map(str, words)]) == 2
        return capsys.readouterr().err

    return run


def a_file(path, state, convention):
    if convention == "PySlowFast caffe2":
        path.write_bytes(pickle.dumps({"blobs": caffe2_blobs(state)}, 2))
    elif convention == "pytorchvideo":
        torch.save({"model_state": pytorchvideo_names(state, has_pool=False)}, path)
    else:
        wrapped = {f"module.{name}": value for name, value in state.items()}
        torch.save({"model_state": wrapped, "optimizer_state": {}, "epoch": 4}, path)
    return path


@pytest.mark.parametrize("convention", ["PySlowFast", "PySlowFast caffe2", "pytorchvideo"])
def test_a_video_network_is_told_by_its_shapes_and_converted(tmp_path, state, told, convention):
    path, out = a_file(tmp_path / "weights.pkl", state, convention), tmp_path / "ours.safetensors"
    said = told("checkpoint-inspect", path)
    assert said["family"] == f"video network, named as by {convention}"
    assert (said["network"], said["num_classes"], said["config"]["fusion_kernel"]) == ("slowfast-r50", 5, 7)
    assert "slowfast-r50-8x8-head256@1" in said["clip_encoders"]
    assert said["wrapper"] == ("module." if convention == "PySlowFast" else "")
    if convention == "PySlowFast":
        assert set(said["dropped"]) == {"optimizer_state", "epoch"}
    answer = told("checkpoint-convert", path, out)
    assert answer["network"] == "slowfast-r50"
    ours = load_file(out)
    assert all(torch.equal(ours[name], value) for name, value in state.items() if "num_batches" not in name)
    again = told("checkpoint-inspect", out, "--encoder", "slowfast-r50")
    assert (again["network"], again["config"]) == (said["network"], said["config"])


def test_settings_that_no_weights_tell_survive_the_conversion(tmp_path, state, told):
    path, out = tmp_path / "weights.pyth", tmp_path / "ours.safetensors"
    torch.save({"model_state": state, "cfg": CFG}, path)
    told("checkpoint-convert", path, out)
    assert read_video_checkpoint(out)[1].config["alpha"] == 16


def test_another_network_than_asked_for_is_said(tmp_path, state, told, refused):
    path = a_file(tmp_path / "weights.pyth", state, "PySlowFast")
    assert told("checkpoint-inspect", path, "--encoder", "slowfast-r50")["network"] == "slowfast-r50"
    said = refused("checkpoint-inspect", path, "--encoder", "swin3d-t@1")
    assert "holds the weights of slowfast-r50, not of swin3d_t" in said
    assert "does not fit" in refused("checkpoint-inspect", path, "--encoder", "resnet18")


def test_an_incomplete_network_is_refused_with_its_keys_and_nothing_is_written(tmp_path, state, refused):
    out = tmp_path / "ours.safetensors"
    del state["s4.pathway1_res2.branch2.b.weight"]
    path = a_file(tmp_path / "weights.pyth", state, "PySlowFast")
    for words in (("checkpoint-inspect", path), ("checkpoint-convert", path, out)):
        assert "1 missing: s4.pathway1_res2.branch2.b.weight" in refused(*words)
    assert not out.exists()


class Hostile:
    """Unpickled by the rules of pickle, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mknod, (str(self.path),))


@pytest.mark.parametrize("verb", ["checkpoint-inspect", "checkpoint-convert"])
@pytest.mark.parametrize("form", ["caffe2", "torch"])
def test_a_hostile_pickle_is_refused_by_what_it_names_and_not_run(tmp_path, refused, verb, form):
    path, ran = tmp_path / "weights.pkl", tmp_path / "ran"
    if form == "caffe2":
        path.write_bytes(pickle.dumps({"blobs": {"conv1_w": np.zeros(3), "x": Hostile(ran)}}, 2))
    else:
        torch.save({"state_dict": {"backbone.conv1.conv.weight": torch.zeros(3)}, "meta": Hostile(ran)}, path)
    more = [tmp_path / "out.safetensors"] if verb == "checkpoint-convert" else []
    assert "it names posix.mknod, which is no array" in refused(verb, path, *more)
    assert not ran.exists()


def test_a_network_that_is_no_video_network_is_left_to_what_knows_it(tmp_path, told):
    """Numbers of 8 bits occur in no video network, and in other networks of torch."""
    path = tmp_path / "weights.pth"
    torch.save({"a.weight": torch.zeros(3).to(torch.float8_e5m2)}, path)
    assert told("checkpoint-inspect", path)["family"] == "unknown"
