"""What an encoder is: weights, preprocessing, pooling and license as one versioned value."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
POOLINGS = ("own", "mac", "mean", "gem")  # own: what the network itself does before its head
RESIZES = ("bilinear", "bicubic", "area")  # Pillow's filters: they look at every pixel (antialiased)
KEY = re.compile(r"^(?:(?P<family>[a-z]+):)?(?P<name>[^@]{1,140})@(?P<version>[1-9][0-9]{0,3})$")


class EncoderUnknown(LookupError):
    """No encoder has this key."""


class TextNotRead(LookupError):
    """This encoder has no tower for text."""


class WeightsRefused(ValueError):
    """A weights file that is there and cannot be used: damaged, another network, code without consent."""


class WeightsMissing(LookupError):
    """The weights are neither here nor to be had from the network; says which file goes where."""


@dataclass(frozen=True, slots=True)
class Download:
    """Where published weights are, and how the sha256 of the file begins."""

    url: str
    sha256_prefix: str  # publishers put 8 digits into the name; the whole hash is recorded

    @property
    def file_name(self) -> str:
        """The name the file has when it is fetched by hand."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One encoder by its key. Vectors of two keys are never compared."""

    key: str
    title: str
    license: str
    family: str  # builtin, torchvision, timm, openclip, file, script
    architecture: str = ""  # torchvision's or timm's name, "" for a script
    pooling: str = "own"
    input_size: int | None = 224  # side of the square a picture is resized to; None: its own, padded to 32
    resize: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    width: int | None = None  # None: known once its weights are loaded
    file_name: str = ""  # in the model folder, for the families file and script
    download: Download | None = None
    drops: tuple[str, ...] = ()  # further prefixes of keys that a weights file may hold and we do not use
    sha256: str = ""  # the weights file must have this one, when it is given
    has_consent: bool = False  # of the operator, to run the code inside a TorchScript file
    preference: int = 0  # `auto` takes the largest that is there

    @property
    def reads_text(self) -> bool:
        """Whether text has a vector among those of the pictures."""
        return self.family == "openclip" or self.architecture.startswith("openclip:")

    def __post_init__(self) -> None:
        if not KEY.match(self.key):
            raise ValueError(f"an encoder key looks like resnet50-mac@1 or timm:NAME@1, got {self.key!r}")
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {self.pooling!r}")
        if self.resize not in RESIZES:
            raise ValueError(f"resize must be one of {', '.join(RESIZES)}, got {self.resize!r}")
        if self.input_size is not None and not 16 <= self.input_size <= 2048:
            raise ValueError(f"input_size must be 16 to 2048 pixels, or null, got {self.input_size}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"mean and std are three numbers each, std above 0, got {self.mean} and {self.std}"
            )


@dataclass(frozen=True, slots=True)
class EncoderState:
    """Whether an encoder can be used on this machine now, and what to do when it cannot."""

    key: str
    title: str
    is_available: bool
    reason: str  # why not, or which file it uses
    how_to_get: str  # "" when it is available
    width: int | None
    license: str
    preference: int
    can_download: bool

    @classmethod
    def refused(cls, path: Path, reason: str) -> Self:
        """Of a file in the model folder that no encoder can be made of."""
        return cls(
            key=f"file:{path.name}@1",
            title=path.name,
            is_available=False,
            reason=reason,
            how_to_get=reason,
            width=None,
            license="unknown",
            preference=0,
            can_download=False,
        )
