"""Checkpoints are whole, say what they are, fit their network or are refused; old ones are understood."""

import os
import pickle
import resource

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from indexing.compute.encoders.pickles import unpickle
from indexing.compute.encoders.specs import WeightsRefused
from training.compute import checkpoints, networks, old_checkpoints
from training.compute.checkpoints import Facts
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

NAMES = ("background", "construction")
NETWORK = "torchvision:shufflenet_v2_x0_5"


def old_sfi(path, num_classes=2, name="resnet18"):
    """A checkpoint as the old sfi wrote it: the state dict of a DataParallel."""
    network = networks.build(f"torchvision:{name}", num_classes, seed=3)
    torch.save(torch.nn.DataParallel(network).state_dict(), path)
    return network.eval()


def test_what_is_written_is_read_again(tmp_path):
    network = networks.build(NETWORK, 2, seed=1).eval()
    preprocessing = Preprocessing(short_side_px=80, side_px=64, mean=(0.1, 0.2, 0.3))
    facts = Facts(NETWORK, NAMES, "multi_class", preprocessing, {"accuracy": 0.5}, {"epoch": 2})
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, facts, network.state_dict(), {"num_steps": torch.tensor(7)})
    found = checkpoints.read(path)
    assert found.facts == facts == checkpoints.read_facts(path)
    assert int(found.training["num_steps"]) == 7
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert found.network()(images).equal(network(images))
    again = tmp_path / "b.safetensors"
    checkpoints.write(again, facts, network.state_dict(), {"num_steps": torch.tensor(7)})
    assert again.read_bytes() == path.read_bytes()


def test_a_checkpoint_of_another_network_is_refused_with_its_misfits(tmp_path):
    other = networks.build("torchvision:resnet18", 2).state_dict()
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, Facts(NETWORK, NAMES, "multi_class", Preprocessing()), other)
    with pytest.raises(WeightsRefused, match=r"missing: .*unexpected: "):
        checkpoints.read(path).network()


def test_a_cut_file_and_one_without_names_are_told_apart(tmp_path):
    path = tmp_path / "a.safetensors"
    state = networks.build(NETWORK, 2).state_dict()
    checkpoints.write(path, Facts(NETWORK, NAMES, "multi_class", Preprocessing()), state)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsRefused, match="not a whole safetensors file"):
        checkpoints.read(path)
    save_file(state, path)
    with pytest.raises(TrainingRefused, match="--classes"):
        checkpoints.read(path)
    with pytest.raises(TrainingRefused, match="is not a file"):
        checkpoints.read(tmp_path / "none.safetensors")


def test_a_full_disk_leaves_the_old_checkpoint_whole(tmp_path):
    path = tmp_path / "a.safetensors"
    facts = Facts(NETWORK, NAMES, "multi_class", Preprocessing())
    state = networks.build(NETWORK, 2).state_dict()
    checkpoints.write(path, facts, state)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoints.write(path, facts, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["a.json", "a.safetensors"]


def test_the_old_sfi_checkpoint_is_named_and_read(tmp_path):
    path = tmp_path / "old.pth"
    network = old_sfi(path)
    found = old_checkpoints.identify(torch.load(path, weights_only=True))
    assert (found.architecture, found.num_classes, found.wrapper) == ("torchvision:resnet18", 2, "module.")
    assert "sisyphus classifier" in found.family
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        got = old_checkpoints.as_classifier(path, NAMES).network()(images)
        assert got.equal(network(images))


def test_an_old_checkpoint_asks_for_the_names_of_its_classes(tmp_path):
    path = tmp_path / "old.pth"
    old_sfi(path, num_classes=3)
    with pytest.raises(TrainingRefused, match="knows 3 classes and not their names"):
        old_checkpoints.as_classifier(path, None)
    with pytest.raises(TrainingRefused, match="knows 3 classes, and background, construction are 2"):
        old_checkpoints.as_classifier(path, NAMES)


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("code in a checkpoint was run",))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps({"fc.weight": Hostile()}))
    with pytest.raises(WeightsRefused):
        old_checkpoints.as_classifier(path, NAMES)
    torch.save({"state_dict": {"fc.weight": Hostile()}}, path)
    with pytest.raises(WeightsRefused, match="would run as code"):
        old_checkpoints.as_classifier(path, NAMES)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [2, 4])
def test_an_old_pickle_of_arrays_becomes_safetensors(tmp_path, protocol):
    blobs = {
        "t_conv1_w": np.arange(12, dtype=np.float32).reshape(3, 4),
        "lr": np.float32(0.1),
        "model_iter": 7,
    }
    path, out = tmp_path / "old.pkl", tmp_path / "new.safetensors"
    path.write_bytes(pickle.dumps({"blobs": blobs}, protocol))
    found = old_checkpoints.write_weights(path, out, None)
    assert found.family == "PySlowFast caffe2, two pathways"
    ((name, value),) = load_file(out).items()
    assert name == "t_conv1_w"
    assert value.tolist() == blobs["t_conv1_w"].tolist()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_that_names_anything_but_arrays_is_refused(tmp_path):
    path, out = tmp_path / "old.pkl", tmp_path / "new.safetensors"
    ran = tmp_path / "ran"
    for hostile in (Touches(ran), np.array([Touches(ran)], object)):
        path.write_bytes(pickle.dumps({"blobs": {"conv1_w": np.zeros(3), "x": hostile}}, 2))
        with pytest.raises(WeightsRefused, match="which is no array"):
            unpickle(path)
        with pytest.raises(WeightsRefused):
            old_checkpoints.write_weights(path, out, None)
    assert not ran.exists()
    assert not out.exists()


class Touches:
    """Unpickled by the rules of pickle, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mknod, (str(self.path),))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_as_code(tmp_path):
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(WeightsRefused, match="TorchScript"):
        old_checkpoints.check_is_weights(path)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("s1.pathway0_stem.conv.weight", "PySlowFast (pytorch)"),
        ("blocks.0.multipathway_blocks.0.conv.weight", "pytorchvideo"),
        ("backbone.patch_embed.proj.weight", "mmaction2 Video Swin"),
        ("layer3.5.conv1.0.0.weight", "ig65m R(2+1)D-34"),
        ("nothing.known", "unknown"),
    ],
)
def test_families_are_named_by_their_keys(name, family):
    blocks = {f"layer3.{i}.conv1.0.0.weight": torch.zeros(1) for i in range(6)} if "layer3" in name else {}
    stem = {"stem.0.weight": torch.zeros(1)} if blocks else {}
    found = old_checkpoints.identify({name: torch.zeros(1)} | blocks | stem)
    assert (found.family, found.architecture) == (family, None)


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "efficientnet_b0", "vit_b_16", "squeezenet1_1"])
def test_a_network_of_torchvision_is_found_by_its_keys(name):
    with torch.device("meta"):
        state = networks.build(f"torchvision:{name}", 7).state_dict()
    found = old_checkpoints.identify(state)
    assert (found.architecture, found.num_classes) == (f"torchvision:{name}", 7)


def test_real_weights_of_another_number_of_classes_are_named(shared_weights):
    state = torch.load(shared_weights / "mobilenet_v2_imagenet_fp16.pt", weights_only=True)
    found = old_checkpoints.identify(state)
    assert (found.family, found.num_classes) == ("torchvision mobilenet_v2", 1000)
