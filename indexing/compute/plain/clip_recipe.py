"""How videos are cut for a clip encoder: which clips, which crops, and how a side file says it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from indexing.compute.clips.crops import NUM_CROPS, CropType, views
from indexing.compute.clips.windows import ConsecutiveClips, Pad, Spread
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_specs import ClipSpec

FLOATS_PER_INPUT = 12  # what a convolutional video network keeps at its widest, per number of its input
OWN_SIDE_PX = 720  # of a frame that keeps its own size, at a guess


@dataclass(frozen=True, slots=True)
class ClipRecipe:
    """What decides the features of a video, besides the network: two of one recipe give the same array."""

    num_frames: int  # of a clip
    sampling_rate: int  # every so many-th frame
    num_clips: int | None = None  # None: all of them
    spread: Spread = "first"
    drop_last: bool = False
    pad: Pad = "tile"
    crop_type: CropType = "5-crop"

    @property
    def plan(self) -> ConsecutiveClips:
        """Which frames make up each clip."""
        return ConsecutiveClips(
            self.num_frames, self.sampling_rate, self.num_clips, self.spread, self.drop_last, self.pad
        )


def spec_for(spec: ClipSpec, crop_type: CropType) -> ClipSpec:
    """`spec` so that its frames leave room for crops; a network that sees a crop of them is left as it is.

    One that sees whole square frames gets frames with a short side of 8/7 of its square (256 for 224), of
    which that square is cut; `center` shows it whole frames as always. ValueError where frames have no
    common size.
    """
    if spec.crop_px is not None or crop_type == "center":
        return spec
    if spec.input_px is None:
        raise ValueError(f"{spec.key} takes frames in their own size: there is only --crop-type center")
    side = -(-spec.input_px * 8 // 7)
    return replace(spec, resize="short_side", side_px=side, crop_px=spec.input_px)


class CroppedEncoder:
    """A clip encoder that sees each clip in several crops: (n_clips, n_crops, D) float32, not normalized."""

    def __init__(self, encoder: ClipEncoder, recipe: ClipRecipe) -> None:
        self.encoder, self.recipe = encoder, recipe
        self.num_crops = NUM_CROPS[recipe.crop_type]

    @property
    def width(self) -> int:
        """D."""
        return self.encoder.width

    @property
    def identity(self) -> dict[str, Any]:
        """What features must share to be compared: the network."""
        return {"encoder": self.encoder.key, "weights_sha256": self.encoder.weights_sha256}

    @property
    def settings(self) -> dict[str, Any]:
        """What a side file says of the way the features were made; JSON."""
        recipe = self.recipe
        return {
            "num_frames": recipe.num_frames,
            "sampling_rate": recipe.sampling_rate,
            "num_clips": recipe.num_clips,
            "clip_spread": recipe.spread,
            "drop_last": recipe.drop_last,
            "pad": recipe.pad,
            "crop_type": recipe.crop_type,
            "precision": self.encoder.precision,
        }

    @property
    def preprocessing(self) -> dict[str, Any]:
        """Sizes, filter and normalization of a frame; JSON."""
        spec = self.encoder.spec
        return {
            "color": "RGB",
            "resize": spec.resize,
            "filter": spec.filter,
            "side_px": spec.side_px,
            "crop_px": spec.crop_px,
            "mean": list(spec.mean),
            "std": list(spec.std),
            "scale_255": spec.scale_255,
        }

    def features(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """(N, n_crops, D) of N clips (T, h, w, 3) uint8 of prepared frames; each crop is its own batch."""
        side = self.encoder.spec.crop_px
        if side is None:
            return self.encoder.raw(clips)[:, None]
        cut = [views(clip, self.recipe.crop_type, side) for clip in clips]
        found = [self.encoder.raw([each[i] for each in cut]) for i in range(self.num_crops)]
        return np.stack(found, axis=1)

    def clip_bytes(self) -> int:
        """What one clip of a batch takes, at a guess: its frames, and the network's work on one crop."""
        spec = self.encoder.spec
        side = spec.side_px or OWN_SIDE_PX
        held = self.recipe.num_frames * 3 * side * side * 16 // 9
        return held + FLOATS_PER_INPUT * 4 * 3 * self.recipe.num_frames * (spec.crop_px or side) ** 2
