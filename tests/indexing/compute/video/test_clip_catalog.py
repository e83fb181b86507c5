"""Which file in the model folder is which clip encoder, and what pages are told of them."""

import json
from dataclasses import replace

import pytest

from indexing.compute import encoders
from indexing.compute.encoders.video import clip_catalog, clip_registry
from indexing.compute.encoders.video.clip_specs import ClipSpec


def states(folder):
    return {state.key: state for state in clip_catalog.available(folder)}


def test_without_any_file_auto_is_the_builtin_descriptor_and_means_of_frames_are_there(tmp_path):
    found = states(tmp_path / "not-there")
    assert clip_catalog.best(tmp_path) == "builtin-clip@1"
    assert found["builtin-clip@1"].is_available
    assert found["frames:builtin@1"].is_available
    assert "slowfast-r50-8x8.pth" in found["slowfast-r50-8x8-head256@1"].how_to_get
    assert "SLOWFAST_8x8_R50" in found["slowfast-r50-8x8-head256@1"].how_to_get
    assert found["swin3d-t@1"].can_download


@pytest.mark.parametrize(
    ("file_name", "keys"),
    [
        ("i3d-r50.pth", ["i3d-r50@1"]),
        ("i3d-r50-nln-mine.safetensors", ["i3d-r50-nln@1"]),
        ("i3d-r50-nl-dot.pth", ["i3d-r50-nl-dot@1"]),
        ("SLOWFAST_8x8_R50.pkl", ["slowfast-r50-8x8-head256@1", "slowfast-r50-8x8-head224@1"]),
        ("I3D_NLN_8x8_R50.pyth", ["i3d-r50-nln@1"]),
        ("r2plus1d_18-91a641e6.pth", ["r2plus1d18-k400@1"]),
        ("swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb_1.pth", ["swin3d-t@1"]),
        ("r2plus1d_34_clip8_ig65m_from_scratch-9bae36ae.pth", ["r2plus1d34-ig65m-8@1"]),
    ],
)
def test_a_weights_file_is_known_by_its_key_or_its_publishers_name(tmp_path, file_name, keys):
    (tmp_path / file_name).write_bytes(b"numbers")
    assert [key for key, state in states(tmp_path).items() if state.reason == f"uses {file_name}"] == keys
    assert clip_catalog.best(tmp_path) in keys
    # It is no image encoder that lacks a side file.
    assert not [state for state in encoders.available(tmp_path) if file_name in state.reason]


def test_a_file_with_a_side_file_is_a_clip_encoder_of_its_own(tmp_path):
    (tmp_path / "mine.pkl").write_bytes(b"numbers")
    side = {"architecture": "slowfast_r50", "pool": "head224", "config": {"alpha": 8}, "num_frames": 64}
    (tmp_path / "mine.json").write_text(json.dumps(side))
    spec = clip_catalog.spec_of("file:mine.pkl@1", tmp_path)
    assert (spec.architecture, spec.num_frames, spec.pool, spec.config) == (
        "slowfast-r50",
        64,
        "head224",
        {"alpha": 8},
    )
    assert (spec.side_px, spec.width, spec.sampling_rate) == (256, 2304, 2)
    assert clip_catalog.best(tmp_path) == "file:mine.pkl@1"
    assert "file:mine.pkl@1" not in {state.key for state in encoders.available(tmp_path)}


def test_a_bad_side_file_is_shown_and_stops_nothing(tmp_path):
    (tmp_path / "one.pth").write_bytes(b"numbers")
    (tmp_path / "one.json").write_text('{"architecture": "c3d", "frames": 3}')
    (tmp_path / "two.pth").write_bytes(b"numbers")
    (tmp_path / "two.json").write_text('{"architecture": "c3d", "num_frames": 0}')
    (tmp_path / "three.pth").write_bytes(b"numbers")
    (tmp_path / "three.json").write_text('{"architecture": "slowfast_r50", "pool": "mean"}')
    found = states(tmp_path)
    assert "pool of slowfast-r50 must be one of head256, head224, got" in found["file:three.pth@1"].reason
    assert "frames = 3; fields are architecture" in found["file:one.pth@1"].reason
    assert "num_frames must be 1 to 4096, got 0" in found["file:two.pth@1"].reason
    assert clip_catalog.best(tmp_path) == "builtin-clip@1"


def test_every_image_encoder_that_is_there_has_its_mean_over_frames(tmp_path):
    (tmp_path / "mobilenet_v2.pt").write_bytes(b"numbers")
    found = states(tmp_path)
    assert "frames:torchvision:mobilenet_v2@1" in found
    assert "frames:resnet50-mac@1" not in found
    spec = clip_catalog.spec_of("frames:torchvision:mobilenet_v2@1", tmp_path)
    assert (spec.architecture, spec.width, spec.num_frames) == ("torchvision:mobilenet_v2@1", 1280, 8)


def test_a_key_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        clip_registry.register(clip_registry.named("builtin-clip@1"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "slowfast"}, "looks like"),
        ({"num_frames": 0}, "num_frames must be 1 to 4096"),
        ({"sampling_rate": 0}, "sampling_rate must be at least 1"),
        ({"resize": "crop"}, "resize must be one of own, square, short_side, got 'crop'"),
        ({"resize": "own"}, "side_px belongs to resize square and short_side"),
        ({"side_px": 4}, "side_px must be 16 to 2048"),
        ({"crop_px": 225}, "crop_px must be 16 to side_px 224"),
        ({"std": (0.0, 1.0, 1.0)}, "std above 0"),
    ],
)
def test_a_spec_that_is_wrong_cannot_be_made(change, said):
    good = ClipSpec("mine@1", "", "", "network")
    with pytest.raises(ValueError, match=said):
        replace(good, **change)
