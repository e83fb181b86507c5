"""What every clip encoder promises, and what a spec does to frames and slots, against torch."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from indexing.compute.clips import crops
from indexing.compute.encoders import loading
from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
from indexing.compute.encoders.video import builtin_clip, clip_engine, clip_registry, families, swin_masks
from indexing.compute.encoders.video.clip_loading import load_clips
from indexing.compute.encoders.video.clip_samples import sample_clip, sample_clips
from indexing.compute.encoders.video.frame_sizes import resized
from indexing.compute.encoders.video.frame_vectors import FrameVectors
from indexing.compute.features import normalize
from indexing.compute.torchvision_shim import torchvision
from tests.indexing.compute.video.formula import filled

NARROW = {"width": 16}  # a sixteenth of the weights of these networks, all the wiring
GAINS = {r"c_bn\.weight": 0.3}  # without it numbers grow from block to block
SIDE = {"architecture": "slow_r50", "num_frames": 4, "width": 512, "title": "Mine"}
SIZES = {"resize": "short_side", "filter": "antialiased", "side_px": 80, "crop_px": 64}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    made = families.build("slow-r50", NARROW).eval()
    made.load_state_dict(filled(made.state_dict(), GAINS))
    return made


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, network):
    """A model folder with numbers for a narrow SlowFast and a narrow Slow, each beside a side file."""
    folder = tmp_path_factory.mktemp("models")
    torch.save(network.state_dict(), folder / "slow.pth")
    (folder / "slow.json").write_text(json.dumps(SIDE | SIZES))
    slowfast = families.build("slowfast-r50-8x8", NARROW)
    torch.save({"model_state": filled(slowfast.state_dict(), GAINS)}, folder / "both.pyth")
    side = {"architecture": "slowfast_r50", "num_frames": 8, "side_px": 64, "width": 576}
    (folder / "both.json").write_text(json.dumps(side))
    return folder


@pytest.fixture
def without_exporter(monkeypatch):
    """Torch runs the networks: to export one takes half a minute."""

    def refuse(*arguments: object) -> None:
        raise RuntimeError("no exporter here")

    monkeypatch.setattr(clip_engine, "_openvino", refuse)


@pytest.mark.parametrize("key", ["builtin-clip@1", "frames:builtin@1", "file:slow.pth@1", "file:both.pyth@1"])
def test_every_clip_encoder_gives_unit_vectors_the_same_for_a_batch_as_one_by_one(
    key, model_dir, without_exporter
):
    encoder = load_clips(key, model_dir=model_dir, device="cpu", precision="fp32")
    videos = [sample_clip(seed, encoder.num_frames, 160)[:, :120] for seed in range(3)]
    clips = [np.stack([encoder.prepare(frame) for frame in video]) for video in videos]
    padded = np.zeros((3, encoder.num_frames), bool)
    padded[1, : encoder.num_frames // 2] = padded[2] = True

    batch = encoder.encode(clips, padded)

    assert (batch.shape, batch.dtype) == ((3, encoder.width), np.float32)
    assert np.allclose(np.linalg.norm(batch, axis=1), 1, atol=1e-5)
    one_by_one = [encoder.encode([clip], mask[None]) for clip, mask in zip(clips, padded, strict=True)]
    assert np.allclose(batch, np.concatenate(one_by_one), atol=1e-5)
    assert np.array_equal(batch, encoder.encode(clips, padded))
    # What lies in a padded slot is not looked at.
    blank = [np.where(mask[:, None, None, None], 99, clip) for clip, mask in zip(clips, padded, strict=True)]
    assert np.array_equal(batch, encoder.encode([clip.astype(np.uint8) for clip in blank], padded))
    assert not np.allclose(batch[1], encoder.encode([clips[1]])[0], atol=1e-3)
    assert encoder.encode([]).shape == (0, encoder.width)
    assert len(encoder.weights_sha256) == 64
    assert encoder.precision == "fp32"


def test_padded_slots_are_zero_after_normalization_and_the_middle_is_cut(
    network, model_dir, without_exporter
):
    encoder = load_clips("file:slow.pth@1", model_dir=model_dir, device="cpu", precision="fp32")
    clip = np.stack([encoder.prepare(frame) for frame in sample_clip(5, 4, 150)[:, :100]])
    assert clip.shape == (4, 80, 120, 3)
    padded = np.array([[True, False, False, True]])
    planes = torch.from_numpy(crops.center(clip, 64).copy()).permute(3, 0, 1, 2) / 255
    planes = (planes - 0.45) / 0.225
    planes[:, [0, 3]] = 0
    with torch.inference_mode():
        wanted = network(planes[None]).numpy()
    found = encoder.raw([clip], padded)
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    assert np.array_equal(found, encoder.raw([crops.center(clip, 64)], padded))


def test_gray_levels_minus_a_mean_where_the_spec_does_not_divide_by_255():
    spec = clip_registry.named("c3d-sports1m@1")
    clips = torch.randint(0, 256, (1, 2, 4, 4, 3), dtype=torch.uint8)
    found = clip_engine.Clips(nn.Flatten(), spec)(clips, torch.ones(1, 2, dtype=torch.bool))
    wanted = clips.permute(0, 4, 1, 2, 3) - torch.tensor([104.0, 117.0, 128.0]).reshape(3, 1, 1, 1)
    assert torch.allclose(found, wanted.flatten(1), atol=1e-4)


@pytest.mark.parametrize("size", [(120, 161), (200, 120), (64, 64)])
def test_frames_are_resized_as_torchvision_resizes_their_short_side(size):
    frame = sample_clip(1, 1, 256)[0][: size[0], : size[1]].copy()
    spec = replace(clip_registry.named("r2plus1d18-k400@1"), side_px=64, crop_px=None)
    wanted = torchvision.transforms.functional.resize(torch.from_numpy(frame).permute(2, 0, 1), 64)
    found = resized(frame, spec).transpose(2, 0, 1)
    assert found.shape == tuple(wanted.shape)
    assert np.abs(found.astype(int) - wanted.numpy()).max() <= 1
    assert resized(frame, replace(spec, resize="square", filter="plain")).shape == (64, 64, 3)
    assert resized(frame, replace(spec, resize="own", side_px=None)).shape == frame.shape


def test_the_mean_of_frames_is_the_mean_of_their_vectors(tmp_path):
    encoder = load_clips("frames:builtin@1", model_dir=tmp_path)
    clip = np.stack([encoder.prepare(frame) for frame in sample_clip(3, 8, 200)])
    image = loading.load("builtin@1", model_dir=tmp_path)
    wanted = normalize(image.encode(list(clip)).mean(axis=0, keepdims=True))
    assert np.allclose(encoder.encode([clip]), wanted, atol=1e-6)
    kept = normalize(image.encode(list(clip[2:])).mean(axis=0, keepdims=True))
    assert np.allclose(encoder.encode([clip], np.arange(8)[None] < 2), kept, atol=1e-6)


def test_a_frame_that_overlapping_clips_share_is_encoded_once(tmp_path):
    image = loading.load("builtin@1", model_dir=tmp_path)
    seen = []
    plain = image.encode
    image.encode = lambda pictures: seen.append(len(pictures)) or plain(pictures)
    vectors = FrameVectors(image)
    frames = list(sample_clip(4, 12, 128))
    for start in range(5):
        assert np.array_equal(vectors.of(frames[start : start + 8]), plain(frames[start : start + 8]))
    assert sum(seen) == 12


def moved(seed: int, step: tuple[int, int]) -> np.ndarray:
    """(16, 128, 128, 3): a camera that goes `step` pixels (down, right) from frame to frame."""
    scene = np.tile(sample_clip(seed, 1, 128)[0], (2, 2, 1))
    return np.stack([np.roll(scene, (-step[0] * t, -step[1] * t), (0, 1))[:128, :128] for t in range(16)])


def test_the_builtin_descriptor_tells_motion_where_the_mean_of_frames_does_not(tmp_path):
    directions = [(0, 3), (0, -3), (3, 0), (-3, 0)]
    clips = [moved(seed, step) for seed in range(3) for step in directions]
    kinds = np.array([kind for _ in range(3) for kind in range(4)])
    backward = [clip[::-1] for clip in clips]
    encoder = load_clips("builtin-clip@1", model_dir=tmp_path)
    width = encoder.width - builtin_clip.MOTION_WIDTH
    motion, reverse = (normalize(encoder.encode(each)[:, width:]) for each in (clips, backward))
    similar = motion @ motion.T - 2 * np.eye(len(clips))
    assert (kinds[similar.argmax(axis=1)] == kinds).all()
    opposite = np.array([1, 0, 3, 2])[kinds]
    assert (kinds[(reverse @ motion.T).argmax(axis=1)] == opposite).all()
    mean = load_clips("frames:builtin@1", model_dir=tmp_path)
    assert np.allclose(mean.encode([clips[0][:8]]), mean.encode([clips[0][7::-1]]), atol=1e-6)


def test_a_clip_of_one_frame_many_times_has_a_vector(tmp_path):
    encoder = load_clips("builtin-clip@1", model_dir=tmp_path)
    still = np.zeros((16, 128, 128, 3), np.uint8)
    assert np.isfinite(encoder.encode([still])).all()


def test_clips_that_do_not_fit_are_refused_by_their_place(tmp_path):
    encoder = load_clips("frames:builtin@1", model_dir=tmp_path)
    good = np.zeros((8, 128, 128, 3), np.uint8)
    with pytest.raises(ValueError, match=r"clip 1 must have 8 frames for frames:builtin@1, got 7"):
        encoder.encode([good, good[:7]])
    with pytest.raises(ValueError, match=r"clip 0 must be of prepared frames, 128 x 128, got \(128, 99\)"):
        encoder.encode([good[:, :, :99]])
    with pytest.raises(ValueError, match=r"clip 0 must be \(8, h, w, 3\) uint8 RGB"):
        encoder.encode([good.astype(np.float32)])
    with pytest.raises(ValueError, match=r"padded must be \(N, T\) for 1 clips, got \(1, 7\)"):
        encoder.encode([good], np.zeros((1, 7), bool))
    with pytest.raises(ValueError, match=r"a frame must be \(H, W, 3\) uint8 RGB, got \(5, 5\) uint8"):
        encoder.prepare(np.zeros((5, 5), np.uint8))


class TinyNetwork(nn.Module):
    """Enough of a video network for an exporter: convolution over space and time, then the mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv3d(3, 24, 3, padding=1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.conv(clips).relu().mean(dim=(2, 3, 4))


TINY = replace(clip_registry.named("r2plus1d18-k400@1"), num_frames=4, side_px=24, crop_px=24, width=24)


def test_the_fast_engine_gives_the_vectors_of_torch_and_is_exported_once(tmp_path):
    module = clip_engine.Clips(TinyNetwork(), TINY).eval()
    clips = np.stack(sample_clips(3, 4, 24))
    kept = np.array([[True] * 4, [False, True, True, False], [True] * 3 + [False]])
    exact = clip_engine.choose(module, TINY, device="cpu", cache=None, precision="fp32")
    fast = clip_engine.choose(module, TINY, device="cpu", cache=tmp_path, precision="fp32")
    assert (fast.name, exact.name) == ("OpenVINO", "torch cpu")
    assert np.allclose(fast.run(clips, kept), exact.run(clips, kept), atol=1e-5)
    exported = tmp_path / "4x24.onnx"
    before = exported.stat().st_mtime_ns
    again = clip_engine.choose(module, TINY, device="cpu", cache=tmp_path, precision="fp32")
    assert again.name == "OpenVINO"
    assert exported.stat().st_mtime_ns == before
    (cosine,) = json.loads((tmp_path / "4x24.cosines.json").read_text()).values()
    assert cosine > 0.99999


def test_an_engine_whose_vectors_differ_is_refused(tmp_path, monkeypatch):
    def wrong(*arguments: object) -> clip_engine.ClipEngine:
        return clip_engine.ClipEngine(lambda clips, kept: np.eye(1, 24, 5), "fp32", "wrong", 1)

    monkeypatch.setattr(clip_engine, "_openvino", wrong)
    module = clip_engine.Clips(TinyNetwork(), TINY).eval()
    chosen = clip_engine.choose(module, TINY, device="cpu", cache=tmp_path, precision="fp32")
    assert chosen.name == "torch cpu"


@pytest.mark.parametrize(
    ("size", "window", "shift"),
    [
        ((16, 14, 21), (8, 7, 7), (4, 3, 3)),
        ((8, 14, 7), (8, 7, 7), (0, 3, 0)),
        ((4, 7, 14), (2, 7, 7), (1, 0, 3)),
    ],
)
def test_masks_of_shifted_windows_that_can_be_exported_are_those_of_torchvision(size, window, shift):
    plain = torchvision.models.video.swin_transformer._compute_attention_mask_3d
    wanted = plain(torch.zeros(1), size, window, shift)
    assert torch.equal(swin_masks.attention_mask(torch.zeros(1), size, window, shift), wanted)


def one_per_network() -> list[str]:
    """A key for each network and pooling; R101 differs from R50 in depth alone."""
    specs = [clip_registry.named(key) for key in clip_registry.known_keys()]
    kept = {(spec.architecture, spec.pool): spec.key for spec in specs if spec.architecture}
    return [key for (name, _), key in kept.items() if "r101" not in name]


@pytest.mark.parametrize("key", one_per_network())
def test_every_network_with_a_key_gives_vectors_of_the_width_its_key_says(key):
    spec = clip_registry.named(key)
    config = spec.config | ({"pool": spec.pool} if spec.pool.startswith("head") else {})
    with torch.device("meta"):
        network = families.build(spec.architecture, config).eval()
        clips = torch.empty(1, 3, spec.num_frames, spec.input_px, spec.input_px)
        assert network(clips).flatten(1).shape == (1, spec.width)


def test_weights_of_another_network_are_refused_by_name(model_dir, tmp_path, without_exporter):
    (tmp_path / "c2d-r50.pth").symlink_to(model_dir / "slow.pth")
    with pytest.raises(WeightsRefused, match="holds the weights of slow-r50, not of c2d-r50"):
        load_clips("c2d-r50@1", model_dir=tmp_path, device="cpu")


def test_weights_that_are_not_there_are_asked_for_by_file_name(tmp_path):
    with pytest.raises(WeightsMissing, match=r"put them into .* as slowfast-r50-8x8.pth"):
        load_clips("slowfast-r50-8x8-head256@1", model_dir=tmp_path)


def test_an_unknown_key_lists_the_known_ones(tmp_path):
    with pytest.raises(EncoderUnknown, match=r"no clip encoder 'slow@1'; there are builtin-clip@1, "):
        load_clips("slow@1", model_dir=tmp_path)
    with pytest.raises(EncoderUnknown, match=r"the mean over frames of no-such@1, which is unknown"):
        load_clips("frames:no-such@1", model_dir=tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="needs CUDA"
)
@pytest.mark.parametrize("key", ["file:slow.pth@1", "file:both.pyth@1"])
def test_cuda_gives_the_vectors_of_the_processor(key, model_dir):
    exact = load_clips(key, model_dir=model_dir, device="cpu", precision="fp32")
    fast = load_clips(key, model_dir=model_dir, device="cuda:0")
    clips = sample_clips(3, exact.num_frames, exact.spec.side_px)
    assert (fast.encode(clips) * exact.encode(clips)).sum(axis=1).min() >= 0.9995
