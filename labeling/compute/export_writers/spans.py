"""Labels of spans of time: a CSV with seconds, and JSON as ActivityNet has it.

http://activity-net.org: {"version", "taxonomy", "database": {video: {"duration_seconds", "subset",
"annotations": [{"segment": [start, stop], "label"}]}}}, seconds from the begin of the video.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

import orjson

from labeling.compute.export_writers.lines import Line
from labeling.compute.export_writers.tables import neutral

SUBSETS = {"train": "training", "val": "validation", "test": "testing"}
CSV_FIELDS = (
    "video", "media_sha256", "start_seconds", "stop_seconds", "label", "answer", "split", "origin",
    "start_pts", "stop_pts", "time_base", "kind", "item",
)  # fmt: skip
BLOCK_LINES = 1_000


def segment_of(line: Line) -> tuple[float, float]:
    """[start, stop) in seconds from the begin of the video, to the microsecond."""
    lasts = (line.stop_pts - line.start_pts) * Fraction(line.time_base)
    return round(line.pts_seconds, 6), round(line.pts_seconds + float(lasts), 6)


def spans_csv(lines: Iterable[Line]) -> Iterator[tuple[bytes, int]]:
    """(bytes, how many lines they are), header first; no name in them is run by a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    count = 0
    for line in lines:
        start, stop = segment_of(line)
        writer.writerow([
            neutral(line.media_name), line.media_sha256, f"{start:.6f}", f"{stop:.6f}",
            neutral(line.label_class), line.answer, line.split, line.origin,
            line.start_pts, line.stop_pts, line.time_base, line.kind, line.item,
        ])  # fmt: skip
        count += 1
        if count == BLOCK_LINES:
            yield out.getvalue().encode(), count
            out.seek(0)
            out.truncate()
            count = 0
    yield out.getvalue().encode(), count


def activitynet(
    lines: Iterable[Line],
    *,
    info: Mapping[str, Any],
    label_classes: Sequence[str],
    names: Mapping[str, str],
    durations: Mapping[str, float | None],
) -> Iterator[tuple[bytes, int]]:
    """(bytes, how many lines they are) of one JSON object; what is accepted is annotated, a video at a time.

    `names` and `durations` are by media sha256. What was rejected is under `rejections`, which readers of
    ActivityNet pass over; `pts` beside each segment keeps it exact.
    """
    taxonomy: list[dict[str, Any]] = [{"nodeId": 0, "nodeName": "Root", "parentId": None, "parentName": None}]
    taxonomy += [
        {"nodeId": number, "nodeName": name, "parentId": 0, "parentName": "Root"}
        for number, name in enumerate(label_classes, 1)
    ]
    head = {"version": f"{info['description']} {info['sha256'][:12]}", "taxonomy": taxonomy, "info": info}
    yield orjson.dumps(head)[:-1] + b',"database":{', 0
    begun = False
    for sha256, of_video in groupby(lines, key=lambda line: line.media_sha256):
        said = list(of_video)
        entry: dict[str, Any] = {
            "duration_seconds": durations.get(sha256),
            "subset": SUBSETS[said[0].split],
            "media_sha256": sha256,
            "time_base": said[0].time_base,
            "annotations": [_annotation(line) for line in said if line.answer == "accept"],
        }
        rejections = [_annotation(line) for line in said if line.answer != "accept"]
        entry |= {"rejections": rejections} if rejections else {}
        data = orjson.dumps(names[sha256]) + b":" + orjson.dumps(entry)
        yield (b",\n" if begun else b"\n") + data, len(said)
        begun = True
    yield b"\n}}\n", 0


def video_names(media: Iterable[tuple[str, str]]) -> dict[str, str]:
    """sha256 -> the name of the video without suffix; those that share one get digits of their sha256.

    `media` are (sha256, name of the file).
    """
    stems = {sha256: PurePosixPath(name).stem or sha256[:8] for sha256, name in media}
    counts: dict[str, int] = {}
    for stem in stems.values():
        counts[stem] = counts.get(stem, 0) + 1
    return {sha: stem if counts[stem] == 1 else f"{stem}_{sha[:12]}" for sha, stem in stems.items()}


def _annotation(line: Line) -> dict[str, Any]:
    return {
        "segment": list(segment_of(line)),
        "label": line.label_class,
        "pts": [line.start_pts, line.stop_pts],
        "origin": line.origin,
    }
