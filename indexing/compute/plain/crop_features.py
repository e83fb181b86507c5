"""Videos to one file of clip features each, (n_clips, n_crops, D): batched across videos, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.compute.clips.held import Clip
from indexing.compute.files import sha256_of
from indexing.compute.plain import side_files
from indexing.compute.plain.claims import Claims
from indexing.compute.plain.clip_reading import Event, Reading, Turns, VideoWork, reading
from indexing.compute.plain.clip_recipe import CroppedEncoder
from indexing.compute.plain.clip_rows import ClipRows
from indexing.compute.plain.feature_files import FeaturesRefused, read_clip_shape
from indexing.compute.plain.progress_files import ProgressFile
from indexing.compute.plain.report import Report
from indexing.compute.plain.video_inputs import VideoInput

IN_PROGRESS_FILE = "in-progress-file"


@dataclass(frozen=True, slots=True)
class ClipRun:
    """The videos of one run and where their features go."""

    videos: Iterable[VideoInput]
    output_of: Callable[[str], str]  # name -> relative to `folder`
    folder: Path
    version: str  # of sfi, for the side files
    batch_size: int
    num_threads: int = 1
    progress: ProgressFile | None = None
    stop_after: int | None = None
    forces: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of videos that came to their end, and of clips that were encoded."""

    video: Callable[[int], None]
    clips: Callable[[int], None]


def extract(run: ClipRun, encoder: CroppedEncoder, report: Report, listener: Listener) -> None:
    """Write the features of every video not done yet, with rows and side file; `report` gets each of them.

    A video that cannot be read is rejected, and the others go on. Videos that another process works on come
    last, and are waited for. OSError when the disk is full; what was written until then is whole.
    """
    with Claims(run.folder) as claims:
        _Run(run, encoder, report, listener, claims).go()


