"""Feature files: .npy with one vector (D,) or several rows (R, D), made by anybody, read with care."""

import os
from pathlib import Path

import numpy as np


class FeaturesRefused(ValueError):
    """A file that is not features: a stable code, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def read_shape(path: Path) -> tuple[int, int]:
    """(rows, D) of a feature file by its header alone; FeaturesRefused for what is none."""
    return _shape(_mapped(path), path)


def read_clip_shape(path: Path) -> tuple[int, int, int]:
    """(n_clips, n_crops, D) of a file of cropped clips by its header; FeaturesRefused for what is none."""
    mapped = _mapped(path)
    if getattr(mapped, "ndim", 0) != 3 or mapped.dtype.kind not in "fiu" or 0 in mapped.shape[1:]:
        raise FeaturesRefused("wrong-shape", f"{path} must be (clips, crops, D) of numbers.")
    return mapped.shape[0], mapped.shape[1], mapped.shape[2]


def read_inspected(path: Path) -> np.ndarray:
    """(R, D), or (n_clips, n_crops, D) where a file holds that; finite float32. Else FeaturesRefused."""
    if getattr(_mapped(path), "ndim", 0) != 3:
        return read_features(path)
    shape = read_clip_shape(path)
    return _finite(np.ascontiguousarray(_mapped(path), np.float32), path).reshape(shape)


def read_features(path: Path) -> np.ndarray:
    """(R, D) float32, finite; one vector (D,) is one row. FeaturesRefused for anything else."""
    mapped = _mapped(path)
    shape = _shape(mapped, path)
    return _finite(np.ascontiguousarray(mapped, np.float32), path).reshape(shape)


def _finite(rows: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(rows).all():
        raise FeaturesRefused("not-finite", f"{path} holds NaN or infinity. Extract its features again.")
    return rows


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FeaturesRefused("gone", f"{path} does not exist.") from None
    except (ValueError, EOFError, OSError) as error:
        raise FeaturesRefused(*_why(path, error)) from None


def _why(path: Path, error: Exception) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError:
        return "not-readable", f"{path} cannot be read ({error})."
    if head.startswith(b"\x80") or b"'|O'" in head:
        return "pickled", f"{path} holds pickled objects, which would run as code. Save plain numbers."
    if not head.startswith((b"\x93NUMPY", b"PK")):
        return "not-npy", f"{path} is not a .npy file."
    return "damaged", f"{path} is cut short or damaged ({error})."


def _shape(array: np.ndarray, path: Path) -> tuple[int, int]:
    if not isinstance(array, np.ndarray):
        raise FeaturesRefused("not-npy", f"{path} is an archive of arrays (.npz); give one .npy per file.")
    if array.dtype.kind not in "fiu":
        raise FeaturesRefused("not-numbers", f"{path} holds {array.dtype}, not numbers.")
    if array.ndim not in (1, 2) or 0 in array.shape[-1:]:
        raise FeaturesRefused("wrong-shape", f"{path} must be (D,) or (rows, D), it is {array.shape}.")
    return (1, array.shape[0]) if array.ndim == 1 else (array.shape[0], array.shape[1])


class QuickReader:
    """Reads many feature files made by one writer: a header seen before is not parsed again."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[tuple[int, int], np.dtype]] = {}

    def rows(self, path: str) -> np.ndarray:
        """(R, D) float32, as `read_features`, but not looked through for numbers that are not finite."""
        try:
            content = _bytes_of(path)
        except OSError as error:
            raise FeaturesRefused("gone", f"{path} cannot be read ({error.strerror}).") from None
        head = content[: 10 + int.from_bytes(content[8:10], "little")]
        known = self._known.get(head)
        if known is not None:
            shape, dtype = known
            if len(content) == len(head) + shape[0] * shape[1] * dtype.itemsize:
                rows = np.frombuffer(content, dtype, offset=len(head)).reshape(shape)
                return rows.astype(np.float32, copy=False)
        found = _mapped(Path(path))
        shape = _shape(found, Path(path))
        if content[6:8] == b"\x01\x00" and found.flags.c_contiguous:
            self._known[head] = shape, found.dtype
        return np.ascontiguousarray(found, np.float32).reshape(shape)


def _bytes_of(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)
