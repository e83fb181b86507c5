"""What a ranking is asked with and what it answers, as they travel."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from indexing.search import Calibration
from labeling.services.tiles import Tile
from sisyphus_web.jobs.errors import JobError

PAGE_LIMIT = 500  # tiles in one answer
Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Pts = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
Unit = Literal["frame", "clip"]
Cosine = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Ids = Annotated[list[Id], msgspec.Meta(max_length=10_000)]
Names = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=400)]], msgspec.Meta(max_length=100)
]
# disputed and later are beside the answer; later is what the person who asks has put off
State = Literal["untouched", "unsure", "weak", "accept", "reject", "disputed", "later"]
Fact = Literal["verdict", "weak", "dispute", "stack", "box", "image", "video"]


class Span(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of a video: the frames with start_pts <= pts < stop_pts."""

    media_file: Id
    start_pts: Pts
    stop_pts: Pts


class Term(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is searched for: the field named by `kind`, and nothing else; with `box`, a part of a picture.

    A class is the mean of what was accepted of it, or with `learned` what was learned from its answers. A
    classifier is its live version, with `class` where it has several. Among clips a frame stands for the
    clip it is in; among frames a clip or a span stands for its frames.
    """

    kind: Literal["item", "image", "vector", "text", "class", "classifier", "span"]
    item: Id | None = None
    span: Span | None = None
    image: UUID | None = None
    vector: Annotated[list[float], msgspec.Meta(min_length=1, max_length=16_384)] | None = None
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=400)] | None = None
    label_class: Id | None = msgspec.field(name="class", default=None)
    classifier: Id | None = None
    learned: bool = False
    box: tuple[Share, Share, Share, Share] | None = None  # x0, y0, x1, y1
    weight: Annotated[float, msgspec.Meta(ge=-100, le=100)] = 1.0  # below 0: less like this


class ScoreRange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Items whose score by the live version of a classifier is within [at_least, below)."""

    classifier: Id
    label_class: Id | None = msgspec.field(name="class", default=None)  # none: the only one it has
    at_least: Share | None = None
    below: Share | None = None


class Filters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which items may be found; what is left out does not narrow. The same as text: compute/grammar.py."""

    kinds: list[Literal["image", "video"]] | None = None
    media_files: Ids | None = None
    not_media_files: Ids | None = None
    files: Names | None = None  # any of these in the file's name; * stands for anything
    not_files: Names | None = None
    sources: Ids | None = None
    not_sources: Ids | None = None
    map_regions: Ids | None = None  # within any of these lassos on the map
    not_map_regions: Ids | None = None
    items: Ids | None = None  # one of these
    not_items: Ids | None = None
    start_seconds: Seconds | None = None
    stop_seconds: Seconds | None = None
    states: list[State] | None = None
    not_states: list[Literal["disputed", "later"]] | None = None
    min_similarity: Cosine | None = None
    classes: Ids | None = None  # accepted in all of them
    not_classes: Ids | None = None  # accepted in none of them
    splits: list[Literal["train", "val", "test", "none"]] | None = None
    has: list[Fact] | None = None
    has_not: list[Fact] | None = None
    scores: Annotated[list[ScoreRange], msgspec.Meta(max_length=20)] | None = None  # within all of them


class Mix(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the queue is made of: shares of its presets (any numbers, made to add up), and limits.

    A tile beyond a limit is not lost: it comes once 200 further tiles have been given.
    """

    harvest: Share = 0.0  # the top of the ranking
    boundary: Share = 0.0  # where the model is least sure
    explore: Share = 0.0  # far from everything decided
    hard: Share = 0.0  # high in the ranking and near something rejected
    classifier: Share = 0.0  # the best by the live classifier of the class
    uncertain: Share = 0.0  # nearest to the operating point of that classifier
    audit: Share = 0.0  # drawn blindly from a frozen ranking
    per_file: Annotated[int, msgspec.Meta(ge=1, le=500)] | None = None  # tiles of one media file
    per_stack: Annotated[int, msgspec.Meta(ge=1, le=500)] | None = None  # of one stack, where not folded


class RankRequest(msgspec.Struct, kw_only=True):
    """A query: terms, or with mode "learned" what was accepted and rejected of the class, and filters.

    Mode "browse" takes no terms: the corpus as it lies. `q` is filters and text in one line, instead of
    `filters`; its text becomes terms.
    """

    label_class: Id | None = msgspec.field(name="class", default=None)
    terms: Annotated[list[Term], msgspec.Meta(max_length=100)] = []
    unit: Unit | None = None  # what is searched; none: frames, or clips where there are only clips
    mode: Literal["similar", "learned", "browse"] = "similar"
    filters: Filters = msgspec.field(default_factory=Filters)
    q: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    mix: Mix | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 200
    offset: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    fold: bool = True
    round: Id | None = None  # the ranking that this is a further page of
    page: Annotated[str, msgspec.Meta(max_length=36)] = ""  # of the browser; it holds the tiles
    is_background: bool = False  # asked by a page on its own: no line of the history
    is_preview: bool = False  # what would be found; nothing is held for who asks


class RankResult(msgspec.Struct, kw_only=True):
    """A page of the ranking. `total` counts what passes the filters; verdicts name the `round`."""

    round: int
    build: str
    encoder: str
    unit: Unit
    mode: str
    blend: float | None  # share of what was learned; null: none
    is_model: bool  # a model was fitted and judged; else the order is by examples
    calibration: Calibration | None  # null: too few answers to tell, or the query was made of them
    total: int
    took_ms: float
    q: str  # the filters in one line
    mix: dict[str, float]  # the shares in effect; a preset that has nothing to give is 0
    notes: list[str]  # why a preset had nothing to give, in sentences
    neighbors: list[Tile]


class NoFeatures(JobError):
    code = "no-features"


class BadQuery(JobError):
    """A query that cannot be asked; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
