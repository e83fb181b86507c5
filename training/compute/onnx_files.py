"""Classifiers as ONNX files: what they say of themselves, and the check that they answer as torch does."""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch

from indexing.compute.files import write_beside
from training.compute.refusals import TrainingRefused

TOLERANCE = 1e-4  # of a probability, for the worst of the pictures compared
RESIZE_TOLERANCE = 0.02  # where the graph resizes as well, and Pillow does for torch
MAX_BATCH = 4096
DECODED = "JPEG files at the smallest of 1/8, 2/8, 4/8 and 8/8 whose shorter side is at least {} px"


class Exported(NamedTuple):
    """An ONNX file that was published: its sha256 is the caller's to take."""

    path: Path
    parity: float  # the largest difference of a probability to torch
    num_compared: int
    metadata: dict[str, str]


def program_of(
    graph: torch.nn.Module, example: torch.Tensor, *, inputs: str, is_static: bool = False
) -> onnx.ModelProto:
    """`graph` as ONNX with outputs `probabilities` and `logits`, for any batch size unless `is_static`."""
    for name in ("onnx_ir", "onnxscript"):  # they tell of every constant they share or fold
        logging.getLogger(name).setLevel(logging.WARNING)
    shapes = None if is_static else ({0: torch.export.Dim("batch", min=1, max=MAX_BATCH)},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about itself
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            input_names=[inputs],
            output_names=["probabilities", "logits"],
            dynamic_shapes=shapes,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    return program.model_proto


def publish(
    model: onnx.ModelProto,
    path: Path,
    *,
    metadata: Mapping[str, Any],
    feeds: Sequence[np.ndarray] | np.ndarray,
    expected: np.ndarray,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write the model to `path` if onnxruntime gives `expected` (N, C) probabilities for `feeds` (N, ...).

    TrainingRefused `no-parity` otherwise, and nothing is written. Fed as one batch and one by one; a model
    that takes one picture of any size gets a list of them.
    """
    texts = {name: said if isinstance(said, str) else json.dumps(said) for name, said in metadata.items()}
    onnx.helper.set_model_props(model, texts)
    data = model.SerializeToString()
    parity = check_parity(data, feeds, expected, tolerance=tolerance)
    texts["parity"] = json.dumps({"largest_difference": parity, "num_compared": len(feeds)})
    onnx.helper.set_model_props(model, texts)
    with write_beside(path) as file:
        file.write(model.SerializeToString())
    return Exported(path, parity, len(feeds), texts)


def check_parity(
    data: bytes,
    feeds: Sequence[np.ndarray] | np.ndarray,
    expected: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference of a probability; TrainingRefused `no-parity` above `tolerance`."""
    parity = _parity(data, feeds, expected)
    if not parity <= tolerance:
        raise TrainingRefused(
            "no-parity",
            f"The ONNX file answers otherwise than torch: by up to {parity:.2g}, allowed are {tolerance:g}. "
            "It is not published.",
        )
    return parity


def _parity(data: bytes, feeds: Sequence[np.ndarray] | np.ndarray, expected: np.ndarray) -> float:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()

    def answer(rows: np.ndarray) -> np.ndarray:
        return session.run(["probabilities"], {given.name: rows})[0]

    if not isinstance(feeds, np.ndarray):
        one_by_one = np.concatenate([answer(picture) for picture in feeds])
        return float(np.abs(one_by_one - expected).max())
    found = [np.concatenate([answer(feeds[i : i + 1]) for i in range(len(feeds))])]
    if not isinstance(given.shape[0], int):
        found.append(answer(feeds))
    return float(max(np.abs(each - expected).max() for each in found))


def check_pictures(pictures: Sequence[np.ndarray]) -> None:
    """TrainingRefused where there is nothing to compare on."""
    if not len(pictures):
        raise TrainingRefused("no-pictures", "There is no picture to compare torch and onnxruntime on.")


def points_of(points: Mapping[str, Mapping[str, float]] | None, class_names: Sequence[str]) -> dict[str, Any]:
    """The operating points by class name; ValueError for a class that the model does not know."""
    if unknown := sorted(set(points or {}) - set(class_names)):
        raise ValueError(f"operating points of unknown classes: {', '.join(unknown)}")
    return {name: dict(point) for name, point in (points or {}).items()}
