"""What every registered encoder promises, whatever runs inside."""

import os

import numpy as np
import pytest
import torch

from indexing.compute import encoders
from indexing.compute.encoders import inference, registry
from indexing.compute.encoders.samples import dead_leaves

NEEDS_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="needs CUDA"
)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def without_exporter(monkeypatch):
    """Torch runs the networks: to export each takes half a minute, and test_encoders.py exports one."""

    def refuse(*arguments: object) -> None:
        raise RuntimeError("no exporter here")

    monkeypatch.setattr(inference, "_openvino", refuse)


def pictures() -> list[np.ndarray]:
    """Three pictures of different sizes."""
    return [np.ascontiguousarray(dead_leaves(i, 240)[: 150 + 7 * i, : 240 - 9 * i]) for i in range(3)]


def put_random_weights(name: str, model_dir) -> None:
    """Weights of the right names and shapes, as a user would drop them in."""
    from indexing.compute.torchvision_shim import torchvision

    path = model_dir / f"{name}.pt"
    if path.exists():
        return
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.9, 1.1)
    torch.save(network.state_dict(), path)


def one_per_network() -> list[str]:
    """A key for each network and pooling; the same ones at another size are not repeated.

    Those of open_clip_torch, which is optional, keep these promises in test_text_encoders.py, with a tiny
    network: the registered ones have hundreds of megabytes.
    """
    specs = [registry.spec(key) for key in registry.known_keys()]
    specs = [spec for spec in specs if spec.family != "openclip"]
    kept = {(spec.architecture, spec.pooling): spec.key for spec in reversed(specs)}
    return [key for key in kept.values() if not key.endswith(("resnet34@1", "resnet101@1"))]


@pytest.mark.parametrize("key", one_per_network())
def test_every_encoder_gives_unit_vectors_the_same_for_a_batch_as_one_by_one(
    key, model_dir, without_exporter
):
    spec = registry.spec(key)
    if spec.family == "torchvision":
        put_random_weights(spec.architecture, model_dir)
    encoder = encoders.load(key, model_dir=model_dir, device="cpu")
    given = pictures()

    batch = encoder.encode(given)

    assert batch.shape == (3, encoder.width)
    assert encoder.width == spec.width
    assert batch.dtype == np.float32
    assert np.allclose(np.linalg.norm(batch, axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([encoder.encode([pixels]) for pixels in given])
    assert np.allclose(batch, one_by_one, atol=1e-5)
    assert np.array_equal(batch, encoder.encode(given))
    assert encoder.encode([]).shape == (0, encoder.width)
    assert encoder.precision in ("fp32", "bf16")
    assert len(encoder.weights_sha256) == 64


def test_a_picture_that_is_not_rgb_bytes_is_refused_by_its_place(tmp_path):
    encoder = encoders.load(encoders.BUILTIN, model_dir=tmp_path)
    with pytest.raises(ValueError, match=r"picture 1 must be \(H, W, 3\) uint8 RGB, got \(5, 5\) uint8"):
        encoder.encode([np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5), np.uint8)])


@pytest.mark.gpu
@NEEDS_CUDA
def test_cuda_gives_the_neighbors_of_the_processor(model_dir):
    put_random_weights("resnet50", model_dir)
    fast = encoders.load("resnet50-mac@1", model_dir=model_dir, device="cuda:0")
    exact = encoders.load("resnet50-mac@1", model_dir=model_dir, device="cpu", precision="fp32")
    cosines = (fast.encode(pictures()) * exact.encode(pictures())).sum(axis=1)
    assert cosines.min() >= 0.9995
