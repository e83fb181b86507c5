"""I3D dot-product, Video Swin, C3D and R(2+1)D against goldens of mmaction2 and against torchvision."""

import functools
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.conventions import read_video_checkpoint, reading
from indexing.compute.torchvision_shim import torchvision
from tests.indexing.compute.video.formula import clips
from tests.indexing.compute.video.other_cases import CASES, GOLDEN_STEP, by_formula, names_hash, randomized
from tests.indexing.compute.video.other_names import mmaction2_names, vmz_blobs

GOLDENS = json.loads(Path(__file__).with_name("mmaction2_goldens.json").read_text(encoding="utf-8"))
HEAD = {"cls_head.fc_cls.weight": torch.zeros(400, 4), "cls_head.fc_cls.bias": torch.zeros(400)}


@functools.lru_cache(maxsize=1)
def network(architecture: str, flat: int | None = None) -> torch.nn.Module:
    """One of ours by the formula, kept for the tests that follow each other."""
    # On meta no time is lost on random numbers; Video Swin has some that are no weights.
    with torch.device("cpu" if architecture == "swin3d_t" else "meta"):
        made = families.build(architecture, {"flat": flat} if flat else None)
    return by_formula(made)


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference over the largest number."""
    assert a.shape == b.shape
    return float((a - b).abs().max() / b.abs().max())


def features(of: torch.nn.Module, given: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return of(given)


def saved(path, whole):
    torch.save(whole, path)
    return path


def told(tensors, *, texts=None, **asked):
    """As `read_video_checkpoint` of a file that holds these."""
    held = reading.unwrapped(reading.Checkpoint(dict(tensors), "", (), (), texts or {}))
    return reading.identified(held, "x.pth", **asked)


def hollow(architecture: str) -> dict[str, torch.Tensor]:
    """The names and shapes of a network's weights; every number is the same zero."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in families.build(architecture).state_dict().items()}
    block = torchvision.models.video.swin_transformer.ShiftedWindowAttention3d(8, [8, 7, 7], [0, 0, 0], 1)
    index = block.relative_position_index
    zero = torch.zeros(())
    return {name: index if "position_index" in name else zero.expand(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda case: case.name)
def test_features_are_those_of_mmaction2(case):
    ours = network(case.architecture, case.config.get("flat"))
    affinity = case.config.get("affinity", "dot_product")
    for layer in ours.modules():
        if hasattr(layer, "affinity"):
            layer.affinity = affinity
    found = features(ours, case.clips())
    assert found.shape == (2, {"c3d": 4096, "swin3d_t": 768}.get(case.architecture, 2048))
    golden = torch.tensor(GOLDENS["features"][case.name])
    assert apart(found[:, ::GOLDEN_STEP], golden) < 1e-4
    assert apart(golden[0], golden[1]) > 1e-2  # two clips are told apart


def test_the_map_of_a_published_clip_has_the_published_size():
    """32 frames of 224 px: time is halved at the stem, at its pooling and after the first stage."""
    with torch.device("meta"):
        i3d = families.build("i3d_r50_nl_dot")
        assert i3d.maps(torch.empty(1, 3, 32, 224, 224)).shape == (1, 2048, 4, 7, 7)
        assert families.build("c3d")(torch.empty(1, 3, 16, 112, 112)).shape == (1, 4096)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((16, 112, 80), r"112 x 112 px\); \(16, 112, 80\) gives 6144"),
        ((33, 112, 112), "gives 16384"),
    ],
)
def test_c3d_says_which_clips_it_takes(shape, sentence):
    with torch.device("meta"):
        c3d = families.build("c3d")
        with pytest.raises(ValueError, match=sentence):
            c3d(torch.empty(1, 3, *shape))


def test_a_checkpoint_of_mmaction2_is_read_whole(tmp_path):
    state = network("i3d_r50_nl_dot").state_dict()
    theirs = mmaction2_names(state, norm="norm3") | HEAD
    read, found = read_video_checkpoint(saved(tmp_path / "x.pth", {"state_dict": theirs, "meta": {}}))
    assert (found.architecture, found.convention, found.num_classes) == ("i3d_r50_nl_dot", "mmaction2", 400)
    assert set(found.dropped) == {*HEAD, "meta"}
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) for name in state)


@pytest.mark.parametrize("architecture", ["i3d_r50_nl_dot", "i3d_r50_strided", "swin3d_t", "c3d"])
def test_the_names_of_mmaction2_are_all_known(architecture):
    """The golden is a hash of all names in a checkpoint that mmaction2's own network wrote."""
    state = hollow(architecture)
    theirs = mmaction2_names(state, norm="norm3") | HEAD
    assert names_hash(theirs) == GOLDENS["names"][architecture]
    read, found = told(theirs)
    assert (found.architecture, read.keys()) == (architecture, state.keys())


