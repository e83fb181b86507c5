"""Photos to upright, opaque 8-bit RGB: six formats, nothing else, and never more than 50 megapixels."""

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, ImageCms

from indexing.compute.media_facts import (
    HEAD_BYTES,
    IMAGE_TYPES,
    MAX_PIXELS,
    MediaFacts,
    MediaRefused,
    Picture,
    check_suffix,
    type_by_content,
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
BACKGROUND = (255, 255, 255)  # what shows through transparent parts; stated in the notes
WINDOW_PERCENTILES = (0.5, 99.5)  # of 16-bit and float pixels, shown as black to white
TURNS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}  # EXIF orientation -> degrees clockwise
# What Pillow is known to raise on damaged files (it promises nothing).
PILLOW_ERRORS = (
    OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, NotImplementedError,
    ArithmeticError, AttributeError, EOFError, MemoryError, AssertionError, RuntimeError,
)  # fmt: skip

Image.MAX_IMAGE_PIXELS = None  # it only warns up to twice its limit; the header is checked here, as an error


def read_image(path: Path, *, min_side_px: int | None = None, max_side_px: int | None = None) -> Picture:
    """The photo at `path`, upright; MediaRefused with a sentence where it cannot be read whole.

    With `min_side_px` (or `max_side_px`) a JPEG is decoded at the smallest of four scales whose
    shorter (longer) side is still at least that: cheaper, and width_px, height_px stay those of the photo.
    """
    data = path.read_bytes()
    kind = type_by_content(data[:HEAD_BYTES])
    if kind not in IMAGE_TYPES:
        raise MediaRefused("not-an-image", f"This is a {kind} video, not an image.")
    notes = check_suffix(path.name, kind)
    if kind == "jpeg":
        picture = _fast_jpeg(data, notes, min_side_px, max_side_px)
        if picture is not None:
            return picture
    return _by_pillow(data, notes, kind)


def identify_image(path: Path) -> MediaFacts:
    """The facts in a photo's header; MediaRefused where there are none."""
    with path.open("rb") as file:
        kind = type_by_content(file.read(HEAD_BYTES))
        check_suffix(path.name, kind)
        file.seek(0)
        image = _open(file, kind)
        turn = _orientation_of(image)
    is_upright = turn < 5 or kind == "tiff"  # Pillow gives a TIFF's size as it will be turned
    width, height = image.size if is_upright else image.size[::-1]
    return MediaFacts("image", kind, kind, width, height, rotation_degrees=TURNS.get(turn, 0))


def check_size(width: int, height: int) -> None:
    """Raise MediaRefused for a picture of no or too many pixels."""
    if width < 1 or height < 1:
        raise MediaRefused(
            "no-pixels", f"The header says {width} x {height} pixels; there is nothing to see."
        )
    if width * height > MAX_PIXELS:
        raise MediaRefused(
            "too-many-pixels",
            f"The header says {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are "
            "read. Scale it down first.",
        )


def jpeg_scale(width: int, height: int, min_side_px: int | None, max_side_px: int | None) -> int:
    """The smallest n of 1, 2, 4, 8 such that a JPEG decoded at n/8 is large enough; 8 if there is none.

    640 x 480 with min_side_px=224 -> 4 (320 x 240); with max_side_px=216 -> 4. The scales between
    have no vector code in libjpeg-turbo: 3/8 takes longer than 4/8.
    """
    if min_side_px is None and max_side_px is None:
        return 8
    have, want = (min(width, height), min_side_px) if min_side_px else (max(width, height), max_side_px or 0)
    return next((n for n in (1, 2, 4) if math.ceil(have * n / 8) >= want), 8)


def _fast_jpeg(
    data: bytes, notes: tuple[str, ...], min_side_px: int | None, max_side_px: int | None
) -> Picture | None:
    """By libjpeg-turbo, or None where Pillow must have a look (CMYK, damage, rare layouts)."""
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if colorspace not in ("YCbCr", "Gray", "RGB"):
        return None
    check_size(width, height)
    n = jpeg_scale(width, height, min_side_px, max_side_px)
    try:
        pixels = simplejpeg.decode_jpeg(
            data, fastdct=n < 8, min_height=math.ceil(height * n / 8), min_width=math.ceil(width * n / 8)
        )
    except ValueError:
        return None
    if b"MPF\x00" in data[:65536]:
        notes = (*notes, "the first of several pictures in the file was taken")
    turn = jpeg_orientation(data)
    if turn > 1:
        pixels = np.ascontiguousarray(turn_upright(pixels, turn))
        width, height = (height, width) if turn >= 5 else (width, height)
    return Picture(pixels, width, height, TURNS.get(turn, 0), notes)


