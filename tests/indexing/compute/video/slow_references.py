"""Runs in the environment of requirements-references.txt: our networks against those of their authors.

`python -m tests.indexing.compute.video.slow_references` prints one JSON object; with a path it also writes
the goldens that ordinary tests compare with.
"""

import json
import sys
import types
from pathlib import Path
from typing import Any

import torch

from indexing.compute.encoders.video.conventions import caffe2, pyslowfast, pytorchvideo
from indexing.compute.encoders.video.slow_detection import detect_family
from indexing.compute.encoders.video.slow_family import SlowFamily, slow_family
from indexing.compute.encoders.video.slowfast import build
from indexing.compute.torchvision_shim import torchvision  # noqa: F401 - pytorchvideo imports it
from tests.indexing.compute.video.formula import clips, filled
from tests.indexing.compute.video.other_names import caffe2_blobs, pytorchvideo_names
from tests.indexing.compute.video.slow_cases import CASES, GAINS, GOLDEN_STEP, Case

FULL = ("slowfast-r50-4x16", "slowfast-r50-8x8", "slowfast-r101-16x8", "slow-r50", "c2d-r50", "i3d-r50-nln")


def pyslowfast_network(family: SlowFamily, num_frames: int, crop_px: int = 64) -> torch.nn.Module:
    """FAIR's own, configured as ours, with random weights."""
    layers = types.ModuleType("detectron2.layers")
    layers.ROIAlign = object  # type: ignore[attr-defined]  # of detection heads, not used here
    sys.modules |= {"detectron2": types.ModuleType("detectron2"), "detectron2.layers": layers}
    from slowfast.config.defaults import get_cfg
    from slowfast.models.video_model_builder import ResNetModel, SlowFastModel

    num = len(family.stem_kernels)
    cfg = get_cfg()
    arch = {"slow": "slowonly", "i3d": "i3d" if family.time_pool > 1 else "i3d_nopool"}
    cfg.MODEL.ARCH = arch.get(family.kind, family.kind)
    cfg.MODEL.NUM_CLASSES = family.num_classes
    cfg.DATA.NUM_FRAMES, cfg.DATA.CROP_SIZE = num_frames, crop_px
    cfg.DATA.INPUT_CHANNEL_NUM = [3] * num
    cfg.RESNET.DEPTH, cfg.RESNET.WIDTH_PER_GROUP = family.depth, family.width
    cfg.RESNET.NUM_BLOCK_TEMP_KERNEL = [[each] * num for each in (3, 4, 6, 3)]
    cfg.RESNET.SPATIAL_STRIDES = [[each] * num for each in (1, 2, 2, 2)]
    cfg.RESNET.SPATIAL_DILATIONS = [[1] * num] * 4
    cfg.SLOWFAST.ALPHA, cfg.SLOWFAST.BETA_INV = family.alpha, family.beta_inv
    cfg.SLOWFAST.FUSION_CONV_CHANNEL_RATIO = family.fusion_ratio
    cfg.SLOWFAST.FUSION_KERNEL_SZ = family.fusion_kernel
    cfg.NONLOCAL.LOCATION = [[list(blocks), []][:num] for blocks in family.non_local]
    cfg.NONLOCAL.GROUP = [[1] * num] * 4
    cfg.NONLOCAL.POOL = [[[1, 2, 2]] * num] * 4
    cfg.NONLOCAL.INSTANTIATION = family.affinity
    return (SlowFastModel if num == 2 else ResNetModel)(cfg).eval()


