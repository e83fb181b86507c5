"""The fastest way to run a network that gives the same vectors: OpenVINO or torch, checked against fp32."""

import logging
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from indexing.compute.encoders import exported
from indexing.compute.encoders.exported import CPU_BATCH, Engine, has_bf16
from indexing.compute.encoders.gates import worst_cosine
from indexing.compute.encoders.samples import sample_pictures
from indexing.compute.files import write_beside

log = logging.getLogger(__name__)

NUM_SAMPLES = 32
CUDA_BATCH = 64
PRECISIONS = ("fp32", "bf16")


def choose(
    network: nn.Module,
    *,
    input_size: int | None,
    device: str,
    cache: Path | None,
    precision: str | None = None,
) -> Engine:
    """The fastest engine for `network` on `device` whose vectors agree with torch in fp32.

    `precision` asks for one, so that a feature set goes on as it began. `cache` keeps the exported network;
    without it torch runs the network.
    """
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    place = torch.device(("cuda:0" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    network = network.to(place)
    exact = _torch(network, place, "fp32")
    candidates: list[Callable[[], Engine]] = []
    wants_bf16 = precision == "bf16" or (precision is None and (place.type == "cuda" or has_bf16()))
    if place.type == "cpu" and input_size is not None and cache is not None:
        tried = exported.precisions_tried(precision)
        candidates = [partial(_openvino, network, input_size, each, cache) for each in tried]
    if wants_bf16 and (place.type == "cuda" or precision == "bf16"):
        candidates.append(partial(_torch, network, place, "bf16"))
    if not candidates:
        return exact
    side_px = input_size or 224
    gate = exported.gate_of(cache, side_px)
    for make in candidates:
        try:
            engine = make()
            cosine = gate.cosine(
                f"{engine.name} {engine.precision}", partial(_cosine, engine, exact, side_px)
            )
        except Exception:
            # Whatever an exporter or a compiler stumbles over, plain torch runs the network.
            log.warning("a faster path failed; going on with a slower one", exc_info=True)
            continue
        if exported.is_near(cosine, engine.precision, precision):
            log.info("%s in %s: cosine to fp32 %.6f", engine.name, engine.precision, cosine)
            return engine
        log.info("%s in %s refused: cosine to fp32 %.6f", engine.name, engine.precision, cosine)
    return exact


def _cosine(engine: Engine, exact: Engine, side_px: int) -> float:
    """The worst cosine of `engine` to `exact` over the sample pictures."""
    samples = sample_pictures(NUM_SAMPLES, side_px)
    return worst_cosine(_in_batches(engine, samples), _in_batches(exact, samples))


def _in_batches(engine: Engine, pixels: np.ndarray) -> np.ndarray:
    starts = range(0, len(pixels), engine.batch)
    return np.concatenate([engine.run(pixels[start : start + engine.batch]) for start in starts])


def _torch(network: nn.Module, place: torch.device, precision: str) -> Engine:
    if place.type == "cuda":
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(pixels: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pixels).to(place)
        with torch.inference_mode(), torch.autocast(place.type, torch.bfloat16, enabled=precision == "bf16"):
            return network(batch).float().cpu().numpy()

    return Engine(run, precision, f"torch {place}", CUDA_BATCH if place.type == "cuda" else CPU_BATCH)


def _openvino(network: nn.Module, input_size: int, precision: str, cache: Path) -> Engine:
    path = exported.path_of(cache, input_size)
    if not path.is_file():
        example = torch.zeros(2, input_size, input_size, 3, dtype=torch.uint8)
        batch = torch.export.Dim("batch", min=1, max=4096)
        export(network, {"pixels": example}, path, dynamic=({0: batch},))
    return exported.opened(path, input_size, precision)


def export(network: nn.Module, inputs: Mapping[str, torch.Tensor], path: Path, dynamic: Any = None) -> None:
    """Write the network as ONNX to `path`, from examples of its inputs; `dynamic` names free dimensions."""
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)  # it tells of every constant it shares
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about itself
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=["features"],
            dynamic_shapes=dynamic,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    with write_beside(path) as file:
        file.write(program.model_proto.SerializeToString())
