"""The encoders we know by name, what lies in the model folder, and which can be used now. No torch."""

from importlib.util import find_spec
from pathlib import Path

from indexing.compute.encoders import registry
from indexing.compute.encoders.folder import described, is_named_after, weight_files, weights_file
from indexing.compute.encoders.specs import (
    KEY,
    Download,
    EncoderSpec,
    EncoderState,
    EncoderUnknown,
    WeightsRefused,
)
from indexing.compute.encoders.video.clip_registry import is_clip_file

BUILTIN = "builtin@1"
_BSD = "BSD-3-Clause (torchvision)"
_PUBLISHED = {  # name -> the published file of its ImageNet weights; the digits are how its sha256 begins
    "resnet50": "resnet50-11ad3fa6.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet101": "resnet101-cd907fc2.pth",
    "mobilenet_v2": "mobilenet_v2-7ebf99e0.pth",
    "mobilenet_v3_large": "mobilenet_v3_large-5c1a4163.pth",
    "efficientnet_b0": "efficientnet_b0_rwightman-7f5810bc.pth",
    "convnext_tiny": "convnext_tiny-983f1562.pth",
    "swin_t": "swin_t-704ceda3.pth",
    "vit_b_16": "vit_b_16-c867db91.pth",
}
_OPEN_CLIP = {  # name -> (file of its weights, width); the digits are how its sha256 begins
    "ViT-B-32-quickgelu": ("vit_b_32-quickgelu-laion400m_e32-46683a32.pt", 512),
    "ViT-B-16": ("vit_b_16-laion400m_e32-55e67d44.pt", 512),
    "ViT-L-14": ("vit_l_14-laion400m_e32-3d133497.pt", 768),
}
_OPEN_CLIP_FILES = "https://github.com/mlfoundations/open_clip/releases/download/v0.2-weights/"
_WIDTHS = {
    "resnet50": 2048,
    "resnet18": 512,
    "resnet34": 512,
    "resnet101": 2048,
    "mobilenet_v2": 1280,
    "mobilenet_v3_large": 1280,
    "efficientnet_b0": 1280,
    "convnext_tiny": 768,
    "swin_t": 768,
    "vit_b_16": 768,
}


def _published(name: str) -> Download:
    file_name = _PUBLISHED[name]
    prefix = file_name.rsplit("-", 1)[-1].removesuffix(".pth")
    return Download(f"https://download.pytorch.org/models/{file_name}", prefix)


def _register_all() -> None:
    title = "Built-in descriptor (shapes and colors; learned from no photo)"
    registry.register(
        EncoderSpec(BUILTIN, title, "MIT", "builtin", input_size=128, resize="area", width=1024)
    )
    for pooling, words, preference in (("mac", "maximum", 82), ("mean", "mean", 80), ("gem", "GeM", 81)):
        for size, tail in ((224, ""), (448, "-448"), (None, "-native")):
            registry.register(
                EncoderSpec(
                    f"resnet50-{pooling}{tail}@1",
                    f"ResNet-50, ImageNet, {words} over positions, "
                    + (f"{size} px" if size else "own size padded to 32"),
                    _BSD,
                    "torchvision",
                    architecture="resnet50",
                    pooling=pooling,
                    input_size=size,
                    width=2048,
                    download=_published("resnet50"),
                    # At its own size every picture is a batch of its own; 448 px costs four times 224 px.
                    preference=preference if size == 224 else 10,
                )
            )
    for name, width in _WIDTHS.items():
        registry.register(
            EncoderSpec(
                f"torchvision:{name}@1",
                f"{name} (torchvision, ImageNet)",
                _BSD,
                "torchvision",
                architecture=name,
                width=width,
                download=_published(name),
                preference=50,
            )
        )
    for name, (file_name, width) in _OPEN_CLIP.items():
        prefix = file_name.removesuffix(".pt").rsplit("-", 1)[-1]
        registry.register(
            EncoderSpec(
                f"openclip:{name}@1",
                f"CLIP {name} (OpenCLIP, LAION-400M; reads text)",
                "MIT (open_clip)",
                "openclip",
                architecture=name,
                width=width,
                download=Download(_OPEN_CLIP_FILES + file_name, prefix),
                preference=60,
            )
        )


