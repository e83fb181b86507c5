"""From a key to an encoder that is ready to encode. Torch is imported only for the keys that need it."""

from dataclasses import replace
from pathlib import Path

from indexing.compute.encoders.catalog import best, spec_of
from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.weights import Progress, find_or_fetch


def load(
    key: str,
    *,
    device: str = "auto",
    model_dir: Path,
    on_progress: Progress | None = None,
    precision: str | None = None,
    allow_scripts: bool = False,
) -> Encoder:
    """The encoder called `key` (`auto`: the best that is here), its weights found or fetched, never random.

    `device` is auto, cpu or cuda:0. `precision` asks for fp32 or bf16: a set goes on as it began.
    `allow_scripts` is a person's word that a TorchScript file, which is code, may run.
    """
    spec = spec_of(best(model_dir) if key == "auto" else key, model_dir)
    if spec.family == "builtin":
        from indexing.compute.encoders.builtin import BuiltinEncoder

        return BuiltinEncoder(spec)
    if allow_scripts:
        spec = replace(spec, has_consent=True)
    weights = find_or_fetch(spec, model_dir, on_progress)
    if spec.reads_text:
        from indexing.compute.encoders import openclip

        return openclip.load(
            spec,
            weights,
            device=device,
            cache=model_dir / "exported",
            model_dir=model_dir,
            precision=precision,
        )
    from indexing.compute.encoders import torch_images

    return torch_images.load(spec, weights, device=device, cache=model_dir / "exported", precision=precision)
