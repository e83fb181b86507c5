"""Networks give torchvision's values; weights files are found, described, refused."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from indexing.compute import encoders
from indexing.compute.encoders import loader, networks, registry, torch_images
from indexing.compute.encoders.pictures import fit, pad
from indexing.compute.encoders.samples import dead_leaves, sample_pictures
from indexing.compute.encoders.specs import EncoderSpec, EncoderUnknown, WeightsMissing, WeightsRefused
from indexing.compute.encoders.weights import LocalWeights, find_or_fetch
from indexing.compute.torchvision_shim import torchvision


def shaken(name: str) -> nn.Module:
    """A network whose every tensor matters: batch norms too, or wrong wiring would pass."""
    torch.manual_seed(7)
    network = torchvision.models.get_model(name, weights=None).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight.data, layer.running_var):
                tensor.uniform_(0.7, 1.3)
            for tensor in (layer.bias.data, layer.running_mean):
                tensor.uniform_(-0.2, 0.2)
    return network


@pytest.fixture(scope="module")
def resnet50():
    return shaken("resnet50")


@pytest.fixture(scope="module")
def resnet_dir(tmp_path_factory, resnet50):
    folder = tmp_path_factory.mktemp("models")
    torch.save(resnet50.state_dict(), folder / "resnet50-of-mine.pth")
    return folder


def in_torch(key: str, model_dir):
    """The encoder without the minute that an export takes; tests/contract takes the fast path."""
    spec = encoders.spec_of(key, model_dir)
    return torch_images.load(spec, find_or_fetch(spec, model_dir), device="cpu", cache=None, precision="fp32")


def normalized(pixels: np.ndarray) -> torch.Tensor:
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return torchvision.transforms.functional.normalize(planes, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def map_of(network: nn.Module, planes: torch.Tensor) -> torch.Tensor:
    body = nn.Sequential(*list(network.children())[:-2])
    with torch.inference_mode():
        return body(planes)


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mac", lambda x: x.amax((2, 3))),
        ("mean", lambda x: x.mean((2, 3))),
        ("gem", lambda x: x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)),
    ],
)
def test_resnet50_pools_the_map_of_torchvision(resnet50, resnet_dir, pooling, pool):
    pictures = sample_pictures(3, 224)
    encoder = in_torch(f"resnet50-{pooling}@1", resnet_dir)
    wanted = pool(map_of(resnet50, normalized(pictures))).numpy()
    assert np.allclose(encoder.raw(list(pictures)), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_at_its_own_size_a_picture_is_padded_to_32_on_all_sides(resnet50, resnet_dir):
    picture = np.ascontiguousarray(dead_leaves(3, 200)[:149, :190])
    encoder = in_torch("resnet50-mac-native@1", resnet_dir)
    padded = np.zeros((160, 192, 3), np.uint8)
    padded[5 : 5 + 149, 1 : 1 + 190] = picture  # 11 rows: 5 above, 6 below; 2 columns: 1 and 1
    assert np.array_equal(pad(picture), padded)
    wanted = map_of(resnet50, normalized(padded[None])).amax((2, 3)).numpy()
    assert np.allclose(encoder.raw([picture]), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_any_torchvision_network_gives_what_goes_into_its_last_layer(tmp_path, name):
    network = shaken(name)
    torch.save(network.state_dict(), tmp_path / f"{name}.pt")
    encoder = in_torch(f"torchvision:{name}@1", tmp_path)
    heard = []
    last = [m for m in network.modules() if isinstance(m, nn.Linear)] or [network.classifier[1]]
    last[-1].register_forward_hook(lambda layer, given, answer: heard.append(given[0]))
    pictures = sample_pictures(2, 224)
    with torch.inference_mode():
        network(normalized(pictures))
    wanted = heard[0]
    if wanted.ndim == 4:  # SqueezeNet ends in a convolution, an activation and a mean
        wanted = wanted.relu().mean((2, 3))
    assert np.allclose(encoder.raw(list(pictures)), wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_any_timm_network_with_its_own_preprocessing(tmp_path):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(1)
    network = timm.create_model("test_resnet", pretrained=False).eval()
    save_file(network.state_dict(), tmp_path / "timm-test_resnet.safetensors")
    encoder = in_torch("timm:test_resnet@1", tmp_path)
    config = timm.data.resolve_data_config({}, model=network)
    picture = fit(dead_leaves(5, 300), encoder.spec)
    assert picture.shape[0] == config["input_size"][-1] == encoder.input_size
    planes = torch.from_numpy(picture.copy())[None].permute(0, 3, 1, 2).float() / 255
    planes = torchvision.transforms.functional.normalize(planes, config["mean"], config["std"])
    with torch.inference_mode():
        wanted = network.forward_head(network.forward_features(planes), pre_logits=True).numpy()
    assert np.allclose(encoder.raw([picture]), wanted, rtol=1e-4, atol=1e-4)
    assert "timm:test_resnet@1" in {state.key for state in encoders.available(tmp_path)}


def test_a_state_dict_with_a_side_file_is_an_encoder_of_its_own(tmp_path, resnet50):
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in resnet50.state_dict().items()}}, tmp_path / "mine.pth"
    )
    side = {"architecture": "torchvision:resnet50", "pooling": "gem", "input_size": 96, "title": "Mine"}
    (tmp_path / "mine.json").write_text(json.dumps(side))
    (state,) = [each for each in encoders.available(tmp_path) if each.key == "file:mine.pth@1"]
    assert (state.is_available, state.title) == (True, "Mine")
    assert encoders.best(tmp_path) == "file:mine.pth@1"
    encoder = in_torch("file:mine.pth@1", tmp_path)
    assert (encoder.input_size, encoder.width, encoder.spec.pooling) == (96, 2048, "gem")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")
def test_torchscript_runs_by_consent_only(tmp_path):
    class Small(nn.Module):
        def forward(self, planes: torch.Tensor) -> torch.Tensor:
            return planes.mean(dim=(2, 3))

    torch.jit.script(Small()).save(str(tmp_path / "small.torchscript"))
    (tmp_path / "small.json").write_text(json.dumps({"input_size": 32}))
    key = "script:small.torchscript@1"
    (state,) = [each for each in encoders.available(tmp_path) if each.key == key]
    assert not state.is_available
    assert "run_code" in state.how_to_get
    with pytest.raises(WeightsRefused, match="holds code that would run here"):
        encoders.load(key, model_dir=tmp_path)
    assert encoders.load(key, model_dir=tmp_path, allow_scripts=True).width == 3
    (tmp_path / "small.json").write_text(json.dumps({"input_size": 32, "run_code": True}))
    assert encoders.load(key, model_dir=tmp_path).width == 3


def test_the_strict_loader_lists_what_does_not_fit():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    good = network.state_dict()
    wrong = {"0.weight": torch.zeros(4, 5), "1.weight": good["1.weight"], "1.bias": good["1.bias"]}
    wrong |= {
        "1.running_mean": good["1.running_mean"] * np.nan,
        "1.running_var": good["1.running_var"],
        "9.x": good["0.bias"],
    }
    with pytest.raises(WeightsRefused) as caught:
        loader.load_strictly(network, wrong, drops=(), source="mine.pt")
    said = str(caught.value)
    assert "mine.pt does not fit its network" in said
    assert "1 missing: 0.bias" in said
    assert "1 unexpected: 9.x" in said
    assert "1 of another shape: 0.weight (4, 5) for (4, 3)" in said
    assert "1 not finite: 1.running_mean" in said


def test_weights_of_another_network_are_refused_not_half_used(tmp_path):
    torch.save(shaken("resnet18").state_dict(), tmp_path / "resnet50.pt")
    with pytest.raises(WeightsRefused, match=r"missing: .*layer1"):
        encoders.load("resnet50-mac@1", model_dir=tmp_path, device="cpu")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"weights": Evil()}, tmp_path / "resnet50.pt")
    with pytest.raises(WeightsRefused, match="would run as code"):
        encoders.load("resnet50-mac@1", model_dir=tmp_path, device="cpu")


@pytest.mark.parametrize("name", ["resnet18.pt", "resnet18.safetensors"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x02no weights")
    with pytest.raises(WeightsRefused, match=name):
        encoders.load("torchvision:resnet18@1", model_dir=tmp_path, device="cpu")


def test_an_unknown_key_lists_the_known_ones(tmp_path):
    with pytest.raises(EncoderUnknown, match=r"there is no encoder 'resnet5@1'; there are builtin@1, "):
        encoders.load("resnet5@1", model_dir=tmp_path)
    weights = LocalWeights(tmp_path / "x", "0")
    with pytest.raises(EncoderUnknown, match="torchvision has no image network 'resnet5'"):
        networks.build(registry.spec("torchvision:resnet5@1"), weights)


def test_weights_that_nobody_publishes_are_asked_for_by_file_name(tmp_path):
    with pytest.raises(WeightsMissing, match=r"put them into .* as torchvision-regnet_y_400mf.safetensors"):
        encoders.load("torchvision:regnet_y_400mf@1", model_dir=tmp_path)


def test_without_any_file_auto_is_the_builtin_one(tmp_path):
    assert encoders.best(tmp_path / "not-there") == encoders.BUILTIN


def test_a_key_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(registry.spec(encoders.BUILTIN))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "resnet50"}, "looks like"),
        ({"pooling": "max"}, "pooling must be one of own, mac, mean, gem, got 'max'"),
        ({"resize": "nearest"}, "resize must be one of"),
        ({"input_size": 4}, "input_size must be 16 to 2048 pixels"),
        ({"std": (0.0, 1.0, 1.0)}, "std above 0"),
    ],
)
def test_a_spec_that_is_wrong_cannot_be_made(change, said):
    good = {"key": "mine@1", "title": "", "license": "", "family": "torchvision"}
    with pytest.raises(ValueError, match=said):
        EncoderSpec(**good | change)


def test_bad_side_files_are_shown_and_stop_nothing(tmp_path):
    for stem, text in (("one", "{"), ("two", '{"pool": "mac"}'), ("three", '{"architecture": "caffe:x"}')):
        (tmp_path / f"{stem}.pt").write_bytes(b"x")
        (tmp_path / f"{stem}.json").write_text(text)
    (tmp_path / "four.pt").write_bytes(b"x")
    reasons = {state.key: state.reason for state in encoders.available(tmp_path)}
    assert "is not JSON" in reasons["file:one.pt@1"]
    assert "pool = 'mac'; fields are architecture" in reasons["file:two.pt@1"]
    assert "torchvision:NAME, timm:NAME or openclip:NAME, got 'caffe:x'" in reasons["file:three.pt@1"]
    assert "four.pt could be any network: write four.json beside it" in reasons["file:four.pt@1"]
    assert encoders.best(tmp_path) == encoders.BUILTIN


def test_real_weights_dropped_into_the_folder_are_what_auto_takes(tmp_path, shared_weights, shared_data):
    (tmp_path / "mobilenet_v2-imagenet.pt").symlink_to(shared_weights / "mobilenet_v2_imagenet_fp16.pt")
    assert encoders.best(tmp_path) == "torchvision:mobilenet_v2@1"
    encoder = encoders.load("auto", model_dir=tmp_path, device="cpu")
    names = ("pizza", "stop_sign", "elephant", "laptop", "okapi")
    from PIL import Image

    files = [(f, name) for name in names for f in sorted((shared_data / "photos" / name).iterdir())[:20]]
    vectors = encoder.encode([np.asarray(Image.open(f).convert("RGB")) for f, _ in files])
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -1)
    found = [files[i][1] for i in similarities.argmax(axis=1)]
    accuracy = np.mean([a == b for a, (_, b) in zip(found, files, strict=True)])
    assert accuracy >= 0.97
