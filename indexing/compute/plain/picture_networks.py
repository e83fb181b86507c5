"""From pictures to the rows of a feature file: one pooled vector, or one per position of the last map."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.compute.encoders import registry
from indexing.compute.encoders.catalog import spec_of
from indexing.compute.encoders.pictures import STRIDE_PX, fit
from indexing.compute.encoders.specs import EncoderSpec, EncoderUnknown
from indexing.compute.encoders.weights import LocalWeights, Progress, find_or_fetch
from indexing.compute.files import sha256_of

if TYPE_CHECKING:
    from indexing.compute.encoders.exported import Engine

POOLS = ("mac", "mean", "gem", "none")  # none: no pooling, a row per position
LIKE = {"none": "mac"}  # a map comes from the network that is pooled like this
EXPORT_FROM = 200  # pictures from which exporting the network once (some 10 s) is won back


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What a feature file's numbers depend on beside the weights, as asked for."""

    encoder: str = "resnet50"  # a network of torchvision, or the whole key of an encoder
    pool: str = "mac"
    image_size: int | None = 448  # side of the square; None: the picture's own size, padded to 32
    precision: str = "fp32"  # auto: bf16 where the processor multiplies it in hardware

    def __post_init__(self) -> None:
        if self.pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}, got {self.pool!r}")


class PictureNetwork:
    """Which network it is, known at once; its numbers are loaded when the first picture comes."""

    def __init__(
        self,
        settings: PictureSettings,
        *,
        model_dir: Path,
        weights: Path | None = None,
        device: str = "auto",
        on_fetch: Progress | None = None,
    ) -> None:
        self.settings = settings
        self.spec = _spec(settings, model_dir)
        self.has_map = settings.pool == "none"
        if self.has_map and self.spec.pooling == "own":
            raise EncoderUnknown(
                f"{self.spec.key} has no map of positions; --pool none needs a torchvision one"
            )
        self.weights = (
            LocalWeights(weights, sha256_of(weights))
            if weights is not None
            else _found(self.spec, model_dir, on_fetch)
        )
        self._model_dir, self._device = model_dir, device
        self._engine: Engine | None = None
        self._width: int | None = self.spec.width

    @property
    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared."""
        return {"encoder": self.spec.key, "weights_sha256": self.weights.sha256}

    @property
    def preprocessing(self) -> dict[str, Any]:
        size = self.spec.input_size
        return {
            "colors": "RGB",
            "resize": f"{size} x {size}, {self.spec.resize}" if size else "none, padded with black to 32",
            "mean": list(self.spec.mean),
            "std": list(self.spec.std),
        }

    @property
    def width(self) -> int | None:
        """D, where it is known before the network is loaded."""
        return self._width

    def engine(self, num_pictures: int = 0) -> Engine:
        """The network ready to run; for many pictures it is worth exporting to a faster runtime first."""
        if self._engine is None:
            self._engine = self._load(num_pictures)
        return self._engine

    def fit(self, pixels: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) in the size the network takes."""
        return fit(pixels, self.spec)

    def grid_of(self, fitted: np.ndarray) -> tuple[int, int]:
        """(rows, columns) of the map of a fitted picture."""
        return fitted.shape[0] // STRIDE_PX, fitted.shape[1] // STRIDE_PX

    def rows(self, fitted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Per fitted picture its rows (1, D) or (h * w, D), float32, as the network gives them."""
        engine = self.engine()
        found: list[np.ndarray] = []
        step = engine.batch if self.spec.input_size else 1
        for start in range(0, len(fitted), step):
            part = fitted[start : start + step]
            for answer, picture in zip(engine.run(np.stack(part)), part, strict=True):
                height, width = self.grid_of(picture) if self.has_map else (1, 1)
                found.append(answer.reshape(height * width, -1))
        if found:
            self._width = found[0].shape[1]
        return found

    def _load(self, num_pictures: int) -> Engine:
        if self.spec.family not in ("torchvision", "timm", "file"):
            return _whole_encoder(self.spec, self._model_dir, self._device)
        if self.spec.family == "torchvision" and (found := self._exported_before()):
            return found
        from indexing.compute.encoders import inference, networks

        network, self.spec = networks.build(self.spec, self.weights)
        if self.has_map:
            network.pooling = "map"  # type: ignore[assignment]  # a plain attribute, read when it runs
        precision = self._precision()
        if precision == "fp32":
            _multiply_whole_numbers()
        exported = self._export_folder()
        size = self.spec.input_size
        is_there = (exported / f"{size}.onnx").is_file()
        is_worth = is_there or (num_pictures >= EXPORT_FROM and _can_write_below(self._model_dir))
        return inference.choose(
            network,
            input_size=size,
            device="cuda:0" if self._device == "cuda" else self._device,
            cache=exported if is_worth else None,
            precision=precision,
        )

    def _exported_before(self) -> Engine | None:
        """The network without torch, where an earlier run exported and judged it."""
        from indexing.compute.encoders import exported

        if self.spec.input_size is None:
            return None
        return exported.agreed(
            self._export_folder(),
            input_size=self.spec.input_size,
            device=self._device,
            precision=self._precision(),
        )

    def _precision(self) -> str | None:
        return None if self.settings.precision == "auto" else self.settings.precision

    def _export_folder(self) -> Path:
        key = self.spec.key.replace(":", "-").replace("/", "_")
        name = f"{key}-map" if self.has_map else key
        return self._model_dir / "exported" / f"{name}-{self.weights.sha256[:16]}"


def _spec(settings: PictureSettings, model_dir: Path) -> EncoderSpec:
    """The encoder meant: resnet50 with MAC at 448 is resnet50-mac-448@1, at 320 resnet50-mac-320@1."""
    if "@" in settings.encoder:
        return spec_of(settings.encoder, model_dir)
    size = settings.image_size
    like = LIKE.get(settings.pool, settings.pool)
    name = "map" if settings.pool == "none" else settings.pool
    tail = {224: "", None: "-native"}.get(size, f"-{size}")
    base = registry.spec(f"torchvision:{settings.encoder}@1")
    return replace(
        base,
        key=f"{settings.encoder}-{name}{tail}@1",
        title=f"{settings.encoder}, {name}",
        pooling=like,
        input_size=size,
        width=None if settings.encoder != "resnet50" else base.width,
    )


def _found(spec: EncoderSpec, model_dir: Path, on_fetch: Progress | None) -> LocalWeights:
    if spec.family == "builtin":
        from indexing.compute.encoders.builtin import NUMBERS

        return LocalWeights(NUMBERS, sha256_of(NUMBERS))
    return find_or_fetch(spec, model_dir, on_fetch)


def _whole_encoder(spec: EncoderSpec, model_dir: Path, device: str) -> Engine:
    """An encoder that is more than a torch network over pictures, run as the product runs it."""
    from indexing.compute.encoders import loading
    from indexing.compute.encoders.exported import Engine

    encoder = loading.load(spec.key, device=device, model_dir=model_dir)
    return Engine(lambda pixels: encoder.raw(list(pixels)), encoder.precision, encoder.engine, 8)


def _can_write_below(folder: Path) -> bool:
    """Whether `folder`, or the nearest one above it that exists, may be written to."""
    there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)
    return os.access(there, os.W_OK)


def _multiply_whole_numbers() -> None:
    """fp32 is fp32: not with the shortened numbers that a GPU takes for it by default."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
