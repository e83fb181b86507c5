"""What a clip encoder is: a video network's weights, how its clips are cut and prepared, its pooling."""

from dataclasses import dataclass, field
from typing import Any

from indexing.compute.encoders.specs import KEY, Download

KINETICS_MEAN = (0.43216, 0.394666, 0.37645)  # as torchvision's video networks were trained with
KINETICS_STD = (0.22803, 0.22145, 0.216989)
FAMILIES = ("builtin", "frames", "network", "file")
RESIZES = ("own", "square", "short_side")
# antialiased: every pixel counts (Pillow's bilinear). plain: the four nearest do (OpenCV's bilinear).
FILTERS = ("antialiased", "plain", "area")
MAX_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """One clip encoder by its key. Vectors of two keys are never compared.

    A clip is `num_frames` frames, every `sampling_rate`-th of the video. Each frame is resized once:
    "own" keeps its size, "square" makes it side_px x side_px whatever its shape, "short_side" keeps that.
    Then `crop_px` is cut out of the middle, unless the caller has cut its own crops. A network sees
    (x / 255 - mean) / std, or (x - mean) / std where `scale_255` is false.
    """

    key: str
    title: str
    license: str
    family: str  # builtin, frames (mean over an image encoder), network, file (in the model folder)
    architecture: str = ""  # of a network; of frames: the key of the image encoder
    num_frames: int | None = 16  # T; None: any
    sampling_rate: int = 2
    resize: str = "square"
    filter: str = "antialiased"
    side_px: int | None = 224
    crop_px: int | None = None  # None: the whole frame is looked at
    mean: tuple[float, float, float] = KINETICS_MEAN
    std: tuple[float, float, float] = KINETICS_STD
    scale_255: bool = True
    pool: str = "mean"  # mean over time and space; head256 and head224: PySlowFast's head at these crops
    width: int | None = None  # None: known once its weights are loaded
    config: dict[str, Any] = field(default_factory=dict, hash=False)  # what the weights' shapes do not tell
    file_name: str = ""  # in the model folder, for the family file
    published_stems: tuple[str, ...] = ()  # how its publishers' files begin: SLOWFAST_8x8_R50
    download: Download | None = None
    sha256: str = ""  # the weights file must have this one, when it is given
    preference: int = 0  # `auto` takes the largest that is there

    @property
    def stems(self) -> tuple[str, ...]:
        """How the names of files with its weights begin: the key's name, and those of its publishers."""
        name = self.key.rpartition("@")[0].removesuffix("-head256").removesuffix("-head224")
        return (name, *self.published_stems)

    @property
    def input_px(self) -> int | None:
        """Side of the square that the network sees; None where that depends on the video."""
        return self.crop_px or (self.side_px if self.resize == "square" else None)

    @property
    def span_frames(self) -> int | None:
        """How many frames of the video lie between a clip's first frame and the end of its last."""
        return None if self.num_frames is None else self.num_frames * self.sampling_rate

    def __post_init__(self) -> None:
        if not KEY.match(self.key):
            raise ValueError(f"a clip encoder key looks like swin3d-t@1 or file:NAME@1, got {self.key!r}")
        for name, value, known in (
            ("family", self.family, FAMILIES),
            ("resize", self.resize, RESIZES),
            ("filter", self.filter, FILTERS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if self.num_frames is not None and not 1 <= self.num_frames <= MAX_FRAMES:
            raise ValueError(f"num_frames must be 1 to {MAX_FRAMES}, got {self.num_frames}")
        if self.sampling_rate < 1:
            raise ValueError(f"sampling_rate must be at least 1, got {self.sampling_rate}")
        if (self.resize == "own") != (self.side_px is None):
            raise ValueError(
                f"side_px belongs to resize square and short_side, got {self.side_px} with {self.resize}"
            )
        if self.side_px is not None and not 16 <= self.side_px <= 2048:
            raise ValueError(f"side_px must be 16 to 2048 pixels, got {self.side_px}")
        if self.crop_px is not None and not 16 <= self.crop_px <= (self.side_px or 2048):
            raise ValueError(f"crop_px must be 16 to side_px {self.side_px}, got {self.crop_px}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"mean and std are three numbers each, std above 0, got {self.mean} and {self.std}"
            )
