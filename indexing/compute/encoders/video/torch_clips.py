"""Clip encoders that are torch networks over whole clips."""

import contextlib
import ctypes
import hashlib
from pathlib import Path

import numpy as np

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video import clip_engine, clip_networks
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.weights import LocalWeights

PROBE_FRAMES, PROBE_SIDE_PX = 16, 64  # of the clip by which a network that takes any size is tried


class TorchClipEncoder(ClipEncoder):
    """A network with its weights in place, on the engine that suits this machine."""

    def __init__(self, spec: ClipSpec, weights: LocalWeights, engine: clip_engine.ClipEngine) -> None:
        side, num_frames = spec.input_px or PROBE_SIDE_PX, spec.num_frames or PROBE_FRAMES
        answer = engine.run(
            np.zeros((1, num_frames, side, side, 3), np.uint8), np.ones((1, num_frames), bool)
        )
        width = answer.shape[1]
        if spec.width is not None and width != spec.width:
            raise WeightsRefused(
                f"{weights.path} gives vectors of {width} numbers, {spec.key} has {spec.width}"
            )
        if not np.isfinite(answer).all():
            raise WeightsRefused(f"{weights.path} gives numbers that are not finite")
        super().__init__(
            spec,
            width=width,
            precision=engine.precision,
            engine=engine.name,
            weights_sha256=weights.sha256,
            batch=engine.batch,
        )
        self._engine = engine

    def _raw(self, clips: np.ndarray, padded: np.ndarray) -> np.ndarray:
        starts = range(0, len(clips), self.batch)
        return np.concatenate(
            [
                self._engine.run(clips[start : start + self.batch], ~padded[start : start + self.batch])
                for start in starts
            ]
        )


def load(
    spec: ClipSpec,
    weights: LocalWeights,
    *,
    device: str,
    cache: Path | None,
    precision: str | None = None,
) -> TorchClipEncoder:
    """The clip encoder of `spec` with its weights from a file, on the fastest engine that equals fp32."""
    network = clip_networks.build(spec, weights)
    folder = cache / _folder_name(spec, weights) if cache else None
    engine = clip_engine.choose(network, spec, device=device, cache=folder, precision=precision)
    del network  # OpenVINO has numbers of its own
    encoder = TorchClipEncoder(spec, weights, engine)
    _give_back_memory()
    return encoder


def _give_back_memory() -> None:
    """To the system, what loading took: a quarter of a gigabyte that glibc would keep for itself."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _folder_name(spec: ClipSpec, weights: LocalWeights) -> str:
    """Where the exported network is kept: a caller may have changed what a key says of it."""
    inside = (spec.architecture, spec.pool, spec.mean, spec.std, spec.scale_255, sorted(spec.config.items()))
    digest = hashlib.sha256(repr(inside).encode()).hexdigest()
    return f"{spec.key.replace(':', '-').replace('/', '_')}-{weights.sha256[:16]}-{digest[:8]}"
