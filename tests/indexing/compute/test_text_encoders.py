"""Encoders that read text: open_clip's networks with made weights; without the package these tests skip."""

import json

import numpy as np
import pytest

from indexing.compute.encoders import TextNotRead, WeightsMissing, WeightsRefused, load, spec_of
from indexing.compute.encoders.catalog import available
from indexing.compute.encoders.folder import is_named_after

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def open_clip(tmp_path_factory):
    pytest.importorskip("indexing.compute.torchvision_shim")
    module = pytest.importorskip(
        "open_clip", reason="open_clip_torch is not installed (requirements-models.txt)"
    )
    folder = tmp_path_factory.mktemp("configs")
    (folder / "tiny-two-towers.json").write_text(json.dumps(TINY))
    module.add_model_config(folder)
    return module


@pytest.fixture
def models(open_clip, tmp_path):
    """A model folder with a two-tower network of made weights."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model("tiny-two-towers", load_weights=False)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, tmp_path / "tiny.safetensors")
    side = {"architecture": "openclip:tiny-two-towers", "input_size": 64}
    (tmp_path / "tiny.json").write_text(json.dumps(side))
    return tmp_path


def test_text_has_a_vector_beside_the_pictures(models):
    encoder = load("file:tiny.safetensors@1", device="cpu", model_dir=models)
    pictures = np.random.default_rng(0).integers(0, 255, (3, 80, 90, 3)).astype(np.uint8)
    seen, read = encoder.encode(list(pictures)), encoder.encode_text(["a red car", "a truck at night"])
    assert seen.shape == (3, 24)
    assert read.shape == (2, 24)
    assert read.dtype == np.float32
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-5)
    again = encoder.encode_text(["a truck at night"])
    assert np.allclose(read[1], again[0], atol=1e-5)
    assert not np.allclose(read[0], read[1], atol=1e-3)


def test_a_text_is_read_as_open_clip_reads_it(models, open_clip):
    import torch
    from safetensors.torch import load_file

    encoder = load("file:tiny.safetensors@1", device="cpu", model_dir=models)
    model = open_clip.create_model("tiny-two-towers", load_weights=False).eval()
    model.load_state_dict(load_file(models / "tiny.safetensors"))
    with torch.inference_mode():
        tokens = open_clip.get_tokenizer("tiny-two-towers")(["a red car"])
        wanted = model.encode_text(tokens, normalize=True).numpy()
    assert np.allclose(encoder.encode_text(["a red car"]), wanted, atol=1e-5)


def test_no_text_has_no_vector(models):
    encoder = load("file:tiny.safetensors@1", device="cpu", model_dir=models)
    assert encoder.encode_text([]).shape == (0, 24)


def test_weights_of_another_network_are_refused(models):
    from safetensors.torch import load_file, save_file

    tensors = load_file(models / "tiny.safetensors")
    del tensors["token_embedding.weight"]
    save_file(tensors, models / "tiny.safetensors")
    with pytest.raises(WeightsRefused, match=r"1 missing: token_embedding\.weight"):
        load("file:tiny.safetensors@1", device="cpu", model_dir=models)


def test_a_foreign_tokenizer_comes_from_the_model_folder_or_is_asked_for(open_clip, tmp_path):
    (tmp_path / "openclip-ViT-B-16-SigLIP.pt").write_bytes(b"unread")
    with pytest.raises(WeightsMissing, match="put its files"):
        load("openclip:ViT-B-16-SigLIP@1", device="cpu", model_dir=tmp_path)


def test_an_encoder_of_pictures_alone_says_so(tmp_path):
    with pytest.raises(TextNotRead, match="builtin@1 has no vectors for text"):
        load("builtin@1", model_dir=tmp_path).encode_text(["x"])


def test_it_is_known_which_encoders_read_text_without_loading_them(tmp_path):
    assert spec_of("openclip:ViT-B-32-quickgelu@1", tmp_path).reads_text
    assert spec_of("openclip:ViT-B-16-SigLIP@1", tmp_path).reads_text
    assert not spec_of("resnet50-mac@1", tmp_path).reads_text
    assert "openclip:ViT-B-16@1" in {state.key for state in available(tmp_path)}


def test_a_file_of_a_network_with_a_longer_name_is_not_taken(tmp_path):
    spec = spec_of("openclip:ViT-B-32@1", tmp_path)
    assert is_named_after("openclip-ViT-B-32", spec)
    assert not is_named_after("openclip-ViT-B-32-quickgelu", spec)
