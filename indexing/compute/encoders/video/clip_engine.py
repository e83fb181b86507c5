"""The fastest way to run a video network that gives the same vectors, checked against torch in fp32."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from indexing.compute.encoders.exported import COSINE_FLOOR, has_bf16
from indexing.compute.encoders.gates import Gate, worst_cosine
from indexing.compute.encoders.inference import PRECISIONS, export
from indexing.compute.encoders.video.clip_samples import sample_clips
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.swin_masks import exportable

log = logging.getLogger(__name__)

NUM_SAMPLES = 4  # clips by which a fast path is judged; each costs a pass in fp32
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
CPU_BATCH, CUDA_BATCH = 1, 8  # a clip is work enough for a processor

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (N, T, h, w, 3) uint8, kept (N, T) -> (N, D) float32


class ClipEngine(NamedTuple):
    """One way to run a video network."""

    run: Run
    precision: str  # of its multiplications: a vector depends on it, so it belongs to the feature set
    name: str
    batch: int


class Clips(nn.Module):
    """(N, T, h, w, 3) uint8 RGB and kept (N, T) -> (N, D) float32: normalization and network in one graph."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, spec: ClipSpec) -> None:
        super().__init__()
        self.network = network
        # (x / 255 - mean) / std as one multiplication and one addition
        scale = torch.tensor(spec.std).reciprocal()
        over = 255 if spec.scale_255 else 1
        self.register_buffer("scale", (scale / over).reshape(1, 3, 1, 1, 1))
        self.register_buffer("shift", (-torch.tensor(spec.mean) * scale).reshape(1, 3, 1, 1, 1))

    def forward(self, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        planes = pixels.permute(0, 4, 1, 2, 3).to(self.scale.dtype)
        planes = (planes * self.scale + self.shift) * kept.to(self.scale.dtype)[:, None, :, None, None]
        return self.network(planes).flatten(1)


def choose(
    network: nn.Module, spec: ClipSpec, *, device: str, cache: Path | None, precision: str | None = None
) -> ClipEngine:
    """The fastest engine for `network` on `device` whose vectors agree with torch in fp32.

    `precision` asks for one, so that a feature set goes on as it began. `cache` keeps the exported network;
    without it, and where clips may have any shape, torch runs the network.
    """
    if precision not in (None, *PRECISIONS, "fp16"):
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, fp16, got {precision!r}")
    place = torch.device(("cuda:0" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32: TF32 keeps 10 bits of each number
    if precision == "fp16" and place.type != "cuda":
        raise ValueError("fp16 needs a GPU; on a processor take bf16 or fp32")
    network = network.to(place)
    exact = in_torch(network, place, "fp32")
    wants_bf16 = precision == "bf16" or (precision is None and (place.type == "cuda" or has_bf16()))
    candidates: list[Callable[[], ClipEngine]] = []
    if place.type == "cpu" and cache is not None and spec.num_frames and spec.input_px:
        tried = ("bf16", "fp32") if precision is None and wants_bf16 else (precision or "fp32",)
        shape = (1, spec.num_frames, spec.input_px, spec.input_px, 3)
        candidates = [partial(_openvino, network, shape, each, cache) for each in tried]
    if wants_bf16 and precision != "fp16" and (place.type == "cuda" or precision == "bf16"):
        candidates.append(partial(in_torch, network, place, "bf16"))
    if precision == "fp16":
        candidates.append(partial(in_torch, network, place, "fp16"))
    gate = Gate(cache / f"{_size_of(spec)}.cosines.json" if cache else None)
    for make in candidates:
        try:
            engine = make()
            measure = partial(_cosine, engine, exact, spec)
            cosine = gate.cosine(f"{engine.name} {engine.precision}", measure)
        except Exception:
            # Whatever an exporter or a compiler stumbles over, plain torch runs the network.
            log.warning("a faster path failed; going on with a slower one", exc_info=True)
            continue
        if cosine >= COSINE_FLOOR or (engine.precision == precision and precision in HALVES):
            log.info("%s in %s: cosine to fp32 %.6f", engine.name, engine.precision, cosine)
            return engine
        log.info("%s in %s refused: cosine to fp32 %.6f", engine.name, engine.precision, cosine)
    return exact


def in_torch(network: nn.Module, place: torch.device, precision: str) -> ClipEngine:
    """Torch itself, which takes clips of any shape."""
    if place.type == "cuda":
        network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def run(pixels: np.ndarray, kept: np.ndarray) -> np.ndarray:
        clips = torch.from_numpy(np.ascontiguousarray(pixels)).to(place)
        slots = torch.from_numpy(kept).to(place)
        half = HALVES.get(precision)
        with torch.inference_mode(), torch.autocast(place.type, half or torch.bfloat16, enabled=bool(half)):
            return network(clips, slots).float().cpu().numpy()

    return ClipEngine(run, precision, f"torch {place}", CUDA_BATCH if place.type == "cuda" else CPU_BATCH)


def _openvino(network: nn.Module, shape: tuple[int, ...], precision: str, cache: Path) -> ClipEngine:
    import openvino

    path = cache / f"{shape[1]}x{shape[2]}.onnx"
    if not path.is_file():
        pixels, kept = torch.zeros(shape, dtype=torch.uint8), torch.ones(shape[:2], dtype=torch.bool)
        with exportable():
            export(network, {"pixels": pixels, "kept": kept}, path)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(path),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",  # one stream: clips come one after the other
        },
    )
    request = compiled.create_infer_request()

    def run(pixels: np.ndarray, kept: np.ndarray) -> np.ndarray:
        found = []
        for clip, slots in zip(pixels, kept, strict=True):
            given = [np.ascontiguousarray(clip)[None], np.ascontiguousarray(slots)[None]]
            answer = request.infer(given, share_inputs=True)[compiled.output(0)]
            found.append(np.array(answer[0], np.float32))
        return np.stack(found)

    return ClipEngine(run, precision, "OpenVINO", CPU_BATCH)


def _cosine(engine: ClipEngine, exact: ClipEngine, spec: ClipSpec) -> float:
    """The worst cosine of `engine` to `exact` over the sample clips."""
    clips = sample_clips(NUM_SAMPLES, spec.num_frames or 16, spec.input_px or 112)
    found, wanted = [], []
    for clip in clips:  # one at a time: a batch of long clips is gigabytes in fp32
        kept = np.ones((1, len(clip)), bool)
        found.append(engine.run(clip[None], kept))
        wanted.append(exact.run(clip[None], kept))
    return worst_cosine(np.concatenate(found), np.concatenate(wanted))


def _size_of(spec: ClipSpec) -> str:
    return f"{spec.num_frames or 'any'}x{spec.input_px or 'any'}"