def test_the_authors_of_video_swin_name_their_last_norm_otherwise():
    """`norm` in their files, `norm3` in mmaction2's; `backbone.` may be missing."""
    state = hollow("swin3d_t")
    theirs = mmaction2_names(state, norm="norm")
    assert "backbone.norm.weight" in theirs
    for given in (theirs, {name.removeprefix("backbone."): value for name, value in theirs.items()}):
        read, found = told(given)
        assert (found.architecture, found.convention) == ("swin3d_t", "mmaction2")
        assert read.keys() == state.keys()


def test_the_settings_in_a_checkpoint_tell_the_affinity():
    theirs = mmaction2_names(hollow("i3d_r50_nl_dot"), norm="norm3")
    text = "non_local_cfg=dict(\n    sub_sample=True,\n    mode='{}')"
    for mode, affinity in (("dot_product", "dot_product"), ("embedded_gaussian", "softmax")):
        assert told(theirs, texts={"meta.cfg": text.format(mode)})[1].config["affinity"] == affinity
    with pytest.raises(WeightsRefused, match="its non-local blocks are concatenation; dot_product and"):
        told(theirs, texts={"meta.config": text.format("concatenation")})


def test_a_c3d_checkpoint_says_the_size_of_its_clips():
    theirs = mmaction2_names(hollow("c3d"), norm="norm3")
    _, found = told(theirs)
    assert (found.architecture, found.config) == ("c3d", {"flat": 8192})
    with pytest.raises(WeightsRefused, match="holds a c3d with flat 8192, asked for is flat 2048"):
        told(theirs, config={"flat": 2048})


def test_a_file_of_another_window_is_refused():
    state = hollow("swin3d_t")
    name = "features.0.1.attn.relative_position_index"
    state[name] = state[name].flip(0)
    with pytest.raises(WeightsRefused, match=rf"{re.escape(name)} is not that of a window of 8 x 7 x 7"):
        told(state)


def before_the_head(whole: torch.nn.Module, head: str, given: torch.Tensor) -> torch.Tensor:
    """What torchvision's own network gives its last layer."""
    caught = []
    whole.get_submodule(head).register_forward_pre_hook(lambda module, args: caught.append(args[0]))
    with torch.inference_mode():
        whole(given)
    return caught[0]


@pytest.mark.parametrize(
    ("name", "head", "shapes"),
    [
        ("swin3d_t", "head", [(2, 7, 7), (5, 33, 47), (18, 60, 36)]),
        ("r2plus1d_18", "fc", [(8, 48, 40), (5, 37, 50)]),
    ],
)
def test_weights_of_torchvision_give_torchvisions_features(name, head, shapes):
    whole = randomized(torchvision.models.get_model(name, weights=None))
    state = torch.nn.DataParallel(whole).state_dict()
    read, found = told(state)
    assert (found.architecture, found.config, found.num_classes) == (name, {}, 400)
    assert set(found.dropped) == {f"module.{head}.weight", f"module.{head}.bias"}
    ours = families.build(found.architecture, found.config).eval()
    ours.load_state_dict(read, strict=True)
    for shape in shapes:
        given = clips((1, 3, *shape))
        assert apart(features(ours, given), before_the_head(whole, head, given)) <= 1e-6


@functools.cache
def ig65m() -> torch.nn.Module:
    """R(2+1)D-34 as ig65m describes it: torchvision's parts, three wider convolutions, another epsilon."""
    parts = torchvision.models.video.resnet
    with torch.device("meta"):  # no time is lost on random numbers
        made = parts.VideoResNet(
            parts.BasicBlock, [parts.Conv2Plus1D] * 4, [3, 4, 6, 3], parts.R2Plus1dStem, num_classes=359
        )
        made.layer2[0].conv2[0] = parts.Conv2Plus1D(128, 128, 288)
        made.layer3[0].conv2[0] = parts.Conv2Plus1D(256, 256, 576)
        made.layer4[0].conv2[0] = parts.Conv2Plus1D(512, 512, 1152)
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm3d):
            layer.eps = 1e-3
    return randomized(made.to_empty(device="cpu"))


