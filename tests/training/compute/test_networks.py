"""Backbones get their weights whole or not at all, and a new last layer."""

import numpy as np
import pytest
import torch

from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
from training.compute import networks
from training.compute.networks import Normalized
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

MOBILENET = "mobilenet_v2_imagenet_fp16.pt"


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("torchvision:resnet18", 64),
        ("torchvision:squeezenet1_1", 64),
        ("torchvision:mobilenet_v3_small", 64),
        ("torchvision:googlenet", 96),
        ("torchvision:vit_b_32", 224),
        ("timm:resnet18", 64),
        ("timm:mobilenetv3_small_050", 64),
    ],
)
def test_a_new_last_layer_gives_as_many_logits_as_there_are_classes(name, side):
    network = networks.build(name, 5)
    network.train()
    assert network(torch.rand(2, 3, side, side)).shape == (2, 5)
    head = networks.head_name(network, name)
    assert {each for each, _ in networks.trainable(network, name, "head")} == {
        f"{head}.weight",
        f"{head}.bias",
    }


def test_all_but_the_last_layer_comes_from_the_file(shared_weights):
    path = shared_weights / MOBILENET
    state = torch.load(path, weights_only=True)
    built = networks.build("torchvision:mobilenet_v2", 3, weights=path).state_dict()
    assert built["classifier.1.weight"].shape == (3, 1280)
    same = [
        name for name, value in built.items() if name in state and value.equal(state[name].to(value.dtype))
    ]
    assert set(built) - set(same) == {"classifier.1.weight", "classifier.1.bias"}


def test_weights_of_another_network_are_refused(shared_weights):
    with pytest.raises(WeightsRefused, match="does not fit its network"):
        networks.build("torchvision:resnet18", 3, weights=shared_weights / MOBILENET)


def test_the_last_layer_depends_on_the_seed_alone():
    one, again, other = (networks.build("torchvision:resnet18", 3, seed=seed) for seed in (4, 4, 5))
    assert one.fc.weight.equal(again.fc.weight)
    assert not one.fc.weight.equal(other.fc.weight)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    networks.build("torchvision:resnet18", 3, seed=9)
    assert torch.rand(1).equal(expected)


def test_a_backbone_is_found_by_any_of_its_names(tmp_path, shared_weights):
    link = tmp_path / "mobilenet_v2.pt"
    link.symlink_to(shared_weights / MOBILENET)
    for name in ("mobilenet_v2", "torchvision:mobilenet_v2", "torchvision:mobilenet_v2@1"):
        found = networks.find(name, model_dir=tmp_path)
        assert (found.architecture, found.weights.path) == ("torchvision:mobilenet_v2", link)
    named = networks.find("resnet18", model_dir=tmp_path, weights=link)
    assert named.weights.path == link
    assert networks.find("timm:resnet18", model_dir=tmp_path, weights="random").weights is None
    assert networks.find("resnet50-mac@1", model_dir=tmp_path, weights="random").architecture.endswith(
        "resnet50"
    )


def test_weights_that_are_not_here_are_never_random(tmp_path):
    with pytest.raises(WeightsMissing, match="timm-resnet18"):
        networks.find("timm:resnet18", model_dir=tmp_path)
    with pytest.raises(TrainingRefused, match="is not a file"):
        networks.find("resnet18", model_dir=tmp_path, weights=tmp_path / "none.pt")
    with pytest.raises(TrainingRefused, match="cannot be fine-tuned"):
        networks.find("builtin@1", model_dir=tmp_path)
    with pytest.raises(EncoderUnknown, match="no image network 'resnet19'"):
        networks.build("torchvision:resnet19", 2)


def test_normalization_in_the_graph_is_that_of_torchvision():
    preprocessing = Preprocessing()
    seen = Normalized(torch.nn.Identity(), preprocessing)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), np.uint8))
    mean, std = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    assert torch.allclose(seen(images), (images / 255 - mean) / std, atol=1e-6)
