"""The one way from a picture to what a network sees: in training, validation, inference and ONNX alike."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from PIL import Image

from indexing.compute.decoder import Decoder
from indexing.compute.encoders.pictures import FILTERS
from indexing.compute.encoders.specs import IMAGENET_MEAN, IMAGENET_STD
from indexing.compute.media_facts import MediaRefused

CACHE_BYTES = 256 << 20  # of decoded pictures kept in memory: small sets are decoded once
AHEAD = 64  # pictures on their way while a batch is computed

PictureSource = Path | Callable[[], np.ndarray]  # a file, or what gives (H, W, 3) uint8 RGB or MediaRefused


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize and cut on 8-bit RGB by Pillow; (x / 255 - mean) / std is part of the network's graph.

    fit "crop": the shorter side becomes `short_side_px`, then the middle `side_px` x `side_px` is cut out.
    fit "squash": the whole picture becomes `side_px` x `side_px`.
    """

    fit: Literal["crop", "squash"] = "crop"
    short_side_px: int = 256
    side_px: int = 224
    resize: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if self.fit not in ("crop", "squash"):
            raise ValueError(f"fit must be crop or squash, got {self.fit!r}")
        if self.resize not in FILTERS:
            raise ValueError(f"resize must be one of {', '.join(FILTERS)}, got {self.resize!r}")
        if not 16 <= self.side_px <= 2048 or (self.fit == "crop" and self.short_side_px < self.side_px):
            raise ValueError(
                f"side_px must be 16 to 2048 and at most short_side_px, got {self.side_px} of "
                f"{self.short_side_px}"
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"mean and std are three numbers, std above 0, got {self.mean} and {self.std}")

    @property
    def decode_side_px(self) -> int:
        """Pictures may be decoded smaller than they are, down to this short side; everybody does it alike."""
        return self.short_side_px if self.fit == "crop" else max(self.side_px, self.short_side_px)

    def resized(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 with the shorter side at `short_side_px`; a square when squashed."""
        height, width = pixels.shape[:2]
        if self.fit == "squash":
            size = (self.side_px, self.side_px)
        else:
            short = min(height, width)
            # as torchvision's Resize rounds
            size = (int(self.short_side_px * width / short), int(self.short_side_px * height / short))
        if (width, height) == size:
            return np.ascontiguousarray(pixels)
        return np.asarray(Image.fromarray(pixels).resize(size, FILTERS[self.resize]))

    def middle(self, resized: np.ndarray) -> np.ndarray:
        """The middle (side_px, side_px, 3) of a resized picture."""
        top, left = ((side - self.side_px) // 2 for side in resized.shape[:2])
        return resized[top : top + self.side_px, left : left + self.side_px]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """(side_px, side_px, 3) uint8 for a picture (H, W, 3) uint8 RGB of any size."""
        return np.ascontiguousarray(self.middle(self.resized(pixels)))

    def as_json(self) -> dict[str, Any]:
        """What a checkpoint and an ONNX file say of it."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std), "color": "RGB"}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """What `as_json` gave; ValueError or TypeError for anything else."""
        known = {name: value for name, value in said.items() if name != "color"}
        for name in ("mean", "std"):
            known[name] = tuple(float(value) for value in known[name])
        return cls(**known)


class PictureReader:
    """Resized pictures of many sources by number, decoded ahead by `num_workers` limited children.

    A context manager: leaving it ends the children. `num_workers` 0 decodes where it is asked, in one child.
    """

    def __init__(
        self,
        sources: Sequence[PictureSource],
        preprocessing: Preprocessing,
        *,
        num_workers: int = 0,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._sources, self._preprocessing = sources, preprocessing
        self._num_workers, self._bytes_left = num_workers, cache_bytes
        self._cache: dict[int, np.ndarray] = {}
        self._here, self._lock = threading.local(), threading.Lock()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(max(1, self._num_workers), thread_name_prefix="pictures")
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._closing.close()

    def read(self, number: int) -> np.ndarray:
        """The resized picture (H, W, 3) uint8 of source `number`; MediaRefused where it cannot be read."""
        kept = self._cache.get(number)
        if kept is not None:
            return kept
        source = self._sources[number]
        if isinstance(source, Path):
            side = self._preprocessing.decode_side_px
            pixels = self._decoder().image(source, min_side_px=side).pixels
        else:
            pixels = source()
            if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
                raise MediaRefused(
                    "not-a-picture", f"It must be (H, W, 3) uint8, it is {pixels.shape} {pixels.dtype}."
                )
        resized = self._preprocessing.resized(pixels)
        with self._lock:
            if resized.nbytes <= self._bytes_left and number not in self._cache:
                self._bytes_left -= resized.nbytes
                self._cache[number] = resized
        return resized

    def read_many(
        self, numbers: Sequence[int], make: Callable[[int, np.ndarray], np.ndarray]
    ) -> Iterator[np.ndarray | MediaRefused]:
        """`make(number, resized picture)`, or why there is none, for each number in their order."""

        def one(number: int) -> np.ndarray | MediaRefused:
            try:
                return make(number, self.read(number))
            except MediaRefused as refusal:
                return refusal

        if self._num_workers == 0:
            yield from map(one, numbers)
            return
        waiting: list[Future[np.ndarray | MediaRefused]] = []
        left = iter(numbers)
        try:
            for number in left:
                waiting.append(self._pool.submit(one, number))
                if len(waiting) >= AHEAD:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()

    def _decoder(self) -> Decoder:
        decoder = getattr(self._here, "decoder", None)
        if decoder is None:
            decoder = self._here.decoder = Decoder()
            with self._lock:
                self._closing.callback(decoder.close)
        return decoder
