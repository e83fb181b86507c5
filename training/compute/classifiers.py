"""A fine-tuned classifier at work: pictures in, probabilities out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.compute import checkpoints
from training.compute.checkpoints import Checkpoint
from training.compute.learners import device_of
from training.compute.networks import Normalized

BATCH_SIZE = 32


class Classifier:
    """A network with its class names and its preprocessing; a batch gives what one by one gives."""

    def __init__(self, checkpoint: Checkpoint, *, device: str = "auto", batch_size: int = BATCH_SIZE) -> None:
        self.facts = checkpoint.facts
        self.class_names, self.kind = self.facts.class_names, self.facts.kind
        self.preprocessing = self.facts.preprocessing
        self._device, self._batch_size = device_of(device), batch_size
        # (N, 3, S, S) uint8 -> (N, C) logits
        self.graph: torch.nn.Module = Normalized(checkpoint.network(), self.preprocessing)
        self.graph.eval().to(self._device)

    def logits(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, C) float32 for N pictures (H, W, 3) uint8 RGB of any sizes.

        Decode them down to `preprocessing.decode_side_px` at most, as training did.
        """
        return self.logits_of_prepared([self.preprocessing(pixels) for pixels in pictures])

    def logits_of_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """(N, C) float32 for what `preprocessing` gave: (side_px, side_px, 3) uint8 each."""
        parts = [np.zeros((0, len(self.class_names)), np.float32)]
        for start in range(0, len(prepared), self._batch_size):
            images = torch.from_numpy(np.stack(prepared[start : start + self._batch_size]))
            with torch.inference_mode():
                found = self.graph(images.permute(0, 3, 1, 2).to(self._device))
            parts.append(found.float().cpu().numpy())
        return np.concatenate(parts)

    def scores(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, C) float32 probabilities; rows of a multi_class classifier sum to 1."""
        return probabilities(self.logits(pictures), self.kind)

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """As `scores`."""
        return self.scores(pictures)


def load_classifier(path: Path, *, device: str = "auto", batch_size: int = BATCH_SIZE) -> Classifier:
    """The classifier of a checkpoint, or the best one of a run's folder; its weights fit or are refused."""
    checkpoint = checkpoints.read(checkpoints.checkpoint_path(path))
    return Classifier(checkpoint, device=device, batch_size=batch_size)


def probabilities(logits: np.ndarray, kind: str) -> np.ndarray:
    """Softmax over the classes (multi_class), or each class's own logistic (multi_label); float32."""
    wide = logits.astype(np.float64)
    if kind == "multi_label":
        return (1 / (1 + np.exp(-wide))).astype(np.float32)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