class _Run:
    """One pass over the videos: reads ahead, fills batches across videos, writes whole files."""

    def __init__(
        self, run: ClipRun, encoder: CroppedEncoder, report: Report, listener: Listener, claims: Claims
    ) -> None:
        self._run, self._encoder, self._report, self._listener = run, encoder, report, listener
        self._claims = claims
        self._waiting: list[tuple[VideoWork, Clip]] = []
        self._open: list[VideoWork] = []  # announced clips of theirs are not all found yet
        self._elsewhere: list[VideoInput] = []

    def go(self) -> None:
        work = self._reading(lambda work: self._claims.take(work.output))
        turns = Turns(self._wanted(), self._run.stop_after)
        try:
            with reading(work, turns, self._run.num_threads) as events:
                self._take(events)
            left = None
            if self._run.stop_after is not None:
                left = max(0, self._run.stop_after - self._report.counts["done"])
            waits = self._reading(lambda work: self._claims.take(work.output, waits=True))
            with reading(waits, Turns(self._elsewhere, left), 1) as events:
                self._take(events)
        finally:
            for each in self._open:
                each.rows.close()

    def _reading(self, take: Callable[[VideoWork], bool]) -> Reading:
        recipe = self._encoder.recipe
        return Reading(recipe.plan, self._encoder.encoder.prepare, self._begin, self._is_done, take)

    def _wanted(self) -> Iterable[VideoInput]:
        """The videos that the progress file does not name."""
        for video in self._run.videos:
            output = self._run.output_of(video.name)
            known = None if self._run.forces else self._run.progress
            if known is not None and output.removesuffix(".npy") in known:
                sentence = f"{known.path} names it as finished."
                self._report.skipped(video.name, output, code=IN_PROGRESS_FILE, sentence=sentence)
                self._listener.video(1)
                continue
            yield video

    def _begin(self, video: VideoInput) -> VideoWork:
        rows = ClipRows(self._encoder.num_crops, self._encoder.width)
        return VideoWork(video, self._run.output_of(video.name), rows)

    def _is_done(self, work: VideoWork) -> bool:
        if self._run.forces:
            return False
        # What is fetched is known by its address: its content is not fetched only to be compared.
        content = {"source": work.video.source} if work.video.path is None else {"source_sha256": work.sha256}
        return is_done(self._run.folder / work.output, self._encoder, content)

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            work = event.work
            if event.kind == "clip" and event.clip is not None:
                if not work.rows.rows:
                    self._open.append(work)
                work.rows.announce(event.clip.row)
                self._waiting.append((work, event.clip))
                if len(self._waiting) >= self._run.batch_size:
                    self._encode()
            elif event.kind == "end":
                work.is_read = True
                if not work.rows.rows:
                    self._open.append(work)
                self._write_whole_ones()
            elif event.kind == "again":
                self._drop(work)
                work.rows.clear()
            elif event.kind == "elsewhere":
                work.rows.close()
                self._elsewhere.append(work.video)
            else:
                self._drop(work)
                work.rows.close()
                self._tell(event)
        self._encode()

    def _drop(self, work: VideoWork) -> None:
        self._waiting = [each for each in self._waiting if each[0] is not work]
        self._open = [each for each in self._open if each is not work]

    def _tell(self, event: Event) -> None:
        work = event.work
        if event.refusal is not None:
            self._claims.release(work.output)
            self._report.rejected(work.video.name, event.refusal.code, event.refusal.sentence)
        else:
            self._claims.release(work.output)
            self._report.skipped(work.video.name, work.output)
            self._finished(work)
        self._listener.video(1)

    def _encode(self) -> None:
        batch, self._waiting = self._waiting, []
        if batch:
            found = self._encoder.features([clip.frames for _, clip in batch])
            for (work, clip), features in zip(batch, found, strict=True):
                work.rows.found(clip.row.row, features)
            self._listener.clips(len(batch))
        self._write_whole_ones()

    def _write_whole_ones(self) -> None:
        for work in [each for each in self._open if each.is_read and not each.rows.num_missing]:
            self._open.remove(work)
            with work.rows:
                self._write(work)
            self._claims.release(work.output)
            self._report.notices += [f"{work.video.name}: {sentence}" for sentence in work.notices]
            self._report.done(work.video.name, work.output)
            self._finished(work)
            self._listener.video(1)

    def _write(self, work: VideoWork) -> None:
        output = self._run.folder / work.output
        meta = {
            "source": work.video.source,
            "source_sha256": work.sha256,
            "kind": "video",
            **work.facts,
            "sha256": work.rows.sha256(),
            "shape": list(work.rows.shape),
            **self._encoder.identity,
            "settings": self._encoder.settings,
            "preprocessing": self._encoder.preprocessing,
            "engine": self._encoder.encoder.engine,
            "sfi_version": self._run.version,
        }
        # First what it is, with its hash: a kill in between leaves an output that is not taken for another's.
        side_files.write_rows(output, work.rows.in_order())
        side_files.write_meta(output, meta)
        try:
            work.rows.write_to(output)
        except BaseException:
            side_files.meta_path(output).unlink(missing_ok=True)
            side_files.rows_path(output).unlink(missing_ok=True)
            raise

    def _finished(self, work: VideoWork) -> None:
        if self._run.progress is not None:
            self._run.progress.add(work.output.removesuffix(".npy"))


def is_done(output: Path, encoder: CroppedEncoder, content: dict[str, Any]) -> bool:
    """Whether `output` is whole and made of this content in this way.

    One without a side file (an original's) counts when it can be read and has the expected crops and width.
    """
    meta = side_files.read_meta(output)
    if meta is None:
        try:
            return read_clip_shape(output)[1:] == (encoder.num_crops, encoder.width)
        except FeaturesRefused:
            return False
    if not side_files.matches(meta, encoder.identity | {"settings": encoder.settings} | content):
        return False
    try:
        return sha256_of(output) == meta.get("sha256")
    except OSError:
        return False
