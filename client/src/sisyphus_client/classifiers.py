"""Classifiers: named lines of versions, what each is worth, which one is live, its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sisyphus_client.datasets import DatasetVersion
from sisyphus_client.jobs import Job
from sisyphus_client.onnx import OnnxExport
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.transport import Transport

Aim = Literal["f1", "precision", "recall"]


@dataclass
class ClassifierVersion:
    """What one run came to; `number` counts the versions of its classifier from 1."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @classmethod
    def of(cls, transport: Transport, corpus: int, version: int) -> ClassifierVersion:
        """The version with this id."""
        return cls(transport, corpus, version, {}).refresh()

    def refresh(self) -> ClassifierVersion:
        """Look again, with its evaluation and its operating points."""
        self.said = self.transport.get(self._place)
        return self

    @property
    def number(self) -> int:
        return int(self.said["number"])

    @property
    def is_live(self) -> bool:
        """Whether it scores new media and proposes candidates."""
        return bool(self.said["is_live"])

    @property
    def classes(self) -> dict[str, int]:
        """Name -> id of the classes that it knows."""
        return {each["name"]: each["id"] for each in self.said["classes"]}

    @property
    def evaluation(self) -> dict[str, Any]:
        """Side (val, test) -> what it is worth there; None where that side has no answers."""
        if "evaluation" not in self.said:
            self.refresh()
        return dict(self.said["evaluation"])

    @property
    def operating_points(self) -> dict[int, dict[str, Any]]:
        """Class id -> the threshold from which it counts as found, and the precision and recall to expect."""
        if "operating_points" not in self.said:
            self.refresh()
        return {each["label_class"]: each for each in self.said["operating_points"]}

    def choose_point(
        self,
        label_class: int,
        *,
        threshold: float | None = None,
        aim: Aim | None = None,
        at_least: float = 0.0,
    ) -> dict[str, Any]:
        """Save a threshold, or what is best for an aim, such as the most recall with precision `at_least`."""
        asked: dict[str, Any] = {"class": label_class}
        asked |= {"threshold": threshold} if aim is None else {"aim": aim, "at_least": at_least}
        point = dict(self.transport.post(f"{self._place}operating-points/", asked))
        self.refresh()
        return point

    def make_live(self) -> ClassifierVersion:
        """From now on it scores new media and proposes candidates; what there is, it scores by a job."""
        self.transport.post(f"{self._place}live/")
        return self.refresh()

    def score(
        self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent
    ) -> dict[str, Any]:
        """Score what has no score by it yet, and wait: how many items have one, and when that was."""
        said = self.transport.post(f"{self._place}scores/")
        if said["job"] is not None:
            job = Job.of(self.transport, self.corpus, said["job"])
            job.wait(timeout_seconds=timeout_seconds, on_progress=on_progress)
        return dict(self.transport.get(f"{self._place}scores/"))

    def histogram(self, label_class: int) -> dict[str, Any]:
        """How many items, and accepted and rejected ones, are in each of 200 steps of the score."""
        return dict(self.transport.get(f"{self._place}histogram/", **{"class": label_class}))

    def compare(self, older: ClassifierVersion, *, on: DatasetVersion | None = None) -> dict[str, Any]:
        """Both on one test side, and `better`: the gain in mean average precision over the older one.

        Without `on` their own evaluations, which must be of the same items. Of many classes the first 40.
        """
        place = f"{self._place}compare/{older.id}/"
        return dict(self.transport.get(place, on=on.id if on is not None else None))

    def export_onnx(self) -> OnnxExport:
        """Start writing it as ONNX, compared with torch on real pictures, with its operating points."""
        said = self.transport.post(f"{self._place}onnx/")
        return OnnxExport(self.transport, self.corpus, self.id, said["id"], said)

    def onnx_exports(self) -> Iterator[OnnxExport]:
        """Its exports, newest first."""
        for said in self.transport.pages(f"{self._place}onnx/"):
            yield OnnxExport(self.transport, self.corpus, self.id, said["id"], said)

    @property
    def _place(self) -> str:
        return f"corpora/{self.corpus}/classifier-versions/{self.id}/"


@dataclass
class Classifier:
    """A named line of versions, of which at most one is live."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.said["name"])

    @property
    def versions(self) -> list[ClassifierVersion]:
        """Newest first, as of the last look."""
        return [
            ClassifierVersion(self.transport, self.corpus, each["id"], each) for each in self.said["versions"]
        ]

    @property
    def live(self) -> ClassifierVersion | None:
        """The version that scores new media."""
        return next((each for each in self.versions if each.is_live), None)

    def refresh(self) -> Classifier:
        """Look again, with who made which version live."""
        self.said = self.transport.get(self._place)
        return self

    def roll_back(self) -> Classifier:
        """Make the version live again that was live before; an ApiError where there was none."""
        self.transport.post(f"{self._place}roll-back/")
        return self.refresh()

    @property
    def _place(self) -> str:
        return f"corpora/{self.corpus}/classifiers/{self.id}/"