def jpeg_orientation(data: bytes) -> int:
    """The EXIF orientation 1 to 8 in a JPEG's head; 1 where there is none or it makes no sense."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\x00\x00":
            return _tiff_orientation(data[at + 10 : at + 2 + size])
        if marker == 0xDA or size < 2:  # the scan begins: no metadata after it
            return 1
        at += 2 + size
    return 1


def _tiff_orientation(tags: bytes) -> int:
    order = {b"II": "little", b"MM": "big"}.get(tags[:2])
    if order is None:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(tags[at : at + size], "little" if order == "little" else "big")

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + 12 * min(number(first, 2), 500), 12):
        if number(entry, 2) == 0x0112:
            turn = number(entry + 8, 2)
            return turn if 1 <= turn <= 8 else 1
    return 1


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, 3) turned and mirrored as EXIF orientation 1 to 8 asks."""
    turned: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }
    return turned.get(orientation, lambda p: p)(pixels)


def _open(file: io.IOBase, kind: str) -> Image.Image:
    try:
        image = Image.open(file, formats=[kind.upper()])  # type: ignore[arg-type]  # any binary file will do
    except PILLOW_ERRORS as error:
        raise MediaRefused(
            "damaged-header", f"The {kind.upper()} header cannot be read ({_short(error)}). Export it again."
        ) from error
    if image.format not in (*FORMATS, "MPO"):
        raise MediaRefused("unsupported-format", f"This is {image.format}. Save it as JPEG or PNG.")
    check_size(*image.size)
    return image


def _orientation_of(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except PILLOW_ERRORS:  # damaged tags do not spoil the pixels
        return 1


def _by_pillow(data: bytes, notes: tuple[str, ...], kind: str) -> Picture:
    image = _open(io.BytesIO(data), kind)
    turn = _orientation_of(image)
    try:
        num_frames = min(getattr(image, "n_frames", 1), 100_000)
        image.seek(0)
        image.load()
        rgb, more = _to_rgb(image)
    except PILLOW_ERRORS as error:
        raise MediaRefused(
            "damaged-image",
            f"The {kind.upper()} image is cut off or damaged ({_short(error)}); its pixels cannot be "
            "trusted. Copy or export it again.",
        ) from error
    if num_frames > 1:
        more = (f"the first of {num_frames} frames was taken", *more)
    pixels = np.asarray(rgb)
    if turn > 1 and kind != "tiff":  # Pillow turns a TIFF as it loads it, and nothing else
        pixels = turn_upright(pixels, turn)
    pixels = np.ascontiguousarray(pixels)
    return Picture(pixels, pixels.shape[1], pixels.shape[0], TURNS.get(turn, 0), (*notes, *more))


def _to_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Every mode by a stated conversion."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _window(image)
    if mode == "CMYK":
        return _from_cmyk(image)
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        rgb = ImageCms.profileToProfile(image, lab, ImageCms.createProfile("sRGB"), outputMode="RGB")
        return rgb or image.convert("RGB"), ("converted from LAB",)
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getextrema()[0] == 255:
            return rgba.convert("RGB"), ()
        under = Image.new("RGBA", rgba.size, (*BACKGROUND, 255))
        return Image.alpha_composite(under, rgba).convert("RGB"), ("transparent parts are shown over white",)
    return image.convert("RGB"), ()


def _window(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    values = np.asarray(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError("no finite pixel")
    low, high = np.percentile(finite, WINDOW_PERCENTILES)
    scaled = np.nan_to_num((values - low) / max(float(high - low), 1e-9), nan=0.0, posinf=1.0, neginf=0.0)
    gray = Image.fromarray((np.clip(scaled, 0, 1) * 255).round().astype(np.uint8))
    return gray.convert("RGB"), (f"values {low:g} to {high:g} of {image.mode} are shown as black to white",)


def _from_cmyk(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            rgb = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except ImageCms.PyCMSError:
            rgb = None
        if rgb is not None:
            return rgb, ("converted from CMYK by its color profile",)
    return image.convert("RGB"), ("CMYK without a usable color profile: colors are approximate",)


def _short(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.split("<_io")[0].strip(" :,")[:120] or type(error).__name__
