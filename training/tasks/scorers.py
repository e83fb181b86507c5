"""A published network at work: probabilities with the temperature that was found on val."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.compute.probe import probabilities_of

if TYPE_CHECKING:
    from training.compute.answers import AnswerTable
    from training.compute.classifiers import Classifier

CALIBRATION = "calibration.json"


def write_calibration(folder: Path, logits: np.ndarray, answers: AnswerTable, kind: str) -> np.ndarray:
    """(C,) the temperature found on these answers, kept in `folder`; ones where there is nothing to find."""
    from training.compute.answers import ACCEPT, REJECT
    from training.compute.calibration import fit_temperature

    num_classes = len(answers.class_names)
    is_known = (answers.targets == ACCEPT).any() and (
        kind == "multi_class" or (answers.targets == REJECT).any()
    )
    temperature = fit_temperature(logits, answers, kind) if is_known else np.ones(num_classes, np.float32)
    said = {"temperature": temperature.tolist(), "calibrated_on": "val" if is_known else "none"}
    (folder / CALIBRATION).write_text(json.dumps(said))
    return temperature


class NetworkScorer:
    """The best network of a folder, with its calibration where it has one."""

    def __init__(self, folder: Path) -> None:
        from training.compute.classifiers import load_classifier

        self._classifier = load_classifier(folder)
        self.kind = self._classifier.kind
        self.temperature = np.ones(len(self._classifier.class_names), np.float32)
        if (path := folder / CALIBRATION).is_file():
            self.temperature = np.array(json.loads(path.read_text())["temperature"], np.float32)

    @property
    def decode_side_px(self) -> int:
        """The least side that a picture may be decoded at."""
        return self._classifier.preprocessing.decode_side_px

    def calibrated(self) -> Classifier:
        """The classifier with the temperature in its graph: its sigmoid or softmax is calibrated."""
        from training.compute.temperatures import with_temperature

        return with_temperature(self._classifier, self.temperature)

    def prepared(self, pixels: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8: what the network sees of a picture."""
        return self._classifier.preprocessing(pixels)

    def logits_of_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """(N, C) float32, before temperature."""
        return self._classifier.logits_of_prepared(prepared)

    def scores_of_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """(N, C) float32 calibrated probabilities."""
        return probabilities_of(self.logits_of_prepared(prepared), self.temperature, self.kind)
