"""Which clip encoders can be used now: by name, by a file in the model folder, by image encoder. No torch."""

from pathlib import Path

from indexing.compute.encoders import catalog as images
from indexing.compute.encoders.specs import KEY, EncoderState, EncoderUnknown, WeightsRefused
from indexing.compute.encoders.video import clip_registry as registry
from indexing.compute.encoders.video.clip_folder import clip_files, described, is_described
from indexing.compute.encoders.video.clip_registry import weights_file
from indexing.compute.encoders.video.clip_specs import ClipSpec

FRAMES_PER_MEAN, FRAMES_RATE = 8, 4  # of frames:<image encoder>@1: a second of video at 30 frames per second


def spec_of(key: str, model_dir: Path) -> ClipSpec:
    """The clip encoder called `key`, or the one that a file in `model_dir` (or named in full) holds."""
    if key in registry.known_keys():
        return registry.named(key)
    match = KEY.match(key)
    if match and match["family"] == "frames" and match["version"] == "1":
        return _mean_of(key, f"{match['name']}@1", model_dir)
    if match and match["family"] == "file":
        name = match["name"]
        for path in clip_files(model_dir):
            if name in (path.name, path.stem) and is_described(path):
                return described(path)
        path = Path(name)
        if path.is_absolute() and path.is_file():
            return described(path, key=key)
        raise EncoderUnknown(
            f"{key} names a file that is not there: put {name} and its side file {path.stem}.json "
            f"into {model_dir}, or give an absolute path"
        )
    raise EncoderUnknown(
        f"there is no clip encoder {key!r}; there are {', '.join(registry.known_keys())}, and "
        "frames:IMAGE-ENCODER@1, file:NAME@1"
    )


def _mean_of(key: str, image_key: str, model_dir: Path) -> ClipSpec:
    try:
        image = images.spec_of(image_key, model_dir)
    except EncoderUnknown:
        raise EncoderUnknown(f"{key} is the mean over frames of {image_key}, which is unknown") from None
    side = image.input_size
    return ClipSpec(
        key,
        f"Mean of {FRAMES_PER_MEAN} frames: {image.title}",
        image.license,
        "frames",
        architecture=image_key,
        num_frames=FRAMES_PER_MEAN,
        sampling_rate=FRAMES_RATE,
        resize="own" if side is None else "square",
        side_px=side,
        mean=image.mean,
        std=image.std,
        width=image.width,
        preference=image.preference // 10,
    )


def available(model_dir: Path) -> list[EncoderState]:
    """Every clip encoder we can name and whether it can be used now: by name, by file, by image encoder."""
    states = [state_of(registry.named(key), model_dir) for key in registry.known_keys()]
    for path in filter(is_described, clip_files(model_dir)):
        try:
            states.append(state_of(described(path), model_dir))
        except WeightsRefused as error:
            states.append(EncoderState.refused(path, str(error)))
    for image in images.available(model_dir):
        key = f"frames:{image.key.removesuffix('@1')}@1"
        if image.is_available and image.key.endswith("@1") and KEY.match(key):
            states.append(state_of(spec_of(key, model_dir), model_dir))
    return states


def best(model_dir: Path) -> str:
    """The key that `auto` stands for: the most preferred clip encoder whose weights are here."""
    usable = [state for state in available(model_dir) if state.is_available]
    return max(usable, key=lambda state: state.preference).key


def title_of(key: str, model_dir: Path) -> str:
    """The clip encoder's title for pages; the key itself for one that is gone."""
    try:
        return spec_of(key, model_dir).title
    except (EncoderUnknown, WeightsRefused):
        return key


def state_of(spec: ClipSpec, model_dir: Path) -> EncoderState:
    """Whether the clip encoder of `spec` can be used now, and what to do when it cannot."""
    how_to_get = ""
    if spec.family == "builtin":
        is_available, reason = True, "always there; needs no download"
    elif spec.family == "frames":
        image = images.state_of(images.spec_of(spec.architecture, model_dir), model_dir)
        is_available, reason, how_to_get = image.is_available, image.reason, image.how_to_get
    elif path := weights_file(spec, model_dir):
        is_available, reason = True, f"uses {path.name}"
    else:
        is_available, reason = False, f"its weights are not in {model_dir}"
        how_to_get = f"Put its weights into {model_dir} as {file_name_for(spec)}"
        if spec.download:
            how_to_get += f", from {spec.download.url}; or choose it, and it is fetched from there."
        else:
            named = f", or under its publisher's name, {spec.stems[1]}" if spec.published_stems else ""
            how_to_get += f"{named}."
    return EncoderState(
        key=spec.key,
        title=spec.title,
        is_available=is_available,
        reason=reason,
        how_to_get=how_to_get,
        width=spec.width,
        license=spec.license,
        preference=spec.preference,
        can_download=spec.download is not None,
    )


def file_name_for(spec: ClipSpec) -> str:
    """The name under which the weights of `spec` are looked for first."""
    if spec.download:
        return spec.download.file_name
    return spec.file_name or f"{spec.stems[0]}.pth"