_register_all()


def spec_of(key: str, model_dir: Path) -> EncoderSpec:
    """The encoder called `key`, or the one that a file in `model_dir` (or named in full) holds."""
    match = KEY.match(key)
    if match and match["family"] in ("file", "script"):
        name = match["name"]
        for path in weight_files(model_dir):
            if name in (path.name, path.stem):
                return described(path)
        path = Path(name)
        if path.is_absolute() and path.is_file():
            return described(path, key=key)
        raise EncoderUnknown(
            f"{key} names a file that is not there: put {name} and its side file {path.stem}.json "
            f"into {model_dir}, or give an absolute path"
        )
    return registry.spec(key)


def available(model_dir: Path) -> list[EncoderState]:
    """Every encoder we can name and whether it can be used now: those by name, then the folder's."""
    states = [state_of(registry.spec(key), model_dir) for key in registry.known_keys()]
    for path in weight_files(model_dir):
        if is_clip_file(path):
            continue  # of a video network: video/clip_catalog.py lists it
        try:
            found = _found_in_folder(path)
        except WeightsRefused as error:
            states.append(EncoderState.refused(path, str(error)))
            continue
        if found is not None and found.key not in {state.key for state in states}:
            states.append(state_of(found, model_dir))
    return states


def title_of(key: str, model_dir: Path) -> str:
    """The encoder's title for pages; the key itself for one that is gone."""
    try:
        return spec_of(key, model_dir).title
    except (EncoderUnknown, WeightsRefused):
        return key


def best(model_dir: Path) -> str:
    """The key that `auto` stands for: the most preferred encoder whose weights are here; never a download."""
    usable = [state for state in available(model_dir) if state.is_available]
    return max(usable, key=lambda state: state.preference).key


def state_of(spec: EncoderSpec, model_dir: Path) -> EncoderState:
    """Whether the encoder of `spec` can be used now, and what to do when it cannot."""
    reason, how_to_get = "", ""
    if spec.family == "builtin":
        is_available, reason = True, "always there; needs no download"
    elif spec.reads_text and find_spec("open_clip") is None:
        is_available, reason = False, "open_clip_torch is not installed"
        how_to_get = "pip install -r requirements-models.txt, then restart."
    elif path := weights_file(spec, model_dir):
        is_available = spec.family != "script" or spec.has_consent
        reason = f"uses {path.name}"
        if not is_available:
            reason = f"{path.name} is a TorchScript file: it holds code that would run on this machine"
            how_to_get = f'If you trust it, write "run_code": true into {path.stem}.json beside it.'
    else:
        is_available, reason = False, f"its weights are not in {model_dir}"
        how_to_get = f"Put its weights into {model_dir} as {file_name_for(spec)}"
        if spec.download:
            how_to_get += f", from {spec.download.url}; or choose it, and it is fetched from there."
        else:
            how_to_get += "."
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


def file_name_for(spec: EncoderSpec) -> str:
    """The name under which the weights of `spec` are looked for first."""
    if spec.download:
        return spec.download.file_name
    return spec.file_name or f"{spec.family}-{spec.architecture.replace('/', '_')}.safetensors"


def _found_in_folder(path: Path) -> EncoderSpec | None:
    """The encoder that a file in the folder is, if no registered one uses it."""
    if path.with_suffix(".json").is_file() or path.suffix == ".torchscript":
        return described(path)
    if path.stem.startswith("timm-"):
        return registry.spec(f"timm:{path.stem.removeprefix('timm-')}@1")
    if path.stem.startswith("torchvision-"):
        return registry.spec(f"torchvision:{path.stem.removeprefix('torchvision-')}@1")
    if any(is_named_after(path.stem, registry.spec(key)) for key in registry.known_keys()):
        return None  # a registered encoder has taken it
    raise WeightsRefused(
        f"{path.name} could be any network: write {path.stem}.json beside it, for instance "
        '{"architecture": "torchvision:resnet50", "pooling": "mac", "input_size": 224}'
    )
