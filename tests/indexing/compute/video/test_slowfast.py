"""SlowFast, Slow, C2D and I3D against goldens made by PySlowFast, and what is read from their weights."""

import json
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.conventions import read_video_checkpoint
from indexing.compute.encoders.video.conventions.reading import Checkpoint, identified
from indexing.compute.encoders.video.slow_family import slow_family, slow_frames
from indexing.compute.encoders.video.slowfast import build
from tests.indexing.compute.video.formula import clips, filled
from tests.indexing.compute.video.other_names import caffe2_blobs, pytorchvideo_names
from tests.indexing.compute.video.slow_cases import CASES, GOLDEN_STEP, NARROW

GOLDENS = json.loads(Path(__file__).with_name("slow_goldens.json").read_text(encoding="utf-8"))
NOT_IN_WEIGHTS = ("alpha", "affinity", "time_pool", "pool")


@cache
def narrow(architecture: str, **config):
    """A network of a sixteenth of the weights, filled by the formula."""
    network = build(architecture, NARROW | config)
    network.load_state_dict(filled(network.state_dict(), {r"c_bn\.weight|conv_|projection": 0.2}))
    return network


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference over the largest number."""
    return float((a - b).abs().max() / b.abs().max())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_features_are_those_of_pyslowfast(case):
    with torch.inference_mode():
        features = case.network()(case.clips())
    assert features.shape == (2, case.family.num_features)
    assert apart(features[:, ::GOLDEN_STEP], torch.tensor(GOLDENS["features"][case.name])) < 1e-4


@pytest.mark.parametrize(("architecture", "num_weights"), GOLDENS["num_weights"].items())
def test_a_published_network_has_as_many_weights_as_theirs(architecture, num_weights):
    with torch.device("meta"):
        network = build(architecture, {"num_classes": 400})
    assert sum(each.numel() for each in network.parameters()) == num_weights
    assert network.family.num_features == (2304 if "slowfast" in architecture else 2048)


@pytest.mark.parametrize(
    ("num_frames", "alpha", "frames"),
    [
        (32, 4, [0, 4, 8, 13, 17, 22, 26, 31]),
        (16, 4, [0, 5, 10, 15]),
        (32, 8, [0, 10, 20, 31]),
        (4, 4, [0]),
    ],
)
def test_the_slow_pathway_sees_evenly_spread_frames(num_frames, alpha, frames):
    assert slow_frames(num_frames, alpha) == frames


@pytest.mark.parametrize("alpha", [1, 2, 4, 8, 16])
def test_the_slow_pathway_sees_the_frames_of_a_truncated_linspace(alpha):
    for num_frames in range(alpha, 160, alpha):
        spread = torch.linspace(0, num_frames - 1, num_frames // alpha).long()
        assert slow_frames(num_frames, alpha) == spread.tolist(), num_frames


def test_frames_that_alpha_does_not_divide_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"30 frames .* one of every 4 frames \(alpha\), so take 28 frames"):
        narrow("slowfast-r50")(clips((1, 3, 30, 32, 32)))


def test_head224_weighs_the_border_less_and_equals_head256_on_its_own_map():
    whole, windows = narrow("slow-r50"), narrow("slow-r50", pool="head224")
    with torch.inference_mode():
        large, own = clips((1, 3, 1, 256, 256)), clips((1, 3, 1, 224, 224))
        assert apart(windows(large), whole(large)) > 1e-3
        assert apart(windows(own), whole(own)) < 1e-5
        with pytest.raises(ValueError, match=r"at least 193 x 193 px, got 256 x 192: use head256"):
            windows(clips((1, 3, 1, 256, 192)))


def test_a_batch_gives_what_one_by_one_gives_and_scores_add_up_to_one():
    network, given = narrow("slowfast-r50"), clips((3, 3, 8, 40, 48))
    with torch.inference_mode():
        together = network(given)
        for i in range(3):
            assert apart(network(given[i : i + 1]), together[i : i + 1]) < 1e-5
        scores = network.scores(given)
    assert scores.shape == (3, 5)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(3))


def test_scores_need_the_head():
    with pytest.raises(ValueError, match="without the head"):
        narrow("slow-r50", num_classes=None).scores(clips((1, 3, 1, 32, 32)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_architecture_is_told_by_the_shapes(case):
    with torch.device("meta"):
        weights = build(case.architecture, NARROW | case.config).state_dict()
    architecture, config = families.detect(weights, "weights.pyth")
    expected = case.family.config()
    assert architecture == case.family.architecture
    assert {name for name in config if config[name] != expected[name]} <= set(NOT_IN_WEIGHTS)
    assert build(architecture, json.loads(json.dumps(config))).family == slow_family(architecture, config)


@pytest.mark.parametrize(
    ("size", "alpha"), [("r50-4x16", 8), ("r50-8x8", 4), ("r101-8x8", 4), ("r101-16x8", 4)]
)
def test_alpha_is_the_published_one_unless_it_is_said(size, alpha):
    with torch.device("meta"):
        weights = build(f"slowfast-{size}", NARROW).state_dict()
    assert families.detect(weights, "weights.pyth")[1]["alpha"] == alpha


def saved(path: Path, what) -> Path:
    """A checkpoint of PyTorch."""
    torch.save(what, path)
    return path


def plain(path: Path, weights) -> Path:
    """The same names in safetensors, which is read without a child process."""
    arrays = {name: torch.as_tensor(value).clone().contiguous() for name, value in weights.items()}
    save_file(arrays, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def pickled(path: Path, blobs) -> Path:
    """A pickle of Caffe2's, as Python 2 wrote them."""
    path.write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
    return path