def pytorchvideo_network(family: SlowFamily) -> torch.nn.Module:
    """The second, independently written one; without non-local blocks, which it does not have."""
    from pytorchvideo.models.resnet import create_resnet
    from pytorchvideo.models.slowfast import create_slowfast

    kernels = tuple(
        tuple([(kernel, 1, 1) for kernel in stage] for stage in stages) for stages in family.block_kernels
    )
    stems = tuple((kernel, 7, 7) for kernel in family.stem_kernels)
    common = {"model_depth": family.depth, "model_num_class": family.num_classes, "dropout_rate": 0.0}
    if len(stems) == 1:
        pool = torch.nn.MaxPool3d if family.time_pool > 1 else None
        return create_resnet(
            **common,
            stem_dim_out=family.width,
            stem_conv_kernel_size=stems[0],
            stage1_pool=pool,
            stage_conv_a_kernel_size=kernels[0],
            head_pool_kernel_size=(1, 1, 1),
        ).eval()
    return create_slowfast(
        **common,
        slowfast_channel_reduction_ratio=(family.beta_inv,),
        slowfast_conv_channel_fusion_ratio=family.fusion_ratio,
        slowfast_fusion_conv_kernel_size=(family.fusion_kernel, 1, 1),
        slowfast_fusion_conv_stride=(family.alpha, 1, 1),
        stem_dim_outs=(family.width, family.width // family.beta_inv),
        stem_conv_kernel_sizes=stems,
        stage_conv_a_kernel_sizes=kernels,
        head_pool_kernel_sizes=((1, 1, 1), (1, 1, 1)),
    ).eval()


def pathways(given: torch.Tensor, family: SlowFamily) -> list[torch.Tensor]:
    """The clips as the originals make them for their networks."""
    if len(family.stem_kernels) == 1:
        return [given]
    num = given.shape[2]
    return [given[:, :, torch.linspace(0, num - 1, num // family.alpha).long()], given]


def feature_of(maps: list[torch.Tensor], family: SlowFamily) -> torch.Tensor:
    """What slowfast_feature_extractor makes of stage 5: AvgPool3d by 1, joined, the mean of the rest."""
    cells = (7, 7) if family.pool == "head224" else maps[0].shape[3:]
    pooled = [torch.nn.functional.avg_pool3d(each, (each.shape[2], *cells), stride=1) for each in maps]
    return torch.cat(pooled, dim=1).mean(dim=(3, 4)).flatten(1)


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference over the largest number; infinite where they have other shapes or no numbers."""
    if ours.shape != theirs.shape or not theirs.isfinite().all() or theirs.abs().max() == 0:
        return float("inf")
    return float((ours - theirs).abs().max() / theirs.abs().max())


def against_pyslowfast(case: Case) -> tuple[dict[str, Any], torch.Tensor]:
    """How far our features and scores are from theirs; their features."""
    family = case.family
    frames, height, width = case.shape
    crop_px = 224 if family.pool == "head224" else 64
    theirs = pyslowfast_network(family, frames, crop_px)
    theirs.load_state_dict(filled(theirs.state_dict(), case.gains), strict=True)
    found = detect_family(theirs.state_dict())
    ours = build(found.architecture, found.config() | not_in_weights(family))
    ours.load_state_dict(pyslowfast.renamed(theirs.state_dict()), strict=True)
    maps: dict[str, list[torch.Tensor]] = {}
    theirs.s5.register_forward_hook(lambda module, given, gave: maps.update(s5=gave))
    # Their head takes only maps as large as its kernel, or larger.
    rounded_px = {-(-side // 32) * 32 for side in (height, width)}
    has_scores = family.pool == "head224" or rounded_px == {crop_px}
    if not has_scores:
        theirs.head.forward = lambda maps: None
    with torch.inference_mode():
        scores = theirs(pathways(case.clips(), family))
        feature = feature_of(maps["s5"], family)
        answer = {"case": case.name, "feature": relative(ours(case.clips()), feature)}
        if has_scores:
            answer["scores"] = relative(ours.scores(case.clips()), scores)
    return answer, feature


def not_in_weights(family: SlowFamily) -> dict[str, Any]:
    """The settings that no weights tell."""
    return {name: getattr(family, name) for name in ("alpha", "time_pool", "affinity", "pool")}


def against_pytorchvideo(case: Case) -> dict[str, Any]:
    """How far our features are from pytorchvideo's, its weights under its names read by our convention."""
    family = case.family
    theirs = pytorchvideo_network(family)
    theirs.load_state_dict(filled(theirs.state_dict(), {r"norm_c\.weight": 0.3, "proj": 0.2}), strict=True)
    weights = theirs.state_dict()
    if not pytorchvideo.is_this(frozenset(weights)):
        raise ValueError(f"{case.name} is not taken for pytorchvideo's: {list(weights)[:3]}")
    state = pytorchvideo.renamed(weights)
    found = detect_family(state)
    ours = build(found.architecture, found.config() | not_in_weights(family))
    ours.load_state_dict(state, strict=True)
    maps: dict[int, torch.Tensor] = {}
    last = len(theirs.blocks) - (3 if len(family.stem_kernels) == 2 else 2)
    stages = theirs.blocks[last]
    stages.register_forward_hook(lambda module, given, gave: maps.update({0: gave}))
    theirs.blocks[-1].forward = lambda given: given
    if len(family.stem_kernels) == 2:
        theirs.blocks[-2].forward = lambda given: given
    with torch.inference_mode():
        given = pathways(case.clips(), family)
        theirs(given if len(given) == 2 else given[0])
        gave = maps[0]
        feature = feature_of(list(gave) if isinstance(gave, list | tuple) else [gave], family)
        return {
            "case": case.name,
            "feature": relative(ours(case.clips()), feature),
            "has_our_names": pytorchvideo_names(ours.state_dict(), has_pool=family.time_pool > 1).keys()
            == weights.keys(),
        }


def against_caffe2_names() -> dict[str, Any]:
    """Our name for every blob of three networks beside the one in their own table."""
    from slowfast.utils.c2_model_loading import get_name_convert_func

    theirs = get_name_convert_func()
    different, checked = [], 0
    for architecture in ("slowfast-r101-16x8-nln", "i3d-r50-nln", "slow-r50"):
        network = build(architecture, {"width": 8, "num_classes": 4})
        for blob in caffe2_blobs(network.state_dict()):
            checked += 1
            if theirs(blob) != caffe2.our_name(blob):
                different.append(blob)
    return {"checked": checked, "different": different}


def full_width(architecture: str) -> dict[str, Any]:
    """At the published width: strict both ways, the number of weights, and the feature at 64 px."""
    family = slow_family(architecture, {"num_classes": 400})
    theirs = pyslowfast_network(family, 8)
    theirs.load_state_dict(filled(theirs.state_dict(), GAINS), strict=True)
    ours = build(architecture, {"num_classes": 400})
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    given = clips((1, 3, 8, 64, 64))
    with torch.inference_mode():
        scores = theirs(pathways(given, family))
        return {
            "case": architecture,
            "num_weights": sum(each.numel() for each in theirs.parameters()),
            "scores": relative(ours.scores(given), scores),
        }


def main() -> None:
    """Compare everything; with a path, write the goldens there."""
    torch.set_num_threads(1)
    pairs = [against_pyslowfast(case) for case in CASES]
    answer = {
        "pyslowfast": [told for told, _ in pairs],
        "pytorchvideo": [against_pytorchvideo(case) for case in CASES if "nln" not in case.architecture],
        "caffe2": against_caffe2_names(),
        "full_width": [full_width(architecture) for architecture in FULL],
    }
    if len(sys.argv) > 1:
        rows = {
            case.name: [[float(f"{number:.6g}") for number in row[::GOLDEN_STEP].tolist()] for row in feature]
            for case, (_, feature) in zip(CASES, pairs, strict=True)
        }
        counts = {told["case"]: told["num_weights"] for told in answer["full_width"]}
        goldens = {"made_with": "pyslowfast 1.0", "features": rows, "num_weights": counts}
        Path(sys.argv[1]).write_text(
            json.dumps(goldens, separators=(",", ":")).replace("]],", "]],\n") + "\n"
        )
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
