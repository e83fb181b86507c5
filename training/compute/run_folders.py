"""The folder of a fine-tuning run: best and last checkpoint, the curve, and how it goes on from them."""

import json
from pathlib import Path
from typing import Any

from indexing.compute.files import write_beside
from training.compute import checkpoints
from training.compute.checkpoints import BEST, CURVE, LAST, Checkpoint, Facts
from training.compute.learners import Learner
from training.compute.refusals import TrainingRefused
from training.compute.settings import Settings
from training.compute.standing import Standing


class RunFolder:
    """A folder that holds one run: the one of these settings and examples."""

    def __init__(self, folder: Path, settings: Settings, examples: dict[str, Any]) -> None:
        self.folder = folder
        self._settings, self._examples = settings, examples  # examples: their sha256 and numbers

    def save_best(self, standing: Standing, learner: Learner) -> None:
        """The weights as they are become the best."""
        said = {"epoch": standing.epoch, "rows": standing.rows}
        checkpoints.write(self.folder / BEST, self._facts(standing, said), learner.weights())

    def save_last(self, standing: Standing, learner: Learner) -> None:
        """All that is needed to go on from here, in one file; then the curve."""
        facts = self._facts(standing, standing.as_json())
        checkpoints.write(self.folder / LAST, facts, learner.weights(), learner.training_state())
        self._write_curve(standing)

    def restored(self, learner: Learner, start: Checkpoint | None) -> Standing:
        """Where the run goes on: from the folder's last checkpoint, else from `start`, else from nothing."""
        last = self.folder / LAST
        if last.is_file():
            start = self._checked(checkpoints.read(last))
        if start is None:
            return Standing()
        if start.facts.class_names != self._settings.class_names:
            raise TrainingRefused(
                "other-classes",
                f"{start.path} knows {', '.join(start.facts.class_names)}; the pictures are of "
                f"{', '.join(self._settings.class_names)}.",
            )
        learner.restore(start)
        if not start.training:
            return Standing()
        standing = Standing.from_json(start.facts.training)
        if start.path != last:
            self._bring_best(start.path.with_name(BEST), standing)
        self._write_curve(standing)  # a kill may have come just before it was written
        return standing

    def _checked(self, found: Checkpoint) -> Checkpoint:
        then = found.facts.training
        now = {"settings": self._settings.as_json(), "examples_sha256": self._examples["examples_sha256"]}
        if any(then.get(name) != value for name, value in now.items()):
            raise TrainingRefused(
                "another-run",
                f"{self.folder} holds another run ({_differences(then, now)}). Name another folder, or "
                "delete it.",
            )
        return found

    def _bring_best(self, path: Path, standing: Standing) -> None:
        """The best checkpoint so far comes along; where it is gone, the next epoch is the best."""
        if path.is_file() and checkpoints.read_facts(path).metrics == standing.best_row:
            found = checkpoints.read(path)
            checkpoints.write(self.folder / BEST, found.facts, found.weights)
        else:
            standing.forget_best()

    def _facts(self, standing: Standing, where: dict[str, Any]) -> Facts:
        settings = self._settings
        about = {"settings": settings.as_json(), "num_epochs": settings.num_epochs, **self._examples}
        return Facts(
            settings.architecture,
            settings.class_names,
            settings.kind,
            settings.preprocessing,
            metrics=standing.rows[-1] if standing.rows else {},
            training=about | where,
        )

    def _write_curve(self, standing: Standing) -> None:
        with write_beside(self.folder / CURVE) as file:
            file.write("".join(json.dumps(row) + "\n" for row in standing.rows).encode())


def _differences(then: dict[str, Any], now: dict[str, Any]) -> str:
    if then.get("examples_sha256") != now["examples_sha256"]:
        return "on other pictures"
    settings = then.get("settings", {})
    names = [name for name, value in now["settings"].items() if settings.get(name) != value]
    return ", ".join(f"{name} {settings.get(name)} instead of {now['settings'][name]}" for name in names)
