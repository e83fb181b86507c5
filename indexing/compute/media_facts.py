"""What is known of a media file before and after it is decoded, and why it may be refused."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

MAX_PIXELS = 50_000_000  # of one picture; 150 MB as RGB, about what a 50-megapixel camera makes
HEAD_BYTES = 64  # enough for every signature below

type_of_suffix = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "jpeg"),
    **dict.fromkeys(("tif", "tiff"), "tiff"),
    **dict.fromkeys(("mp4", "mov", "m4v", "3gp", "3g2", "qt"), "mp4"),
    **dict.fromkeys(("mkv", "webm"), "matroska"),
    **dict.fromkeys(("ts", "m2ts", "mts"), "mpegts"),
    **{name: name for name in ("png", "webp", "bmp", "gif", "avi", "mpo", "avif")},
}
IMAGE_TYPES = frozenset({"jpeg", "png", "webp", "bmp", "tiff", "gif"})
VIDEO_TYPES = frozenset({"mp4", "matroska", "avi", "mpegts"})
ACCEPTED = (
    "Accepted are JPEG, PNG, WebP, BMP, TIFF and GIF images, and mp4/mov, mkv/webm, avi and mpegts videos"
)
HEIF_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"hevc": "HEIC"}
KNOWN_BUT_REFUSED = (  # signature -> what it is and what to do
    (b"%PDF", "a PDF document", "Export its pages as PNG"),
    (b"PK\x03\x04", "a zip archive", "Give it as an upload, or unpack it into the folder"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"Rar!", "a RAR archive", "Unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first"),
    (b"\x00\x00\x01\xba", "an MPEG program stream (.mpg)", "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4"),
    (b"\x00\x00\x01\xb3", "a bare MPEG video stream", "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4"),
    (b"FLV\x01", "a Flash video", "Convert it: ffmpeg -i FILE -c copy OUT.mp4"),
    (b"\x30\x26\xb2\x75", "a Windows Media file", "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4"),
    (b"OggS", "an Ogg file", "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4"),
    (b"8BPS", "a Photoshop document", "Export it as PNG or TIFF"),
    (b"ffconcat", "a playlist", "Give the files it names"),
    (b"#EXTM3U", "a playlist", "Give the files it names"),
    (b"<?xml", "an XML or SVG document", "Export the drawing as PNG"),
    (b"<svg", "an SVG drawing", "Export it as PNG"),
)


class MediaRefused(ValueError):
    """A file that is not taken in: a stable code, and a sentence for the person who gave it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.code, self.sentence)


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as it is looked at: turned upright, opaque, 8 bits."""

    pixels: np.ndarray  # (H, W, 3) uint8 RGB, perhaps smaller than width_px x height_px
    width_px: int  # of the whole photo, upright
    height_px: int
    rotation_degrees: int = 0  # clockwise, applied
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_pixels(self.pixels)


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a file says of itself; sizes are as displayed, after its rotation."""

    kind: Literal["image", "video"]
    container: str  # jpeg, png, ... or mp4, matroska, avi, mpegts
    codec: str
    width_px: int
    height_px: int
    rotation_degrees: int = 0  # clockwise, to be applied to what the decoder gives
    duration_seconds: float | None = None
    num_declared_frames: int | None = None  # never trusted: Matroska says nothing, others lie
    time_base_numerator: int = 1
    time_base_denominator: int = 1
    frames_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video, named by (file, pts)."""

    number: int | None  # in presentation order from 0; None where not all frames were decoded
    pts: int  # in units of time_base
    time_base: tuple[int, int]
    pts_seconds: float
    pixels: np.ndarray  # (H, W, 3) uint8 RGB, upright
    is_codec_keyframe: bool

    def __post_init__(self) -> None:
        check_pixels(self.pixels)


@dataclass(frozen=True, slots=True)
class ReadingEnd:
    """How the decoding of a video went, known once its last frame was given."""

    num_decoded: int
    num_declared: int | None
    is_counted: bool  # every frame was decoded, so num_decoded is the video's number of frames
    is_variable_rate: bool
    damage: str = ""  # a sentence when frames are missing or damaged
    notes: tuple[str, ...] = ()


def check_pixels(pixels: np.ndarray) -> None:
    """Raise ValueError unless these are RGB pixels of one picture."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}")


def type_by_content(head: bytes) -> str:
    """The type of a file by its first bytes (one of IMAGE_TYPES or VIDEO_TYPES); else MediaRefused."""
    if not head:
        raise MediaRefused("empty", "The file has no bytes. Copy or export it again.")
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "tiff"
    if head.startswith(b"BM"):
        return "bmp"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[4:8] == b"ftyp":
        return _iso_type(head[8:12])
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head[:1] == b"\x47" or head[4:5] == b"\x47":
        return "mpegts"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, what, advice in KNOWN_BUT_REFUSED:
        if text.startswith(signature):
            raise MediaRefused("unsupported-format", f"This is {what}. {ACCEPTED}. {advice}.")
    raise MediaRefused(
        "unknown-format", f"This is neither an image nor a video that can be read. {ACCEPTED}."
    )


def _iso_type(brand: bytes) -> str:
    if brand in (b"avif", b"avis"):
        raise MediaRefused(
            "unsupported-format", f"This is an AVIF image. {ACCEPTED}. Save it as JPEG or PNG."
        )
    if brand in HEIF_BRANDS:
        what = HEIF_BRANDS[brand]
        raise MediaRefused(
            "unsupported-format", f"This is a {what} image. {ACCEPTED}. Save it as JPEG or PNG."
        )
    return "mp4"


def check_suffix(name: str, found: str) -> tuple[str, ...]:
    """Notes on a name whose suffix belies the content; MediaRefused where that is not harmless.

    A photo saved under another photo's suffix is common and harmless. A video that is not what
    its name says has been tampered with, or is broken.
    """
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    said = type_of_suffix.get(suffix)
    if said is None or said == found:
        return ()
    if said in ("mpo", "avif"):
        raise MediaRefused(
            "unsupported-format",
            f"This is {said.upper()}, named .{suffix}. {ACCEPTED}. Save it as JPEG or PNG.",
        )
    if {said, found} <= IMAGE_TYPES:
        return (f"named .{suffix}, but is {found.upper()}",)
    raise MediaRefused(
        "wrong-suffix",
        f"The name ends in .{suffix}, but the content is {found}. If that is right, correct the suffix.",
    )
