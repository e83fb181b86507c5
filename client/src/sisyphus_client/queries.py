"""Queries and what comes back; answers to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Answer = Literal["accept", "reject", "unsure"]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of the picture


@dataclass(frozen=True)
class Term:
    """What is searched for: use the functions to make one; a negative weight means unlike it."""

    kind: str
    weight: float = 1.0
    value: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def item(cls, item: int, *, box: Box | None = None, weight: float = 1.0) -> Term:
        """Like an item, or like a box of it."""
        return cls("item", weight, {"item": item} | ({"box": list(box)} if box else {}))

    @classmethod
    def image(cls, image: str, *, box: Box | None = None, weight: float = 1.0) -> Term:
        """Like an image that `Corpus.query_image` has sent."""
        return cls("image", weight, {"image": image} | ({"box": list(box)} if box else {}))

    @classmethod
    def text(cls, text: str, *, weight: float = 1.0) -> Term:
        """What words describe, where the corpus's encoder reads text."""
        return cls("text", weight, {"text": text})

    @classmethod
    def classifier(cls, classifier: int, *, label_class: int | None = None, weight: float = 1.0) -> Term:
        """What the live version of a classifier takes for its class, or for that one of several."""
        return cls(
            "classifier",
            weight,
            {"classifier": classifier} | ({"class": label_class} if label_class is not None else {}),
        )

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "weight": self.weight, **self.value}


@dataclass(frozen=True)
class Neighbor:
    """A tile of a ranking: an item, and the stack it stands for."""

    item: int
    stack: int | None
    similarity: float | None
    rank: int
    version: int
    said: dict[str, Any]

    @classmethod
    def of(cls, said: dict[str, Any]) -> Neighbor:
        return cls(
            said["item"],
            said.get("stack"),
            said.get("similarity"),
            said["rank"],
            said.get("version", 0),
            said,
        )


@dataclass(frozen=True)
class Ranking:
    """Neighbors, best first; `round` names the ranking, for answers and weak labels."""

    round: int | None
    neighbors: Sequence[Neighbor]
    said: dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """What became of one answer: applied, duplicate, conflict or rejected."""

    item: int | None
    outcome: str
    answer: str
    reason: str
