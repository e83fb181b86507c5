"""Encoders with two towers, one for pictures and one for text (CLIP, SigLIP), built by open_clip.

open_clip_torch is optional (requirements-models.txt). Only its networks and tokenizers are used: weights come
from the model folder and go through the strict loader, and nothing is fetched behind anyone's back.
"""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from indexing.compute.encoders import inference
from indexing.compute.encoders.exported import Engine
from indexing.compute.encoders.loader import load_strictly, read_state_dict
from indexing.compute.encoders.networks import Pictures
from indexing.compute.encoders.specs import EncoderSpec, EncoderUnknown, WeightsMissing
from indexing.compute.encoders.torch_images import TorchImageEncoder
from indexing.compute.encoders.weights import LocalWeights
from indexing.compute.features import normalize

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIGLIP_MEAN = SIGLIP_STD = (0.5, 0.5, 0.5)
# Of training alone; files of a text tower may hold them or not.
UNUSED = ("logit_scale", "logit_bias")

Tokenize = Callable[[Sequence[str]], torch.Tensor]  # texts -> (N, context length) int64


class OpenClipEncoder(TorchImageEncoder):
    """Pictures and text in one space: a text is near the pictures it describes."""

    def __init__(
        self,
        spec: EncoderSpec,
        weights: LocalWeights,
        engine: Engine,
        model: Any,
        tokenize: Tokenize,
    ) -> None:
        super().__init__(spec, weights, engine)
        self._model, self._tokenize = model, tokenize

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """(N, width) float32, every row of length 1; a text longer than the tower reads is cut at its end."""
        if not texts:
            return np.zeros((0, self.width), np.float32)
        place = next(self._model.parameters()).device
        with torch.inference_mode():
            found = self._model.encode_text(self._tokenize(list(texts)).to(place))
        return normalize(found.float().cpu().numpy())


def load(
    spec: EncoderSpec,
    weights: LocalWeights,
    *,
    device: str,
    cache: Path | None,
    model_dir: Path,
    precision: str | None = None,
) -> OpenClipEncoder:
    """The encoder of `spec`: pictures on the fastest engine that agrees with fp32, text by torch in fp32.

    WeightsMissing where open_clip or the tokenizer's files are not here, EncoderUnknown for another name.
    """
    open_clip = _open_clip(spec)
    name = spec.architecture.removeprefix("openclip:")
    config = open_clip.get_model_config(name)
    if config is None:
        known = ", ".join(open_clip.list_models())
        raise EncoderUnknown(f"open_clip has no network {name!r}; it has {known}")
    tokenize = _tokenizer(open_clip, name, config["text_cfg"], model_dir)
    model = open_clip.create_model(name, load_weights=False, pretrained_text=False)
    state = read_state_dict(weights.path)
    optional = {key: value for key, value in model.state_dict().items() if key in UNUSED}
    load_strictly(model, optional | state, drops=spec.drops, source=str(weights.path))
    model = model.eval().requires_grad_(requires_grad=False)
    spec = _with_preprocessing(spec, model, name)
    network = Pictures(_Tower(model.visual), spec).eval().requires_grad_(requires_grad=False)
    folder = (
        cache / f"{spec.key.replace(':', '-').replace('/', '_')}-{weights.sha256[:16]}" if cache else None
    )
    engine = inference.choose(
        network, input_size=spec.input_size, device=device, cache=folder, precision=precision
    )
    return OpenClipEncoder(spec, weights, engine, model, tokenize)


class _Tower(nn.Module):
    """The picture tower; some give their tokens as well."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        found = self.visual(planes)
        return found[0] if isinstance(found, tuple) else found


def _open_clip(spec: EncoderSpec) -> Any:
    importlib.import_module("indexing.compute.torchvision_shim")  # first: open_clip imports torchvision
    if importlib.util.find_spec("open_clip") is None:
        raise WeightsMissing(
            f"{spec.key} needs open_clip_torch: pip install -r requirements-models.txt, then try again"
        )
    return importlib.import_module("open_clip")


def _tokenizer(open_clip: Any, name: str, config: dict[str, Any], model_dir: Path) -> Tokenize:
    """open_clip's own vocabulary, or the files of another one from the model folder; never from a network."""
    asked = config.get("hf_tokenizer_name")
    if not asked:
        return open_clip.get_tokenizer(name)
    folder = model_dir / asked.rpartition("/")[2]
    if not folder.is_dir() or importlib.util.find_spec("transformers") is None:
        raise WeightsMissing(
            f"openclip:{name} reads text with the tokenizer {asked}: put its files (tokenizer.json, "
            f"tokenizer_config.json, ...) into {folder}, and pip install -r requirements-models.txt"
        )
    return open_clip.tokenizer.HFTokenizer(
        str(folder), context_length=config.get("context_length", 77), **config.get("tokenizer_kwargs", {})
    )


def _with_preprocessing(spec: EncoderSpec, model: Any, name: str) -> EncoderSpec:
    """The size the tower was built for and the numbers it was trained with; a side file says its own."""
    size = model.visual.image_size
    spec = replace(spec, input_size=int(size[0] if isinstance(size, tuple) else size))
    if spec.family != "openclip":
        return spec
    is_siglip = "siglip" in name.lower()
    mean, std = (SIGLIP_MEAN, SIGLIP_STD) if is_siglip else (CLIP_MEAN, CLIP_STD)
    return replace(spec, resize="bicubic", mean=mean, std=std)
