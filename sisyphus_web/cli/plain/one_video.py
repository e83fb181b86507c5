"""What the verbs share that read one video: its check, its frames, and how its reading ended."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexing.compute.decoder import Decoder
from indexing.compute.files import sha256_of
from indexing.compute.media_facts import Frame, MediaFacts, MediaRefused
from indexing.compute.plain.report import Report
from indexing.compute.sampling import FramePolicy
from sisyphus_web.cli.plain import endings

EVERY = FramePolicy("every")


class OneVideo:
    """A video that was opened once and is known to be one."""

    def __init__(self, path: Path, decoder: Decoder, facts: MediaFacts, report: Report) -> None:
        self.path, self.facts = path, facts
        self.sha256 = sha256_of(path)
        self._decoder, self._report = decoder, report

    @property
    def source(self) -> dict[str, Any]:
        """What side files say of it."""
        return {
            "source": str(self.path.absolute()),
            "source_sha256": self.sha256,
            "kind": "video",
            "fps": self.facts.frames_per_second,
            "time_base": f"{self.facts.time_base_numerator}/{self.facts.time_base_denominator}",
        }

    def frames(self, policy: FramePolicy = EVERY, *, min_side_px: int | None = None) -> Iterator[Frame]:
        """Its frames; damage met on the way is a notice of the report."""
        reading = self._decoder.frames(self.path, policy, min_side_px=min_side_px)
        yield from reading
        if reading.end is not None:
            self._report.notices += [*filter(None, (reading.end.damage,)), *reading.end.notes]

    def numbers(self) -> dict[int, int]:
        """The number of the frame at each pts, in presentation order from 0; MediaRefused without frames."""
        table = self._decoder.frame_table(self.path)
        return dict(zip(table.pts.tolist(), table.numbers.tolist(), strict=True))


@contextmanager
def opened(path: Path, report: Report) -> Iterator[OneVideo]:
    """The video at `path`; MediaRefused where it is none or cannot be read."""
    with Decoder() as decoder:
        facts = decoder.identify(path)
        if facts.kind != "video":
            raise MediaRefused("not-a-video", f"This is a {facts.container} image, not a video.")
        yield OneVideo(path, decoder, facts, report)


def reject(report: Report, place: Path, arguments: argparse.Namespace, refusal: MediaRefused) -> int:
    """The end of a verb whose one video was refused: reported, and 3."""
    video = str(arguments.video)
    report.rejected(video, refusal.code, refusal.sentence)
    return endings.finish(report, place, arguments, f"nothing was written from {video}.")
