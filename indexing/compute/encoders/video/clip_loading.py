"""From a key to a clip encoder that is ready. Torch is imported only for the keys that need it."""

from pathlib import Path

from indexing.compute.encoders import loading as images
from indexing.compute.encoders.catalog import BUILTIN
from indexing.compute.encoders.video.clip_catalog import best, file_name_for, spec_of
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_registry import weights_file
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.weights import LocalWeights, Progress, found_or_fetched


def load_clips(
    key: str,
    *,
    device: str = "auto",
    model_dir: Path,
    precision: str | None = None,
    on_progress: Progress | None = None,
) -> ClipEncoder:
    """The clip encoder called `key` (`auto`: the best that is here), its weights found or fetched.

    Never random ones. `device` is auto, cpu or cuda:0. `precision` asks for fp32 or bf16: a set goes on
    as it began.
    """
    spec = spec_of(best(model_dir) if key == "auto" else key, model_dir)
    return load_spec(spec, device=device, model_dir=model_dir, precision=precision, on_progress=on_progress)


def load_spec(
    spec: ClipSpec,
    *,
    weights: LocalWeights | None = None,
    device: str = "auto",
    model_dir: Path,
    precision: str | None = None,
    on_progress: Progress | None = None,
) -> ClipEncoder:
    """The clip encoder of `spec`, perhaps changed by the caller; `weights` take the place of those found."""
    if spec.family == "builtin":
        from indexing.compute.encoders.video.builtin_clip import BuiltinClipEncoder

        return BuiltinClipEncoder(spec, images.load(BUILTIN, model_dir=model_dir))
    if spec.family == "frames":
        from indexing.compute.encoders.video.frames_mean import FramesMean

        image = images.load(
            spec.architecture,
            device=device,
            model_dir=model_dir,
            on_progress=on_progress,
            precision=precision,
        )
        return FramesMean(spec, image)
    from indexing.compute.encoders.video import torch_clips

    weights = weights or find_or_fetch(spec, model_dir, on_progress)
    return torch_clips.load(spec, weights, device=device, cache=model_dir / "exported", precision=precision)


def find_or_fetch(spec: ClipSpec, model_dir: Path, on_progress: Progress | None = None) -> LocalWeights:
    """The weights of `spec`: from the model folder, else fetched into it; WeightsMissing names the file."""
    return found_or_fetched(
        spec, weights_file(spec, model_dir), model_dir, file_name=file_name_for(spec), on_progress=on_progress
    )
