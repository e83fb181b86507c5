"""What a decoder child that reads nothing but photos can be asked: it starts without what reads videos."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute import images
from indexing.compute.media_facts import MediaRefused, Picture

Message = tuple[str, dict[str, Any], Any]


def read_pixels(
    paths: list[str], form: str = "pixels", min_side_px: int | None = None, max_side_px: int | None = None
) -> Iterator[Message]:
    """One result or refusal per path, in their order; the only `form` is pixels."""
    if form != "pixels":
        raise ValueError(f"a decoder of pictures gives pixels, not {form}")
    for path in paths:
        try:
            picture = images.read_image(Path(path), min_side_px=min_side_px, max_side_px=max_side_px)
            facts = facts_of(picture) | {"shape": picture.pixels.shape}
            yield "r", facts, np.ascontiguousarray(picture.pixels)
        except Exception as error:  # what a decoder raises on hostile bytes is not known in advance
            yield refusal(error)
    yield ".", {}, b""


def facts_of(picture: Picture) -> dict[str, Any]:
    """What is told of a photo beside its pixels."""
    return {
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "rotation_degrees": picture.rotation_degrees,
        "notes": picture.notes,
    }


def refusal(error: Exception) -> Message:
    """The message that a file cannot be read, and why."""
    if isinstance(error, MediaRefused):
        return "x", {"code": error.code, "sentence": error.sentence}, b""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        sentence = "The file is no longer where it was. Put it back, or scan its folder again."
        return "x", {"code": "gone", "sentence": sentence}, b""
    if isinstance(error, PermissionError):
        sentence = "The server may not read the file. Change its permissions, then scan again."
        return "x", {"code": "not-readable", "sentence": sentence}, b""
    if isinstance(error, MemoryError):
        return "x", {"code": "too-large", "sentence": "Decoding it takes more memory than is allowed."}, b""
    sentence = f"It cannot be decoded ({type(error).__name__}: {str(error)[:120]}). Copy or export it again."
    return "x", {"code": "damaged", "sentence": sentence}, b""


ANSWERS: dict[str, Callable[..., Iterator[Message]]] = {"images": read_pixels}
