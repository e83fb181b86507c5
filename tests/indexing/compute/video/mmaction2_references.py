"""Runs in the environment of requirements-references.txt: our networks against mmaction2's own.

`python -m tests.indexing.compute.video.mmaction2_references` prints one JSON object; with a path it also
writes the goldens that ordinary tests compare with. Checkpoints are as mmengine writes them, message hub too.
"""

import importlib.util
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, NamedTuple

import torch

from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.conventions import read_video_checkpoint
from tests.indexing.compute.video.formula import filled
from tests.indexing.compute.video.other_cases import CASES, GOLDEN_STEP, Case, names_hash
from tests.indexing.compute.video.other_names import mmaction2_names


def mmaction2(name: str) -> types.ModuleType:
    """A module of mmaction2's backbones. The wheel lacks a sub-package, so no `__init__` is run."""
    found = importlib.util.find_spec("mmaction")
    root = Path(next(iter(found.submodule_search_locations)))
    for package in ("mmaction.models", "mmaction.models.backbones"):
        bare = types.ModuleType(package)
        bare.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
        sys.modules.setdefault(package, bare)
    return importlib.import_module(f"mmaction.models.backbones.{name}")


def backbone(case: Case) -> torch.nn.Module:
    """Theirs, configured by the files of configs/recognition that section V of the networks' table names."""
    if case.architecture == "c3d":
        return mmaction2("c3d").C3D(out_dim=case.config.get("flat", 8192))
    if case.architecture.startswith("swin3d"):
        size = {"t": "tiny", "s": "small", "b": "base"}[case.architecture[-1]]
        return mmaction2("swin").SwinTransformer3D(size, pretrained=None, pretrained2d=False)
    block = {
        "sub_sample": True,
        "use_scale": False,
        "norm_cfg": {"type": "BN3d", "requires_grad": True},
        "mode": "embedded_gaussian" if case.config.get("affinity") == "softmax" else "dot_product",
    }
    has_blocks = case.architecture == "i3d_r50_nl_dot"
    return mmaction2("resnet3d").ResNet3d(
        depth=50,
        pretrained=None,
        pretrained2d=False,
        conv1_kernel=(5, 7, 7),
        conv1_stride_t=2,
        pool1_stride_t=2,
        inflate=((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0)),
        non_local=((0, 0, 0), (0, 1, 0, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0)) if has_blocks else (0, 0, 0, 0),
        non_local_cfg=block if has_blocks else {},
        zero_init_residual=False,
    )


class Theirs(NamedTuple):
    """A recognizer as mmaction2 saves it, and the feature it computes."""

    model: torch.nn.Module
    case: Case

    def feature(self) -> torch.Tensor:
        """(N, D): of a map its mean over time and space."""
        with torch.inference_mode():
            gave = self.model.backbone(self.case.clips())
        return gave if gave.ndim == 2 else gave.mean(dim=(2, 3, 4))


def recognizer(case: Case) -> Theirs:
    """Backbone and head under mmaction2's names, every number by the formula of our names."""
    model = torch.nn.Module()
    model.backbone = backbone(case)
    width = 4096 if case.architecture == "c3d" else (768 if "swin" in case.architecture else 2048)
    model.cls_head = torch.nn.Module()
    model.cls_head.fc_cls = torch.nn.Linear(width, 400)
    weights = mmaction2_names(case.network().state_dict(), norm="norm3")
    head = {f"cls_head.{name}": value for name, value in model.cls_head.state_dict().items()}
    weights |= filled(head)
    model.load_state_dict(weights, strict=True)
    model.eval()
    return Theirs(model, case)


def saved(model: torch.nn.Module, path: Path) -> None:
    """As mmengine's runner writes it: weights, settings, and a message hub of its own classes."""
    from mmengine.logging import MessageHub

    hub = MessageHub.get_instance("training")
    hub.update_scalar("train/loss", 2.5)
    hub.update_info("iter", 7)
    settings = "model = dict(backbone=dict(non_local_cfg=dict(sub_sample=True, mode='dot_product')))"
    meta = {"epoch": 3, "cfg": settings, "dataset_meta": {"classes": None}}
    whole = {"meta": meta, "state_dict": model.state_dict(), "message_hub": hub.state_dict()}
    torch.save(whole, path)


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference over the largest number; infinite where they have other shapes or no numbers."""
    if ours.shape != theirs.shape or not theirs.isfinite().all() or theirs.abs().max() == 0:
        return float("inf")
    return float((ours - theirs).abs().max() / theirs.abs().max())


def against_mmaction2(case: Case) -> tuple[dict[str, Any], torch.Tensor]:
    """How far our feature is from theirs, its checkpoint read by our reader; their feature."""
    theirs = recognizer(case)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "epoch_3.pth"
        saved(theirs.model, path)
        asked = {"affinity": case.config["affinity"]} if "affinity" in case.config else {}
        state, found = read_video_checkpoint(path, config=asked)
    ours = families.build(found.architecture, found.config).eval()
    ours.load_state_dict(state, strict=True)
    feature = theirs.feature()
    with torch.inference_mode():
        answer = ours(case.clips())
    return {
        "case": case.name,
        "names": names_hash(theirs.model.state_dict()),
        "detected": found.architecture,
        "convention": found.convention,
        "dropped": sorted(found.dropped),
        "num_classes": found.num_classes,
        "feature": relative(answer, feature),
        "spread": float(feature.std(dim=0).median() / feature.abs().median()),
    }, feature


def main() -> None:
    """Compare everything; with a path, write the goldens there."""
    torch.set_num_threads(1)
    pairs = [against_mmaction2(case) for case in CASES]
    if len(sys.argv) > 1:
        rows = {
            case.name: [[float(f"{number:.6g}") for number in row[::GOLDEN_STEP].tolist()] for row in feature]
            for case, (_, feature) in zip(CASES, pairs, strict=True)
        }
        names = {told["detected"]: told["names"] for told, _ in pairs}
        goldens = {"made_with": "mmaction2 1.2.0", "features": rows, "names": names}
        text = json.dumps(goldens, separators=(",", ":")).replace("]],", "]],\n")
        Path(sys.argv[1]).write_text(f"{text}\n")
    print(json.dumps({"mmaction2": [told for told, _ in pairs]}))


if __name__ == "__main__":
    main()
