"""ActivityNet: spans of videos in seconds; ours say the exact pts as well, and what was rejected."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from labeling.compute.imports.rows import ImportRefused, Row
from labeling.compute.imports.trees import Tree

Pts = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]


class Annotation(msgspec.Struct):
    """A labeled span; `pts` and `origin` only in ours."""

    segment: tuple[float, float]
    label: str
    pts: tuple[Pts, Pts] | None = None
    origin: str = ""


class Video(msgspec.Struct):
    annotations: list[Annotation] = []
    rejections: list[Annotation] = []
    media_sha256: str = ""


class ActivityNet(msgspec.Struct):
    database: dict[str, Video]


def activitynet_rows(tree: Tree) -> Iterator[Row]:
    """Every annotation, and every rejection, of the one JSON file."""
    names = tree.names if tree.is_one_file else [each for each in tree.names if each.endswith(".json")]
    if len(names) != 1:
        raise ImportRefused(f"ActivityNet is one .json file; there are {len(names)} here.")
    try:
        loaded = msgspec.json.decode(tree.read(names[0]), type=ActivityNet)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportRefused(f"{names[0]} is no ActivityNet file: {error}.") from error
    for name, video in loaded.database.items():
        for number, said in enumerate(video.annotations, 1):
            yield _row(f"{name}, annotation {number}", name, video, said, "accept")
        for number, said in enumerate(video.rejections, 1):
            yield _row(f"{name}, rejection {number}", name, video, said, "reject")


def _row(place: str, name: str, video: Video, said: Annotation, answer: str) -> Row:
    start, stop = said.segment
    if not start < stop:
        return Row(
            place, problem="bad-span", detail=f"A segment ends after it starts, got {start} to {stop}."
        )
    if not said.label.strip():
        return Row(place, problem="no-class", detail="There is no label on this segment.")
    facts: dict[str, Any] = {"pts_seconds": start, "stop_seconds": stop, "media_sha256": video.media_sha256}
    if said.pts is not None:
        facts |= {"start_pts": said.pts[0], "stop_pts": said.pts[1]}
    return Row(
        place,
        label_class=said.label,
        answer=answer,
        media_name=name,
        is_weak=said.origin == "weak",
        **facts,
    )
