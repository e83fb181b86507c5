"""The lines of a video list and the frames that each names: of a video file, or pictures of a folder."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

from indexing.compute.clips.resampling import nearest_at_rate
from indexing.compute.clips.windows import round_half_up
from indexing.compute.decoder import Decoder
from indexing.compute.files import sha256_of
from indexing.compute.media_facts import Frame, MediaRefused
from indexing.compute.plain.slowfast.config import Config, ConfigRefused
from indexing.compute.sampling import FramePolicy

LIST_NAMES = ("video_list.csv", "vid_list.csv")
EVERY = FramePolicy("every")
NUMBER = re.compile(r"\{(?::0?\d*d)?\}")  # {}, {:d}, {:05d}


def read_list(config: Config) -> list[str]:
    """The lines of the video list, sorted, each once; ConfigRefused where there is none or it is empty."""
    folder = Path(config["DATA.PATH_TO_DATA_DIR"]).expanduser()
    path = next((folder / name for name in LIST_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise ConfigRefused(
            f"there is no {' or '.join(LIST_NAMES)} in {folder} (DATA.PATH_TO_DATA_DIR); it names one video "
            "per line, without its extension"
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigRefused(f"{path} cannot be read as text ({error})") from None
    names = sorted({line.strip() for line in lines} - {""})
    if not names:
        raise ConfigRefused(f"{path} names no video")
    return names


def check_name(name: str) -> None:
    """MediaRefused for a line whose output would lie outside the output folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise MediaRefused("outside", "A line of the list is a path below the folder of the videos.")


@dataclass(slots=True)
class VideoFile:
    """A video, its frames chosen at IN_FPS by their times."""

    path: Path
    frames_per_second: float
    notices: list[str] = field(default_factory=list)
    damage: str = ""  # why frames are missing, known after the last

    def look(self, decoder: Decoder) -> int | None:
        """About how many frames there will be; None where it does not say. MediaRefused for no video."""
        facts = decoder.identify(self.path)
        if facts.kind != "video":
            raise MediaRefused("not-a-video", f"This is a {facts.container} image, not a video.")
        seconds = facts.duration_seconds
        return None if seconds is None else round_half_up(seconds * self.frames_per_second)

    def sha256(self) -> str:
        return sha256_of(self.path)

    def facts(self, decoder: Decoder) -> dict[str, Any]:
        """What side files say of it."""
        facts = decoder.identify(self.path)
        return {
            "source": str(self.path.absolute()),
            "kind": "video",
            "fps": facts.frames_per_second,
            "time_base": f"{facts.time_base_numerator}/{facts.time_base_denominator}",
        }

    def frames(self, decoder: Decoder) -> Iterator[Frame]:
        reading = decoder.frames(self.path, EVERY)
        yield from nearest_at_rate(reading, self.frames_per_second)
        if reading.end is not None:
            self.damage = reading.end.damage
            self.notices += reading.end.notes


@dataclass(slots=True)
class FrameFolder:
    """Pictures of a folder in the order of the numbers in their names, taken to be at IN_FPS."""

    path: Path
    frames_per_second: float
    names: list[str]
    numbers: list[int]
    notices: list[str] = field(default_factory=list)
    damage: str = ""

    def look(self, decoder: Decoder) -> int | None:
        """How many pictures there are; MediaRefused where the first is none."""
        decoder.identify(self.path / self.names[0])
        return len(self.names)

    def sha256(self) -> str:
        """Of the names and contents of all pictures."""
        whole = hashlib.sha256()
        for name in self.names:
            whole.update(f"{name}\0{sha256_of(self.path / name)}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def facts(self, decoder: Decoder) -> dict[str, Any]:
        """What side files say of it; times count pictures at IN_FPS."""
        base = self._time_base
        return {
            "source": str(self.path.absolute()),
            "kind": "frames",
            "num_pictures": len(self.names),
            "fps": self.frames_per_second,
            "time_base": f"{base[0]}/{base[1]}",
        }

    def frames(self, decoder: Decoder) -> Iterator[Frame]:
        base = self._time_base
        for at, name in enumerate(self.names):
            try:
                picture = decoder.image(self.path / name)
            except MediaRefused as refusal:
                raise MediaRefused(refusal.code, f"{name}: {refusal.sentence}") from None
            seconds = at * base[0] / base[1]
            yield Frame(at, at, base, seconds, picture.pixels, is_codec_keyframe=True)

    @property
    def _time_base(self) -> tuple[int, int]:
        base = 1 / Fraction(self.frames_per_second).limit_denominator(1001)
        return base.numerator, base.denominator


Source = VideoFile | FrameFolder


def source_of(name: str, config: Config) -> Source:
    """The frames that a line of the list names; MediaRefused where there are none."""
    check_name(name)
    rate = config["DATA.IN_FPS"]
    if not config["DATA.READ_VID_FILE"]:
        return _folder(config.root / name, rate, config)
    extension = config["DATA.VID_FILE_EXT"]
    for path in (config.root / f"{name}{extension}", config.root / name):
        if path.is_file():
            return VideoFile(path, rate)
    raise MediaRefused(
        "gone", f"There is no file {config.root / name}{extension}. {_other_case(name, config)}"
    )


def _folder(path: Path, rate: float, config: Config) -> FrameFolder:
    if not path.is_dir():
        raise MediaRefused("gone", f"There is no folder {path}. Set DATA.READ_VID_FILE for video files.")
    extension, form = config["DATA.IMG_FILE_EXT"], config["DATA.IMG_FILE_FORMAT"]
    pattern = number_pattern(form)
    pictures = [entry.name for entry in path.iterdir() if entry.name.endswith(extension)]
    found = [(int(fit[1]), name) for name in pictures if (fit := pattern.fullmatch(name))]
    if not found:
        raise MediaRefused(
            "no-frames",
            f"None of its {len(pictures)} files that end in {extension} (DATA.IMG_FILE_EXT) is named like "
            f"{form} (DATA.IMG_FILE_FORMAT).",
        )
    found.sort()
    notices = []
    if len(found) < len(pictures):
        odd = sorted(set(pictures) - {name for _, name in found})
        notices.append(f"{path}: {len(odd)} pictures are not named like {form}: {', '.join(odd[:3])}")
    gaps = found[-1][0] - found[0][0] + 1 - len(found)
    if gaps:
        notices.append(f"{path}: {gaps} numbers are missing between its pictures; they are taken as one run")
    return FrameFolder(path, rate, [name for _, name in found], [number for number, _ in found], notices)


def number_pattern(form: str) -> re.Pattern[str]:
    """What names written by a format like img_{:05d}.jpg match; its group is the number."""
    parts = NUMBER.split(form)
    if len(parts) != 2:
        raise ConfigRefused(f"DATA.IMG_FILE_FORMAT must hold one number like {{:05d}}, got {form!r}")
    return re.compile(f"{re.escape(parts[0])}(\\d+){re.escape(parts[1])}")


def _other_case(name: str, config: Config) -> str:
    """A hint where a file is there under another extension."""
    folder = (config.root / name).parent
    stem = PurePosixPath(name).name
    found = sorted(path.name for path in folder.glob(f"{stem}.*")) if folder.is_dir() else []
    if not found:
        return "DATA.PATH_PREFIX and DATA.VID_FILE_EXT say where it is looked for."
    return f"{found[0]} is there: DATA.VID_FILE_EXT is case-sensitive."