def test_r2plus1d_34_is_the_network_of_ig65m_under_either_name():
    whole, given = ig65m(), clips((1, 3, 8, 33, 40))
    blobs = vmz_blobs(whole.state_dict(), num_classes=359)
    read, found = told({name: torch.from_numpy(value) for name, value in blobs.items()})
    assert (found.architecture, found.convention, found.num_classes) == ("r2plus1d_34", "VMZ caffe2", 359)
    with torch.device("meta"):
        ours = families.build(found.architecture, found.config).eval()
    counts = {name: torch.tensor(0) for name in ours.state_dict() if "num_batches" in name}
    ours.load_state_dict(read | counts, strict=True, assign=True)
    assert apart(features(ours, given), before_the_head(whole, "fc", given)) <= 1e-6
    same, found = told(whole.state_dict())
    assert (found.architecture, found.convention, found.num_classes) == ("r2plus1d_34", "torchvision", 359)
    assert all(torch.equal(same[name], value) for name, value in read.items())


def test_every_blob_of_vmz_is_used_exactly_once():
    """With one missing, one more or one of another shape the file is refused."""
    blobs = vmz_blobs(ig65m().state_dict(), num_classes=359)
    tensors = {name: torch.from_numpy(value) for name, value in blobs.items()}
    num_layers = 2 + 4 * 16 + 3  # convolutions, and as many batch norms
    assert len(blobs) == 5 * num_layers + 2
    read, found = told(tensors)
    assert {value.data_ptr() for value in read.values()} == {
        value.data_ptr() for name, value in tensors.items() if not name.startswith("last_out_L359_")
    }
    assert set(found.dropped) == {"last_out_L359_w", "last_out_L359_b"}
    for changed, sentence in (
        ({"comp_7_spatbn_2_riv": None}, "1 missing: layer3.0.conv2.1.running_var"),
        ({"comp_16_conv_1_w": torch.zeros(3)}, "comp_16_conv_1_w is no blob of VMZ's"),
        ({"shortcut_projection_5_w": torch.zeros(3)}, "1 unexpected: layer2.2.downsample.0.weight"),
        ({"comp_3_conv_2_middle_w": torch.zeros(230, 128, 1, 3, 3)}, "of another shape"),
        ({"comp_0_spatbn_1_s": torch.full((64,), torch.nan)}, "1 not finite: layer1.0.conv1.1.weight"),
    ):
        given = {name: value for name, value in (tensors | changed).items() if value is not None}
        with pytest.raises(WeightsRefused, match=re.escape(sentence)):
            told(given)


def test_missing_unexpected_and_mis_shaped_keys_are_listed_together():
    state = hollow("swin3d_t")
    del state["norm.bias"]
    state |= {"features.0.0.norm3.weight": torch.zeros(3), "norm.weight": torch.zeros(5)}
    state |= {"head.weight": torch.zeros(400, 768)}
    said = (
        r"\(swin3d_t\) does not fit its network \(\d+ keys\): 1 missing: norm\.bias; 1 unexpected: "
        r"features\.0\.0\.norm3\.weight; 1 of another shape: norm\.weight \(5,\) for \(768,\)"
    )
    with pytest.raises(WeightsRefused, match=said):
        told(state)


def test_another_architecture_than_asked_for_is_said():
    state = hollow("swin3d_t")
    assert told(state, architecture="swin3d_t")[1].architecture == "swin3d_t"
    with pytest.raises(WeightsRefused, match="holds the weights of swin3d_t, not of i3d_r50_nl_dot"):
        told(state, architecture="i3d_r50_nl_dot")
    with pytest.raises(EncoderUnknown, match=r"no video network 'x3d'; there are r2plus1d_18, .*c3d"):
        families.build("x3d")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"conv1.weight": torch.zeros(3)}, "named in none of the ways that are known here"),
        ({"stem.3.weight": torch.zeros(3)}, r"no video network that is known here \(R\(2\+1\)D, "),
        ({"backbone.conv1.conv.weight": torch.zeros(3), "conv1.conv.weight": torch.zeros(3)}, "both with"),
        (
            {"backbone.layers.0.blocks.0.attn.qkv.weight": torch.zeros(3), "backbone.odd": torch.zeros(1)},
            "odd is",
        ),
        (
            {
                "conv1.conv.weight": torch.zeros(64, 3, 1, 7, 7),
                "layer1.0.conv1.conv.weight": torch.zeros(64, 64, 1, 1, 1),
            },
            "begins with a convolution of 5 x 7 x 7",
        ),
    ],
)
def test_weights_of_no_video_network_are_refused_with_the_reason(state, sentence):
    with pytest.raises(WeightsRefused, match=sentence):
        told(state)


def test_texts_among_the_weights_are_refused(tmp_path):
    blobs = {"conv1_middle_w": np.zeros(3), "conv1_w": "a text"}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"blobs": blobs}, 2))
    with pytest.raises(WeightsRefused, match="must hold tensors by name; these are none: conv1_w"):
        read_video_checkpoint(tmp_path / "x.pkl")
