"""Fine-tuned networks as ONNX: images of 0 to 255 in, probabilities out, normalization in the graph."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch

from training.compute import onnx_files, onnx_resize
from training.compute.classifiers import Classifier
from training.compute.onnx_files import Exported
from training.compute.pictures import Preprocessing

NETWORK, ANY_SIZE = "network.onnx", "network_any_size.onnx"


class _Answering(torch.nn.Module):
    """(N, 3, S, S) uint8 RGB -> probabilities and logits, (N, C) each."""

    def __init__(self, logits_of: torch.nn.Module, kind: str) -> None:
        super().__init__()
        self.logits_of, self.kind = logits_of, kind

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.logits_of(images)
        return (logits.sigmoid() if self.kind == "multi_label" else logits.softmax(dim=1)), logits


class NetworkFiles(NamedTuple):
    """What a network is exported to."""

    network: Exported  # images (N, 3, S, S) in
    any_size: Exported | None  # one picture (H, W, 3) in; None: see `why_no_any_size`
    why_no_any_size: str


def export_network(
    classifier: Classifier,
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    operating_points: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
    is_static: bool = False,
    has_resize: bool = False,
) -> Exported:
    """Write `classifier` to `path` after comparing it with torch on `pictures` (H, W, 3) uint8 RGB.

    Input `images` (N, 3, S, S) uint8 RGB, resized and cut as the metadata's `preprocessing` says; `is_static`
    takes one image. `has_resize`: input `picture` (H, W, 3) uint8 RGB of any size, one at a time; the network
    answers within 1e-4 and the whole, compared with Pillow and torch, within 0.02. `operating_points` are
    {class: {"threshold": ..., "precision": ..., "recall": ...}}.
    """
    onnx_files.check_pictures(pictures)
    if has_resize:
        onnx_resize.check_filter(classifier.preprocessing)
    metadata = _metadata(classifier, operating_points, title)
    model, feeds, expected = _compared(classifier, pictures, is_static=is_static)
    if not has_resize:
        return onnx_files.publish(model, path, metadata=metadata, feeds=feeds, expected=expected)
    onnx_files.check_parity(model.SerializeToString(), feeds, expected)
    return onnx_resize.publish(
        model, path, classifier.preprocessing, metadata=metadata, pictures=pictures, expected=expected
    )


def export_both(
    classifier: Classifier,
    folder: Path,
    pictures: Sequence[np.ndarray],
    *,
    operating_points: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
) -> NetworkFiles:
    """`export_network` without the resize and with it, as network.onnx and network_any_size.onnx.

    The second is left out, with the reason, where ONNX has not the filter or answers otherwise by over 0.02.
    """
    onnx_files.check_pictures(pictures)
    metadata = _metadata(classifier, operating_points, title)
    model, feeds, expected = _compared(classifier, pictures)
    with_resize, why = onnx_resize.try_publish(
        model,
        folder / ANY_SIZE,
        classifier.preprocessing,
        metadata=metadata,
        pictures=pictures,
        expected=expected,
    )
    network = onnx_files.publish(model, folder / NETWORK, metadata=metadata, feeds=feeds, expected=expected)
    return NetworkFiles(network, with_resize, why)


def _compared(
    classifier: Classifier, pictures: Sequence[np.ndarray], *, is_static: bool = False
) -> tuple[onnx.ModelProto, np.ndarray, np.ndarray]:
    """(the network as ONNX, the images (N, 3, S, S) of the pictures, what torch says of them (N, C))."""
    side = classifier.preprocessing.side_px
    graph = _Answering(copy.deepcopy(classifier.graph).cpu(), classifier.kind).eval()
    example = torch.zeros(1 if is_static else 2, 3, side, side, dtype=torch.uint8)
    model = onnx_files.program_of(graph, example, inputs="images", is_static=is_static)
    feeds = np.stack([classifier.preprocessing(pixels).transpose(2, 0, 1) for pixels in pictures])
    with torch.inference_mode():
        return model, feeds, graph(torch.from_numpy(feeds))[0].numpy()


def _metadata(
    classifier: Classifier, operating_points: Mapping[str, Mapping[str, float]] | None, title: str
) -> dict[str, Any]:
    return {
        "title": title,
        "architecture": classifier.facts.architecture,
        "classes": list(classifier.class_names),
        "kind": classifier.kind,
        "preprocessing": described(classifier.preprocessing),
        "operating_points": onnx_files.points_of(operating_points, classifier.class_names),
    }


def described(preprocessing: Preprocessing) -> dict[str, Any]:
    """What must be done to a picture before it is an image of the graph; the example script does it."""
    return preprocessing.as_json() | {
        "input": f"images (N, 3, {preprocessing.side_px}, {preprocessing.side_px}) uint8 RGB, 0 to 255",
        "resize_by": "Pillow",
        "decode_side_px": preprocessing.decode_side_px,
        "decoded": onnx_files.DECODED.format(preprocessing.decode_side_px),
        "normalization": "in the graph",
    }
