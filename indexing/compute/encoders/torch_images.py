"""Encoders that are torch networks over whole pictures."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from indexing.compute.encoders import inference, networks
from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.exported import Engine
from indexing.compute.encoders.pictures import fit
from indexing.compute.encoders.specs import EncoderSpec, WeightsRefused
from indexing.compute.encoders.weights import LocalWeights


class TorchImageEncoder(Encoder):
    """A network with its weights in place, on the engine that suits this machine."""

    def __init__(self, spec: EncoderSpec, weights: LocalWeights, engine: Engine) -> None:
        side = spec.input_size or 224
        answer = engine.run(np.zeros((1, side, side, 3), np.uint8))
        width = answer.shape[1]
        if spec.width is not None and width != spec.width:
            raise WeightsRefused(
                f"{weights.path} gives vectors of {width} numbers, {spec.key} has {spec.width}"
            )
        if not np.isfinite(answer).all():
            raise WeightsRefused(f"{weights.path} gives numbers that are not finite")
        super().__init__(
            spec, width=width, precision=engine.precision, engine=engine.name, weights_sha256=weights.sha256
        )
        self._engine = engine

    def _raw(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        if self.input_size is None:  # every picture has its own size
            return np.concatenate([self._engine.run(fit(pixels, self.spec)[None]) for pixels in pictures])
        left, parts = iter(pictures), []
        while batch := list(islice(left, self._engine.batch)):
            parts.append(self._engine.run(np.stack([fit(pixels, self.spec) for pixels in batch])))
        return np.concatenate(parts)


def load(
    spec: EncoderSpec,
    weights: LocalWeights,
    *,
    device: str,
    cache: Path | None,
    precision: str | None = None,
) -> TorchImageEncoder:
    """The encoder of `spec` with its weights from a file, on the fastest engine that agrees with fp32."""
    network, spec = networks.build(spec, weights)
    folder = (
        cache / f"{spec.key.replace(':', '-').replace('/', '_')}-{weights.sha256[:16]}" if cache else None
    )
    engine = inference.choose(
        network, input_size=spec.input_size, device=device, cache=folder, precision=precision
    )
    return TorchImageEncoder(spec, weights, engine)
