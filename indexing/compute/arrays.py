"""Arrays on disk, named by the sha256 of their file: written once, never changed."""

import hashlib
import io
from pathlib import Path

import numpy as np

from indexing.compute.files import sha256_of, write_beside


class ArrayDamaged(OSError):
    """An array's file is missing or not the one that was written."""


def put_array(folder: Path, array: np.ndarray, *, suffix: str = ".npy") -> str:
    """Put `array` into `folder` as <sha256><suffix>; the sha256. The same array gives the same file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    name = hashlib.sha256(buffer.getbuffer()).hexdigest()
    path = folder / f"{name}{suffix}"
    if not path.is_file():
        with write_beside(path) as file:
            file.write(buffer.getbuffer())
    return name


def open_array(folder: Path, sha256: str, *, suffix: str = ".npy", is_checked: bool = False) -> np.ndarray:
    """The array, memory-mapped; ArrayDamaged unless it is as it was written (`is_checked`: before this)."""
    path = folder / f"{sha256}{suffix}"
    if not path.is_file():
        raise ArrayDamaged(f"{path} is missing")
    if not is_checked and (got := sha256_of(path)) != sha256:
        raise ArrayDamaged(f"{path} is damaged: its sha256 is {got}")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ArrayDamaged(f"{path} is not an array file: {error}") from None
