"""Photos: upright, opaque, 8 bits, and nothing but six formats."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexing.compute.images import identify_image, jpeg_scale, read_image
from indexing.compute.media_facts import MediaRefused, check_suffix, type_by_content

CORNERS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "yellow": (220, 220, 30)}


def four_corners(width: int = 96, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, yellow bottom right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    halves = (
        (slice(0, height // 2), slice(height // 2, None)),
        (slice(0, width // 2), slice(width // 2, None)),
    )
    for color, (row, column) in zip(CORNERS.values(), ((0, 0), (0, 1), (1, 0), (1, 1)), strict=True):
        pixels[halves[0][row], halves[1][column]] = color
    return Image.fromarray(pixels)


def names_of(pixels: np.ndarray) -> list[str]:
    """The colors at top left, top right, bottom left, bottom right."""
    y, x = pixels.shape[0] // 4, pixels.shape[1] // 4
    spots = [pixels[y, x], pixels[y, -x], pixels[-y, x], pixels[-y, -x]]
    return [
        min(CORNERS, key=lambda name, spot=spot: int(np.abs(spot.astype(int) - CORNERS[name]).sum()))
        for spot in spots
    ]


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_all_six_formats_are_read(tmp_path, format_):
    path = tmp_path / f"picture.{format_.lower()}"
    four_corners().save(path, format=format_)
    picture = read_image(path)
    assert picture.pixels.shape == (64, 96, 3)
    assert names_of(picture.pixels) == list(CORNERS)
    facts = identify_image(path)
    assert (facts.container, facts.width_px, facts.height_px) == (format_.lower(), 96, 64)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path, format_, orientation):
    upright = four_corners()
    stored = upright.transpose(_UNDO[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{format_.lower()}"
    stored.save(path, format=format_, exif=exif)
    picture = read_image(path)
    assert names_of(picture.pixels) == list(CORNERS)
    assert (picture.width_px, picture.height_px) == (96, 64)
    facts = identify_image(path)
    assert (facts.width_px, facts.height_px) == (96, 64)


# What a camera stores so that the EXIF turn makes it upright: the inverse of each turn.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_a_jpeg_is_decoded_smaller_when_less_is_enough(tmp_path):
    path = tmp_path / "large.jpg"
    four_corners(1600, 1200).save(path, quality=95)
    picture = read_image(path, min_side_px=224)
    assert picture.pixels.shape == (300, 400, 3)
    assert (picture.width_px, picture.height_px) == (1600, 1200)
    assert names_of(picture.pixels) == list(CORNERS)
    whole = np.asarray(Image.open(path).resize((400, 300), Image.Resampling.BOX)).astype(int)
    assert np.abs(picture.pixels.astype(int) - whole).mean() < 2
    assert jpeg_scale(640, 480, 224, None) == 4
    assert jpeg_scale(640, 480, None, 216) == 4
    assert jpeg_scale(64, 48, 224, None) == 8


def test_transparency_lies_over_white_and_is_said(tmp_path):
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.save(tmp_path / "clear.png")
    picture = read_image(tmp_path / "clear.png")
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert picture.pixels[4, 4].tolist() == [255, 255, 255]
    assert picture.notes == ("transparent parts are shown over white",)
    palette = image.convert("P")
    palette.save(tmp_path / "palette.gif", transparency=palette.getpixel((4, 4)))
    assert read_image(tmp_path / "palette.gif").pixels[4, 4].tolist() == [255, 255, 255]


def test_sixteen_bits_are_windowed_and_the_window_is_said(tmp_path):
    ramp = np.linspace(1000, 3000, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    picture = read_image(tmp_path / "deep.png")
    assert picture.pixels.min() == 0
    assert picture.pixels.max() == 255
    assert picture.notes[0].startswith("values 10")


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB", "F", "YCbCr", "I;16", "LA"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    source = four_corners()
    if mode == "LAB":
        image = Image.frombytes("LAB", source.size, source.tobytes())
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(source.convert("L")).astype(np.uint16) * 200)
    else:
        image = source.convert(mode)
    path = tmp_path / "mode.tiff"
    image.save(path, format="TIFF", compression="jpeg" if mode == "YCbCr" else None)
    pixels = read_image(path).pixels
    assert pixels.shape == (64, 96, 3)
    assert pixels.dtype == np.uint8


def test_fifty_megapixels_are_refused_by_the_header_alone(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(MediaRefused, match="60000 x 60000 pixels; at most 50 megapixels") as refused:
        read_image(path)
    assert refused.value.code == "too-many-pixels"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_cut_off_image_is_refused_with_what_to_do(tmp_path, format_):
    whole = io.BytesIO()
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (64, 96, 3), np.uint8)).save(whole, format=format_)
    path = tmp_path / f"cut.{format_.lower()}"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) * 2 // 3])
    with pytest.raises(MediaRefused, match="xport it again"):
        read_image(path)


def test_an_animation_gives_its_first_frame_and_says_so(tmp_path):
    frames = [Image.new("RGB", (8, 8), (50 * k, 0, 0)) for k in range(1, 5)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    picture = read_image(tmp_path / "moving.gif")
    assert picture.pixels[0, 0].tolist() == [50, 0, 0]
    assert picture.notes == ("the first of 4 frames was taken",)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "no bytes"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "zip"),
        (b"\x00\x00\x00\x1cftypavif", "AVIF"),
        (b"\x00\x00\x00\x1cftypheic", "HEIC"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"\x00\x00\x01\xba", "MPEG program stream"),
        (b"hello, world", "neither an image nor a video"),
    ],
)
def test_what_is_not_taken_is_named(head, says):
    with pytest.raises(MediaRefused, match=says):
        type_by_content(head)


def test_a_suffix_must_agree_where_it_matters():
    assert check_suffix("a.jpg", "jpeg") == check_suffix("noname", "png") == ()
    assert check_suffix("a.png", "jpeg") == ("named .png, but is JPEG",)
    with pytest.raises(MediaRefused, match=r"ends in \.mp4, but the content is avi"):
        check_suffix("a.mp4", "avi")
    with pytest.raises(MediaRefused, match="MPO"):
        check_suffix("a.mpo", "jpeg")


def test_real_orientations_and_colors(shared_data):
    folder: Path = shared_data / "bad_media" / "odd_but_valid"
    turns = {
        name: read_image(folder / f"hopper_orientation_{name}").pixels for name in ("3.jpg", "6.jpg", "8.jpg")
    }
    first = turns["3.jpg"].astype(int)
    for pixels in turns.values():  # one photo, stored three ways
        assert np.abs(pixels.astype(int) - first).mean() < 12
