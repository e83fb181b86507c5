"""A network whose logits are divided by the temperature that was found for it."""

import copy

import numpy as np
import torch

from training.compute.classifiers import Classifier


class _Cooled(torch.nn.Module):
    """logits (N, C) of a network, divided by (C,)."""

    temperature: torch.Tensor

    def __init__(self, logits_of: torch.nn.Module, temperature: np.ndarray) -> None:
        super().__init__()
        self.logits_of = logits_of
        self.register_buffer("temperature", torch.from_numpy(np.array(temperature, np.float32)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        cooled: torch.Tensor = self.logits_of(images) / self.temperature
        return cooled


def with_temperature(classifier: Classifier, temperature: np.ndarray) -> Classifier:
    """A classifier like this one that answers with calibrated probabilities; this one stays as it is."""
    if temperature.shape != (len(classifier.class_names),) or not (temperature > 0).all():
        raise ValueError(f"temperature must be ({len(classifier.class_names)},) above 0, got {temperature}")
    made = copy.copy(classifier)
    device = next(classifier.graph.parameters()).device
    made.graph = _Cooled(classifier.graph, temperature).eval().to(device)
    return made
