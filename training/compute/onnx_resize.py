"""Resize and cut as a graph in front of a network: a picture of any size in, its image out.

Resize with antialias (ONNX operators 18) widens its filter with the reduction, as Pillow does, and with
`exclude_outside` weighs pixels at the edge as Pillow does. onnxruntime rounds otherwise: on photos up to 15
values of a hundred differ, by 1 or 2 of 255 (bicubic by up to 4). What that does to an answer is measured at
every export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from training.compute import onnx_files
from training.compute.onnx_files import Exported
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

MODES = {"bilinear": "linear", "bicubic": "cubic"}  # Pillow's name -> ONNX's
PICTURE, PREFIX = "picture", "resize_"


def check_filter(preprocessing: Preprocessing) -> None:
    """TrainingRefused `no-resize` for a filter that ONNX has not."""
    if preprocessing.resize not in MODES:
        raise TrainingRefused(
            "no-resize",
            f"ONNX resizes by {' or '.join(MODES)}, this network's pictures by {preprocessing.resize}: "
            "export it without the resize.",
        )


def with_resize(model: onnx.ModelProto, preprocessing: Preprocessing) -> onnx.ModelProto:
    """`model`, whose only input is (N, 3, S, S) uint8, fed with one `picture` (H, W, 3) uint8 RGB instead."""
    (given,) = model.graph.input
    front = helper.make_model(
        resize_graph(preprocessing), opset_imports=list(model.opset_import), ir_version=model.ir_version
    )
    return compose.merge_models(front, model, io_map=[("image", given.name)])


def publish(
    model: onnx.ModelProto,
    path: Path,
    preprocessing: Preprocessing,
    *,
    metadata: Mapping[str, Any],
    pictures: Sequence[np.ndarray],
    expected: np.ndarray,
) -> Exported:
    """Write `model`, which agrees with torch, to `path` with the resize in front of it.

    `expected` (N, C) is what torch says of `pictures` (H, W, 3) uint8 RGB resized by Pillow: TrainingRefused
    `no-parity` beyond 0.02, and nothing is written.
    """
    how = {"input": "picture (H, W, 3) uint8 RGB, upright", "resize_by": "the graph"}
    return onnx_files.publish(
        with_resize(model, preprocessing),
        path,
        metadata=dict(metadata) | {"preprocessing": metadata["preprocessing"] | how},
        feeds=list(pictures),
        expected=expected,
        tolerance=onnx_files.RESIZE_TOLERANCE,
    )


def try_publish(
    model: onnx.ModelProto,
    path: Path,
    preprocessing: Preprocessing,
    *,
    metadata: Mapping[str, Any],
    pictures: Sequence[np.ndarray],
    expected: np.ndarray,
) -> tuple[Exported | None, str]:
    """`publish`, or nothing and the sentence that says why not."""
    try:
        check_filter(preprocessing)
        made = publish(model, path, preprocessing, metadata=metadata, pictures=pictures, expected=expected)
    except TrainingRefused as refusal:
        return None, f"There is no file for pictures of any size: {refusal}"
    return made, ""


def resize_graph(preprocessing: Preprocessing) -> onnx.GraphProto:
    """`picture` (H, W, 3) uint8 -> `image` (1, 3, S, S) uint8, by the rules of `Preprocessing`."""
    side, short = preprocessing.side_px, preprocessing.short_side_px
    nodes = [
        helper.make_node("Transpose", [PICTURE], ["planes"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planes", "zero"], ["whole"]),
    ]
    constants = {"zero": [0]}
    resize: dict[str, Any] = {
        "mode": MODES[preprocessing.resize],
        "antialias": 1,
        "exclude_outside": 1,
        "cubic_coeff_a": -0.5,
    }
    if preprocessing.fit == "squash":
        constants |= {"out_sizes": [1, 3, side, side]}
        nodes.append(helper.make_node("Resize", ["whole", "", "", "out_sizes"], ["image"], **resize))
        return _made(nodes, constants, side)
    constants |= {"short": [short], "two": [2], "lead": [1, 3], "axes": [2, 3], "side": [side, side]}
    nodes += [
        helper.make_node("Shape", ["whole"], ["size"], start=2, end=4),
        helper.make_node("ReduceMin", ["size"], ["shortest"], keepdims=1),
        helper.make_node("Mul", ["size", "short"], ["scaled"]),
        helper.make_node("Div", ["scaled", "shortest"], ["new_size"]),  # of whole numbers: rounded down
        helper.make_node("Concat", ["lead", "new_size"], ["out_sizes"], axis=0),
        helper.make_node("Resize", ["whole", "", "", "out_sizes"], ["resized"], **resize),
        helper.make_node("Sub", ["new_size", "side"], ["room"]),
        helper.make_node("Div", ["room", "two"], ["start"]),
        helper.make_node("Add", ["start", "side"], ["stop"]),
        helper.make_node("Slice", ["resized", "start", "stop", "axes"], ["image"]),
    ]
    return _made(nodes, constants, side)


def _made(nodes: list[onnx.NodeProto], constants: dict[str, list[int]], side: int) -> onnx.GraphProto:
    return helper.make_graph(
        nodes,
        "resize",
        [helper.make_tensor_value_info(PICTURE, TensorProto.UINT8, ["height", "width", 3])],
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 3, side, side])],
        [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in constants.items()],
    )
