"""What is asked of the search service."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from indexing.search_service.pictures import Box

Place = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


class Span(msgspec.Struct, frozen=True):
    """A part of a video: [start_pts, stop_pts) of a media file."""

    media_file: int
    start_pts: int
    stop_pts: int


class Term(msgspec.Struct, frozen=True):
    """What is searched for, as it comes: the field named by `kind`."""

    kind: Literal["item", "image", "vector", "text", "class", "classifier", "span"]
    item: int | None = None
    span: Span | None = None
    image: UUID | None = None
    vector: list[float] | None = None
    text: str | None = None
    label_class: int | None = msgspec.field(name="class", default=None)
    classifier: int | None = None  # with `label_class`: which of its classes
    learned: bool = False  # of a class: what was learned from its answers, not the mean of the accepted
    box: Box | None = None
    weight: float = 1.0


class ScoreRange(msgspec.Struct, frozen=True):
    """Items whose score by a classifier is within [at_least, below)."""

    classifier: int
    label_class: int = msgspec.field(name="class")
    at_least: float | None = None
    below: float | None = None


class Asked(msgspec.Struct, frozen=True):
    """Filters as they come; what is left out does not narrow."""

    kinds: list[Literal["image", "video"]] | None = None
    media_files: list[int] | None = None
    not_media_files: list[int] | None = None
    files: list[str] | None = None  # patterns of names, alternatives to `media_files`
    not_files: list[str] | None = None
    sources: list[int] | None = None
    not_sources: list[int] | None = None
    map_regions: list[int] | None = None
    not_map_regions: list[int] | None = None
    items: list[int] | None = None
    not_items: list[int] | None = None
    classes: list[int] | None = None  # accepted in all of them
    not_classes: list[int] | None = None
    splits: list[str] | None = None
    has: list[str] | None = None
    has_not: list[str] | None = None
    start_seconds: float | None = None
    stop_seconds: float | None = None
    states: list[str] | None = None
    not_states: list[str] | None = None
    min_similarity: float | None = None
    scores: list[ScoreRange] | None = None  # within all of them


class Mix(msgspec.Struct, frozen=True):
    """Shares of the presets, to be made 1, and limits of a page. `audit` is mixed in by who draws it."""

    harvest: float = 0.0
    boundary: float = 0.0
    explore: float = 0.0
    hard: float = 0.0
    classifier: float = 0.0
    uncertain: float = 0.0
    audit: float = 0.0
    per_file: int | None = None
    per_stack: int | None = None


class RankRequest(msgspec.Struct, frozen=True):
    """A page of a ranking. With `round`, further pages follow the first, whatever others do meanwhile."""

    corpus: int
    unit: Literal["frame", "clip"] = "frame"  # what is searched: nothing of the other unit is found
    round: int | None = None  # names the ranking: one of one person
    terms: list[Term] = []
    filters: Asked = Asked()
    k: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    fold: bool = True
    label_class: int | None = None
    person: int | None = None  # who asks: what they put off is theirs
    mode: Literal["similar", "learned", "browse"] = "similar"
    mix: Mix | None = None
    places: Annotated[list[Place], msgspec.Meta(max_length=10_000)] | None = None  # instead of a page

    @property
    def question(self) -> bytes:
        """What is asked for, whichever page of it."""
        return msgspec.json.encode(msgspec.structs.replace(self, round=None, k=1, offset=0, places=None))