def with_split_norms(weights):
    """The weights as they are stored while batch norms are trained in splits."""
    given = {}
    for name, value in weights.items():
        layer, _, part = name.rpartition(".")
        if not layer.endswith("bn"):
            given[name] = value
        elif part in ("weight", "bias"):
            given[name] = value[:, None, None, None]
        else:
            given[f"{layer}.bn.{part}"] = value
            given[f"{layer}.split_bn.{part}"] = value.repeat(2) if value.ndim else value
    return given


TRAINING = {
    "conv1_w_momentum": np.zeros(3, np.float32),
    "lr": np.zeros(1, np.float32),
    "model_iter": np.zeros(1, np.int64),
}
FILES = {
    "PySlowFast": plain,
    "PySlowFast, pyth": lambda path, weights: saved(
        path, {"epoch": 1, "model_state": weights, "cfg": "A: 1"}
    ),
    "PySlowFast, parallel": lambda path, weights: plain(
        path, {f"module.{name}": value for name, value in weights.items()}
    ),
    "PySlowFast, split": lambda path, weights: plain(path, with_split_norms(weights)),
    "PySlowFast caffe2": lambda path, weights: plain(path, caffe2_blobs(weights) | TRAINING),
    "PySlowFast caffe2, pkl": lambda path, weights: pickled(path, caffe2_blobs(weights) | TRAINING),
    "pytorchvideo": lambda path, weights: plain(
        path, pytorchvideo_names(weights, has_pool="s1_fuse.bn.weight" not in weights)
    ),
}


@pytest.mark.parametrize("architecture", ["slowfast-r50-8x8", "i3d-r50"])
@pytest.mark.parametrize("convention", FILES)
def test_a_file_of_every_convention_gives_the_same_network(tmp_path, architecture, convention):
    network = narrow(architecture)
    path = FILES[convention](tmp_path / "weights.pyth", network.state_dict())
    weights, detected = read_video_checkpoint(path)
    assert detected.convention == convention.partition(",")[0]
    assert detected.num_classes == 5
    for name, value in network.state_dict().items():
        assert name in weights or name.endswith("num_batches_tracked"), name
        assert name not in weights or torch.equal(weights[name], value), name
    assert families.build(detected.architecture, detected.config).family == network.family


def test_non_local_blocks_are_read_from_caffe2(tmp_path):
    network = narrow("i3d-r50-nln")
    path = plain(tmp_path / "i3d_nln.pkl", caffe2_blobs(network.state_dict()))
    weights, detected = read_video_checkpoint(path)
    assert detected.architecture == "i3d-r50-nln"
    assert torch.equal(
        weights["s4.pathway0_nonlocal5.conv_g.bias"],
        network.state_dict()["s4.pathway0_nonlocal5.conv_g.bias"],
    )


