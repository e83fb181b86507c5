"""A slowfast_feature_extractor YAML with what the command line says over it, checked key by key."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from indexing.compute.clips.windows import CenteredWindows, sparse
from indexing.compute.encoders.video.slow_family import slow_frames
from indexing.compute.plain.slowfast.keys import GROUPS_WITHOUT_EFFECT, KEYS, WITHOUT_EFFECT, Key

MAX_BYTES = 1 << 20  # of a YAML: theirs have 2 kB


class ConfigRefused(ValueError):
    """A configuration that cannot be run; the sentence names the key and what was expected."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a YAML says: a value for every key of `KEYS`, which were given, and which have no effect."""

    values: Mapping[str, Any]
    given: frozenset[str]
    without_effect: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def plan(self) -> CenteredWindows:
        """Which frames each row sees, of the frames at IN_FPS."""
        step = self["DATA.IN_FPS"] / self["DATA.OUT_FPS"] * self["WINDOW.RATE"]
        num_frames, padding = self["DATA.NUM_FRAMES"], self["WINDOW.PADDING"]
        if self["SPARSE"]:
            return sparse(num_frames, step, padding)
        stride, offset, anchor = (self[f"WINDOW.{name}"] for name in ("STRIDE", "OFFSET", "ANCHOR"))
        return CenteredWindows(num_frames, step, stride, offset, anchor, padding)

    @property
    def pool(self) -> str:
        """head256 or head224: POOL, else what CROP_SIZE means (its kernel is CROP_SIZE // 32)."""
        if self["POOL"]:
            return str(self["POOL"])
        crop = self["DATA.CROP_SIZE"]
        cells = [side // 32 for side in self["DATA.SAMPLE_SIZE"]]
        if crop is None or all(crop // 32 == each for each in cells):
            return "head256"
        if crop // 32 == 7:
            return "head224"
        raise ConfigRefused(
            f"DATA.CROP_SIZE must be {self['DATA.SAMPLE_SIZE'][0]} (mean over all places) or 224 (windows of "
            f"7 x 7 places), got {crop}"
        )

    @property
    def root(self) -> Path:
        """The folder that the lines of the list are relative to: PATH_PREFIX, else PATH_TO_DATA_DIR."""
        return Path(self["DATA.PATH_PREFIX"] or self["DATA.PATH_TO_DATA_DIR"]).expanduser()

    @property
    def output_dir(self) -> Path:
        return Path(self["OUTPUT_DIR"]).expanduser()


def read(path: Path, opts: Sequence[str] = (), more: Mapping[str, Any] | None = None) -> Config:
    """The YAML at `path`, with KEY VALUE pairs over it, and what the flags of the command say over both.

    ConfigRefused for an unknown key (naming the nearest), a value of the wrong kind, or values at odds.
    """
    try:
        content = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        raise ConfigRefused(f"{path} cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ConfigRefused(f"{path} is larger than a configuration is ({MAX_BYTES} bytes)")
    try:
        tree = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigRefused(f"{path} is no YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(tree, dict):
        raise ConfigRefused(f"{path} must hold keys with values, it holds {type(tree).__name__}")
    return checked({**_flat(tree), **_pairs(opts), **(more or {})})


def checked(said: Mapping[str, Any]) -> Config:
    """The configuration that flat keys (DATA.NUM_FRAMES) say; ConfigRefused as in `read`."""
    values = {name: key.default for name, key in KEYS.items()}
    without_effect = []
    for name, value in said.items():
        if name in KEYS:
            values[name] = _value(name, KEYS[name], value)
        elif name in WITHOUT_EFFECT or name.partition(".")[0] in GROUPS_WITHOUT_EFFECT:
            without_effect.append(name)
        else:
            raise ConfigRefused(f"there is no key {name}{_nearest(name)}")
    config = Config(values, frozenset(said) & frozenset(KEYS), tuple(sorted(without_effect)))
    _check(config)
    return config


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """{"DATA": {"MEAN": 1}} -> {"DATA.MEAN": 1}"""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _pairs(opts: Sequence[str]) -> dict[str, Any]:
    if len(opts) % 2:
        raise ConfigRefused(f"--opts are pairs of KEY VALUE, got {len(opts)} words: {' '.join(opts)}")
    try:
        return {name: yaml.safe_load(value) for name, value in zip(opts[::2], opts[1::2], strict=True)}
    except yaml.YAMLError as error:
        raise ConfigRefused(f"a value of --opts cannot be read: {' '.join(str(error).split())}") from None


def _nearest(name: str) -> str:
    """, did you mean DATA.NUM_FRAMES?"""
    known = [*KEYS, *WITHOUT_EFFECT]
    found = difflib.get_close_matches(name, known, 1, 0.6) or [
        each for each in known if each.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    return f"; did you mean {found[0]}?" if found else f"; keys with an effect are {', '.join(KEYS)}"


def _value(name: str, key: Key, value: Any) -> Any:
    """The value as its kind; ConfigRefused says what was expected."""
    try:
        found = _READ[key.kind](value)
    except (TypeError, ValueError):
        raise ConfigRefused(f"{name} must be {_WORDS[key.kind]}, got {value!r}") from None
    if key.choices and found not in key.choices:
        raise ConfigRefused(f"{name} must be {' or '.join(map(str, key.choices))}, got {value!r}")
    if key.kind == "lists" and {tuple(sorted(set(stage))) for stage in found} - set(key.default):
        raise ConfigRefused(f"{name} must be {list(map(list, key.default))}, got {value!r}")
    return found


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise TypeError
    return str(value)


def _three(value: Any) -> tuple[float, ...]:
    found = tuple(map(_number, value))
    if len(found) != 3:
        raise ValueError
    return found


def _size(value: Any) -> tuple[int, int]:
    """[width, height]; one number is a square."""
    sides = [value, value] if isinstance(value, int) else list(value)
    width, height = map(_whole, sides)
    return width, height


def _lists(value: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(_whole, each)) for each in value)


_READ: dict[str, Any] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "text": _text,
    "choice": _text,
    "floats": _three,
    "size": _size,
    "lists": _lists,
}
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "text": "text",
    "choice": "a name",
    "floats": "three numbers, for red, green and blue",
    "size": "a side, or [width, height], in pixels",
    "lists": "a list of lists of whole numbers",
}


def _check(config: Config) -> None:
    """ConfigRefused for values that make no sense, alone or together."""
    for name in ("DATA.NUM_FRAMES", "DATA.IN_FPS", "DATA.OUT_FPS", "WINDOW.RATE", "TEST.BATCH_SIZE"):
        if not 0 < config[name] < 1e6:
            raise ConfigRefused(f"{name} must be above 0, got {config[name]}")
    for name in ("SLOWFAST.ALPHA", "WINDOW.STRIDE"):
        if config[name] < 1:
            raise ConfigRefused(f"{name} must be at least 1, got {config[name]}")
    if config["WINDOW.OFFSET"] < 0:
        raise ConfigRefused(f"WINDOW.OFFSET must be at least 0, got {config['WINDOW.OFFSET']}")
    if min(config["DATA.STD"]) <= 0:
        raise ConfigRefused(f"DATA.STD must be above 0, got {config['DATA.STD']}")
    width, height = config["DATA.SAMPLE_SIZE"]
    if not 32 <= min(width, height) <= max(width, height) <= 2048:
        raise ConfigRefused(f"DATA.SAMPLE_SIZE must be 32 to 2048 px, got {width} x {height}")
    crop = config["DATA.TEST_CROP_SIZE"]
    if crop is not None and (width, height) != (crop, crop):
        raise ConfigRefused(
            f"DATA.TEST_CROP_SIZE {crop} must equal DATA.SAMPLE_SIZE {width} x {height}: nothing is cropped"
        )
    is_slowfast = config["MODEL.ARCH"] == "slowfast"
    if is_slowfast != (config["MODEL.MODEL_NAME"] == "SlowFast") and "MODEL.MODEL_NAME" in config.given:
        raise ConfigRefused(
            f"MODEL.ARCH {config['MODEL.ARCH']} is a {'SlowFast' if is_slowfast else 'ResNet'}, and "
            f"MODEL.MODEL_NAME says {config['MODEL.MODEL_NAME']}"
        )
    if is_slowfast:
        try:
            slow_frames(config["DATA.NUM_FRAMES"], config["SLOWFAST.ALPHA"])
        except ValueError as error:
            raise ConfigRefused(f"DATA.NUM_FRAMES and SLOWFAST.ALPHA: {error}") from None
    if not config["TEST.ENABLE"]:
        raise ConfigRefused("TEST.ENABLE is False, so there is nothing to do; set it to True")
    if config["SPARSE"] and {"WINDOW.STRIDE", "WINDOW.OFFSET"} & config.given:
        raise ConfigRefused("SPARSE is a stride of 32 from frame 16: give it, or WINDOW.STRIDE and .OFFSET")
    _ = config.pool
