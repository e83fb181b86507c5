"""The one door to torchvision: works with a CPU torch although the published wheel is a CUDA build.

Never imported by the web process; the import takes some seconds.
    from indexing.compute.torchvision_shim import torchvision
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch

_KEPT_ALIVE: list[torch.library.Library] = []  # operators vanish with the library that defined them


def _nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Indices of the boxes that survive, best score first: greedy non-maximum suppression."""
    order = torch.argsort(scores, descending=True, stable=True)
    boxes = dets[order].to(torch.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    is_kept = torch.ones(len(boxes), dtype=torch.bool)
    for i in range(len(boxes)):
        if not is_kept[i]:
            continue
        top_left = torch.maximum(boxes[i, :2], boxes[i + 1 :, :2])
        bottom_right = torch.minimum(boxes[i, 2:], boxes[i + 1 :, 2:])
        shared = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        is_kept[i + 1 :] &= shared / (areas[i] + areas[i + 1 :] - shared) <= iou_threshold
    return order[is_kept].to(dtype=torch.int64, device=dets.device)


def _no_compiled_operators_needed() -> None:
    """Stands in for torchvision's check for its compiled operators; a lambda would break an ONNX export."""


def _is_compile_supported(device_type: str) -> bool:
    """torch's own answer, asked for when it is needed: on a GPU that must be deterministic."""
    return bool(importlib.import_module("torch._dynamo.utils").is_compile_supported(device_type))


@contextmanager
def _without_torchs_compiler() -> Iterator[None]:
    """torchvision takes one function from torch's compiler; importing that costs as much as all of torch."""
    name = "torch._dynamo.utils"
    if name in sys.modules:
        yield
        return
    in_its_place = ModuleType(name)
    in_its_place.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules[name] = in_its_place
    try:
        yield
    finally:
        del sys.modules[name]


def _load() -> ModuleType:
    if "torchvision" in sys.modules:
        return sys.modules["torchvision"]
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        raise ImportError("torchvision is not installed; pip install -r requirements.txt")
    try:
        for library in sorted(Path(found.origin).parent.glob("_C*.so")):
            torch.ops.load_library(str(library))
    except OSError:  # a CUDA build beside a CPU torch
        return _load_without_its_operators()
    with _without_torchs_compiler():
        return importlib.import_module("torchvision")


def _load_without_its_operators() -> ModuleType:
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.impl("nms", _nms, "CPU")
    _KEPT_ALIVE.append(operators)
    with _without_torchs_compiler():
        module = importlib.import_module("torchvision")
    sys.modules["torchvision.ops.boxes"]._assert_has_ops = _no_compiled_operators_needed  # type: ignore[attr-defined]
    roi_align = sys.modules["torchvision.ops.roi_align"]
    # The compiled variant of the pure Python one would ask for a C++ compiler at run time.
    roi_align._roi_align = roi_align._roi_align.__wrapped__  # type: ignore[attr-defined]
    return module


torchvision = _load()