def test_matrices_of_caffe2_become_what_the_network_has(tmp_path):
    blobs = caffe2_blobs(narrow("slow-r50").state_dict())
    blobs["res2_0_branch2c_w"] = blobs["res2_0_branch2c_w"].reshape(64, 16)
    blobs["pred_w"] = blobs["pred_w"].reshape(5, 512, 1, 1, 1)
    weights, _ = read_video_checkpoint(plain(tmp_path / "slow.pkl", blobs))
    assert weights["s2.pathway0_res0.branch2.c.weight"].shape == (64, 16, 1, 1, 1)
    assert weights["head.projection.weight"].shape == (5, 512)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mystery_w": np.ones(2, np.float32)}, "mystery_w is no blob of SlowFast"),
        (
            {"t_res2_1_branch2c_bn_subsample_w": np.ones(2, np.float32)},
            r"two blobs are for s2_fuse\.conv_f2s",
        ),
        (
            {"res3_1_branch2b_w": np.ones((2, 2), np.float32)},
            r"of another shape: s3\.pathway0_res1\.branch2\.b",
        ),
        ({"res_conv1_bn_rm": np.full(16, np.nan, np.float32)}, r"not finite: s1\.pathway0_stem\.bn"),
    ],
)
def test_blobs_that_do_not_fit_are_refused_by_name(tmp_path, change, said):
    blobs = caffe2_blobs(narrow("slowfast-r50").state_dict()) | change
    with pytest.raises(WeightsRefused, match=said):
        read_video_checkpoint(plain(tmp_path / "weights.pkl", blobs))


def test_a_missing_tensor_is_refused_by_name(tmp_path):
    weights = narrow("slow-r50").state_dict()
    del weights["s3.pathway0_res2.branch2.c_bn.running_var"]
    with pytest.raises(WeightsRefused, match=r"1 missing: s3\.pathway0_res2\.branch2\.c_bn\.running_var"):
        read_video_checkpoint(plain(tmp_path / "weights.pyth", weights))


def test_a_configuration_at_odds_with_the_shapes_is_refused(tmp_path):
    path = plain(tmp_path / "weights.pyth", narrow("slowfast-r50-8x8").state_dict())
    with pytest.raises(WeightsRefused, match="fusion_kernel 7, asked for is fusion_kernel 5"):
        read_video_checkpoint(path, config={"fusion_kernel": 5})
    with pytest.raises(WeightsRefused, match="slowfast-r50, not of slowfast-r101"):
        read_video_checkpoint(path, architecture="slowfast-r101")
    assert read_video_checkpoint(path, config={"alpha": 8})[1].config["alpha"] == 8


CFG = "MODEL:\n  ARCH: {}\nNONLOCAL:\n  INSTANTIATION: dot_product\nSLOWFAST:\n  ALPHA: 8\n"


@pytest.mark.parametrize(
    ("architecture", "arch", "expected"),
    [
        ("slowfast-r50-8x8", "slowfast", {"alpha": 8}),
        ("c2d-r50-nln", "c2d_nopool", {"time_pool": 1, "affinity": "dot_product"}),
        ("i3d-r50-nln", "i3d", {"time_pool": 2, "affinity": "dot_product"}),
    ],
)
def test_the_configuration_in_a_file_tells_what_the_shapes_do_not(architecture, arch, expected):
    weights = narrow(architecture).state_dict()
    checkpoint = Checkpoint(weights, "", (), (), {"cfg": CFG.format(arch)})
    assert identified(checkpoint, "weights.pyth")[1].config.items() >= expected.items()
    asked = identified(checkpoint, "weights.pyth", config={"alpha": 2})[1]
    assert asked.config["alpha"] == 2


@pytest.mark.parametrize("cfg", ["A: [", "- 1", "MODEL: 3", "&a [*a, *a]", ""])
def test_a_configuration_that_makes_no_sense_tells_nothing(cfg):
    checkpoint = Checkpoint(narrow("slow-r50").state_dict(), "", (), (), {"cfg": cfg})
    assert identified(checkpoint, "weights.pyth")[1].config["time_pool"] == 1


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"s1.pathway0_stem.conv_xy.weight": torch.ones(1)}, "an X3D network"),
        ({"s1.pathway0_stem.conv.weight": torch.ones(4, 3, 1, 7, 7)}, r"must have \(3, 4, 6, 3\) \(R50\) or"),
        ({"s1.pathway0_stem.conv.weight": torch.ones(4, 3)}, "5 dimensions"),
    ],
)
def test_weights_of_other_networks_are_refused_with_the_reason(weights, said):
    with pytest.raises(WeightsRefused, match=said):
        families.detect(weights, "weights.pyth")


def test_unknown_names_and_settings_are_refused_with_the_choices():
    with pytest.raises(EncoderUnknown, match="slow-, c2d- or i3d-r50"):
        slow_family("slowfast-r152")
    with pytest.raises(EncoderUnknown, match="slowfast-r50 or -r101"):
        slow_family("slow-r50-8x8")
    with pytest.raises(ValueError, match="no setting called beta"):
        slow_family("slow-r50", {"beta": 8})
    with pytest.raises(ValueError, match="pool must be one of head256, head224"):
        slow_family("slow-r50", {"pool": "max"})
