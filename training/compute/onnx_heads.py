"""Probes as ONNX: the head on features alone, and encoder, pooling and head in one graph on images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from indexing.compute import encoders
from indexing.compute.encoders import networks as encoder_networks
from indexing.compute.encoders.encoder import MIN_DECODE_SIDE_PX
from indexing.compute.encoders.pictures import fit
from indexing.compute.encoders.specs import EncoderSpec
from indexing.compute.encoders.weights import find_or_fetch
from training.compute import onnx_files, onnx_resize
from training.compute.onnx_files import Exported
from training.compute.pictures import Preprocessing
from training.compute.probe import Probe

HEAD, WHOLE, ANY_SIZE = "head.onnx", "whole.onnx", "whole_any_size.onnx"
NORM_FLOOR = 1e-12  # of a feature's length, before it is divided by it


class ProbeFiles(NamedTuple):
    """What a probe is exported to."""

    head: Exported  # features (N, D) float32 in
    whole: Exported | None  # images in; None: see `why_not`
    any_size: Exported | None  # one picture (H, W, 3) in; None: see `why_not`
    why_not: str


def export_probe(
    probe: Probe,
    folder: Path,
    pictures: Sequence[np.ndarray],
    *,
    encoder_key: str,
    model_dir: Path,
    operating_points: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
) -> ProbeFiles:
    """Write head.onnx and, for an encoder that is a torch network, whole.onnx and whole_any_size.onnx.

    All are compared with torch in fp32 on `pictures` (H, W, 3) uint8 RGB, and what answers otherwise is not
    published; the last resizes in the graph, and is compared with Pillow and torch. Decode the pictures as
    the encoder's `decode_side_px` says. The encoder's weights must be here.
    """
    onnx_files.check_pictures(pictures)
    spec = encoders.spec_of(encoder_key, model_dir)
    why = _why_no_whole(spec)
    said = about(probe, encoder_key, operating_points, title)
    if why:
        features = encoders.load(encoder_key, device="cpu", model_dir=model_dir).encode(pictures)
        return ProbeFiles(export_head(probe, folder / HEAD, features, metadata=said), None, None, why)
    network, spec = encoder_networks.build(spec, find_or_fetch(spec, model_dir))
    whole = _Whole(network, probe).eval()
    images = np.stack([fit(pixels, spec) for pixels in pictures])
    with torch.inference_mode():
        expected, found = whole.both(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    head = export_head(probe, folder / HEAD, found.numpy(), metadata=said)
    side = spec.input_size or 0
    model = onnx_files.program_of(whole, torch.zeros(2, 3, side, side, dtype=torch.uint8), inputs="images")
    metadata = said | {"preprocessing": preprocessing_of(spec)}
    feeds = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    any_size, why = onnx_resize.try_publish(
        model,
        folder / ANY_SIZE,
        Preprocessing(fit="squash", side_px=side, short_side_px=side, resize=spec.resize),
        metadata=metadata,
        pictures=pictures,
        expected=expected.numpy(),
    )
    images_in = onnx_files.publish(
        model, folder / WHOLE, metadata=metadata, feeds=feeds, expected=expected.numpy()
    )
    return ProbeFiles(head, images_in, any_size, why)


def about(
    probe: Probe,
    encoder_key: str,
    operating_points: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
) -> dict[str, Any]:
    """What both files say of themselves; ValueError for an operating point of an unknown class."""
    return {
        "title": title,
        "encoder": encoder_key,
        "classes": list(probe.class_names),
        "kind": probe.kind,
        "operating_points": onnx_files.points_of(operating_points, probe.class_names),
    }


def export_head(probe: Probe, path: Path, features: np.ndarray, *, metadata: Mapping[str, Any]) -> Exported:
    """Write the head alone, compared with the probe's own scores on `features` (N, D) float32 of length 1."""
    head = _Head(probe).eval()
    width = probe.weights.shape[1]
    model = onnx_files.program_of(head, torch.zeros(2, width), inputs="features")
    metadata = dict(metadata) | {
        "preprocessing": {
            "input": f"features (N, {width}) float32, each row of length 1, by the encoder named here"
        }
    }
    feeds = np.ascontiguousarray(features, np.float32)
    return onnx_files.publish(model, path, metadata=metadata, feeds=feeds, expected=probe.scores(feeds))


def preprocessing_of(spec: EncoderSpec) -> dict[str, Any]:
    """What is done to a picture before an encoder sees it."""
    side = spec.input_size
    return {
        "fit": "squash",
        "side_px": side,
        "resize": spec.resize,
        "resize_by": "Pillow",
        "decode_side_px": max(side or 0, MIN_DECODE_SIDE_PX),
        "decoded": onnx_files.DECODED.format(max(side or 0, MIN_DECODE_SIDE_PX)),
        "mean": list(spec.mean),
        "std": list(spec.std),
        "color": "RGB",
        "input": f"images (N, 3, {side}, {side}) uint8 RGB, 0 to 255",
        "normalization": "in the graph",
    }


def _why_no_whole(spec: EncoderSpec) -> str:
    if spec.family in ("builtin", "openclip", "script") or spec.reads_text:
        return f"{spec.key} is not a network that can be put into the same graph; features come from it."
    if spec.input_size is None:
        return f"{spec.key} takes pictures at their own size; features come from it."
    return ""


class _Head(torch.nn.Module):
    """(N, D) features -> probabilities and logits at temperature 1, (N, C) each."""

    weights: torch.Tensor
    bias: torch.Tensor

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        weights, bias = probe.head()
        self.kind = probe.kind
        self.register_buffer("weights", torch.from_numpy(np.array(weights, np.float32)))
        self.register_buffer("bias", torch.from_numpy(np.array(bias, np.float32)))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = features @ self.weights.T + self.bias
        return (logits.sigmoid() if self.kind == "multi_label" else logits.softmax(dim=1)), logits


class _Whole(torch.nn.Module):
    """(N, 3, S, S) uint8 RGB -> probabilities and logits: the encoder, length 1, and the head."""

    def __init__(self, encoder: torch.nn.Module, probe: Probe) -> None:
        super().__init__()
        self.encoder, self.head = encoder, _Head(probe)

    def both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities (N, C) and features (N, D)."""
        found = self.encoder(images.permute(0, 2, 3, 1))
        features = found / found.norm(dim=1, keepdim=True).clamp(min=NORM_FLOOR)
        return self.head(features)[0], features

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.encoder(images.permute(0, 2, 3, 1))
        return self.head(found / found.norm(dim=1, keepdim=True).clamp(min=NORM_FLOOR))
