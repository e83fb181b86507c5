"""Exported networks in OpenVINO: vectors without torch, whose import alone costs seconds and 200 MB."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexing.compute.encoders.gates import CPU_FACTS, Gate

log = logging.getLogger(__name__)

COSINE_FLOOR = 0.9995  # of a fast path to fp32, for the worst of the sample pictures; below, neighbors change
CPU_BATCH = 8  # fixed: OpenVINO plans its memory once, and a batch gives what one by one gives
BF16_FLAGS = ("avx512_bf16", "amx_bf16")  # without one of them bf16 on a CPU is slower than fp32
NAME = "OpenVINO"
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA, Windows' Linux, AMD

Run = Callable[[np.ndarray], np.ndarray]  # (N, H, W, 3) uint8 -> (N, D) float32


class Engine(NamedTuple):
    """One way to run a network."""

    run: Run
    precision: str  # of its multiplications: a vector depends on it, so it belongs to the feature set
    name: str
    batch: int


def has_bf16() -> bool:
    """Whether this processor multiplies bf16 in hardware."""
    try:
        flags = CPU_FACTS.read_text(encoding="utf-8")
    except OSError:
        return False
    return any(flag in flags for flag in BF16_FLAGS)


def path_of(cache: Path, input_size: int) -> Path:
    """Where the network exported for pictures of this side lies."""
    return cache / f"{input_size}.onnx"


def gate_of(cache: Path | None, side_px: int) -> Gate:
    """What is known of how near engines come to fp32."""
    return Gate(cache / f"{side_px}.cosines.json" if cache else None)


def precisions_tried(precision: str | None) -> tuple[str, ...]:
    """Fastest first: those that OpenVINO is asked for on this processor."""
    if precision is None and has_bf16():
        return ("bf16", "fp32")
    return (precision or "fp32",)


def is_near(cosine: float, tried: str, precision: str | None) -> bool:
    """Whether vectors of this cosine to fp32 will do; bf16 that was asked for by name always does."""
    return cosine >= COSINE_FLOOR or tried == precision == "bf16"


def agreed(cache: Path, *, input_size: int, device: str, precision: str | None) -> Engine | None:
    """The engine that `inference.choose` takes, if an earlier run left all that it asks; else None."""
    path = path_of(cache, input_size)
    if device not in ("auto", "cpu") or (device == "auto" and _may_have_gpu()) or not path.is_file():
        return None
    gate = gate_of(cache, input_size)
    for tried in precisions_tried(precision):
        cosine = gate.known(f"{NAME} {tried}")
        if cosine is None:
            return None
        if is_near(cosine, tried, precision):
            try:
                return opened(path, input_size, tried)
            except Exception:
                log.warning("an exported network does not open; it is loaded anew", exc_info=True)
                return None
    return None


def opened(path: Path, input_size: int, precision: str) -> Engine:
    """The network at `path` for squares of this side, in fp32 or bf16, on this process's share of cores."""
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([CPU_BATCH, input_size, input_size, 3])
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",  # one stream: batches come one after the other
        },
    )
    request = compiled.create_infer_request()

    def run(pixels: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(pixels), CPU_BATCH):
            part = pixels[start : start + CPU_BATCH]
            full = np.zeros((CPU_BATCH, *pixels.shape[1:]), np.uint8)
            full[: len(part)] = part
            answer = request.infer([full], share_inputs=True)[compiled.output(0)]
            parts.append(np.array(answer[: len(part)], np.float32))
        return np.concatenate(parts)

    return Engine(run, precision, NAME, CPU_BATCH)


def _may_have_gpu() -> bool:
    return any(Path(device).exists() for device in GPU_DEVICES)
