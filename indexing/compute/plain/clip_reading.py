"""Videos to clips ahead of the network: threads with a decoder child each, one queue, nothing unbounded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from indexing.compute.clips.streaming import Clip, FrameCountDiffers, stream
from indexing.compute.clips.windows import ConsecutiveClips
from indexing.compute.decoder import Decoder
from indexing.compute.files import sha256_of
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain.clip_rows import ClipRows
from indexing.compute.plain.video_inputs import VideoInput
from indexing.compute.sampling import FramePolicy

EVERY = FramePolicy("every")
WAIT_SECONDS = 0.2
CLIPS_AHEAD = 4


@dataclass(slots=True, eq=False)
class VideoWork:
    """One video under way; its outcome is settled once."""

    video: VideoInput
    output: str  # relative to the output folder
    rows: ClipRows
    sha256: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    is_read: bool = False  # all of its clips were announced
    is_void: bool = False  # refused half-way: what waits for the network is not wanted


@dataclass(frozen=True, slots=True)
class Event:
    """What a reader met: a clip, the end of a video, its begin anew, or its end without features."""

    kind: Literal["clip", "end", "again", "refused", "done", "elsewhere"]
    work: VideoWork
    clip: Clip | None = None
    refusal: MediaRefused | None = None


class Turns:
    """Hands out videos one after the other; with `limit`, until so many were read to their end.

    A video that is refused, or was done before, does not count.
    """

    def __init__(self, videos: Iterable[VideoInput], limit: int | None) -> None:
        self._videos, self._left = iter(videos), limit
        self._num_open = 0
        self._changed = threading.Condition()

    def next(self) -> VideoInput | None:
        """The next one, waiting while it depends on those under way whether there is one; None at the end."""
        with self._changed:
            while self._left == 0 and self._num_open:
                self._changed.wait()
            video = None if self._left == 0 else next(self._videos, None)
            if video is not None:
                self._num_open += 1
                self._left = None if self._left is None else self._left - 1
            return video

    def settle(self, *, counts: bool) -> None:
        """One of those handed out was read to its end, or (`counts` false) came to nothing."""
        with self._changed:
            self._num_open -= 1
            if not counts and self._left is not None:
                self._left += 1
            self._changed.notify_all()

    def close(self) -> None:
        """No more."""
        with self._changed:
            self._left, self._num_open = 0, 0
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reader makes events of a video."""

    plan: ConsecutiveClips
    prepare: Callable[[Any], Any]
    begin: Callable[[VideoInput], VideoWork]
    is_done: Callable[[VideoWork], bool]
    take: Callable[[VideoWork], bool]  # whether no other process works on it

    def events(self, video: VideoInput, decoder: Decoder) -> Iterator[Event]:
        """All that happens to `video`, up to and with its end. Nothing of it is raised."""
        work = self.begin(video)
        try:
            if video.path is None and self.is_done(work):  # known by its name alone: not fetched
                yield Event("done", work)
                return
            with video.local() as path:
                work.sha256 = _sha256_of(path)
                if self.is_done(work):
                    yield Event("done", work)
                elif not self.take(work):
                    yield Event("elsewhere", work)
                elif self.is_done(work):  # by another process, just now
                    yield Event("done", work)
                else:
                    yield from self._clips(work, path, decoder)
        except MediaRefused as refusal:
            yield Event("refused", work, refusal=refusal)

    def _clips(self, work: VideoWork, path: Path, decoder: Decoder) -> Iterator[Event]:
        facts = decoder.identify(path)
        if facts.kind != "video":
            raise MediaRefused("not-a-video", f"This is a {facts.container} image, not a video.")
        work.facts = {
            "width_px": facts.width_px,
            "height_px": facts.height_px,
            "fps": facts.frames_per_second,
            "time_base": f"{facts.time_base_numerator}/{facts.time_base_denominator}",
        }
        count = len(decoder.frame_table(path)) if self.plan.needs_count else None
        while True:
            reading = decoder.frames(path, EVERY)
            try:
                for clip in stream(reading, self.plan, self.prepare, num_frames=count):
                    yield Event("clip", work, clip)
            except FrameCountDiffers as differs:
                count = differs.num_frames
                yield Event("again", work)
                continue
            except ValueError as error:
                if isinstance(error, MediaRefused):
                    raise
                raise MediaRefused("odd-frames", f"Its frames make no clips: {error}") from error
            if reading.end is not None:
                work.facts["num_frames"] = reading.end.num_decoded
                work.notices = [*filter(None, (reading.end.damage,)), *reading.end.notes]
            yield Event("end", work)
            return


@contextmanager
def reading(work: Reading, turns: Turns, num_threads: int) -> Iterator[Iterator[Event]]:
    """The events of all videos that `turns` hands out; leaving the block ends threads and decoders."""
    waiting: queue.Queue[Event | BaseException | None] = queue.Queue(CLIPS_AHEAD * num_threads)
    is_over = threading.Event()

    def put(thing: Event | BaseException | None) -> None:
        while not is_over.is_set():
            try:
                waiting.put(thing, timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            with Decoder() as decoder:
                while not is_over.is_set() and (video := turns.next()) is not None:
                    last = ""
                    for event in work.events(video, decoder):
                        last = event.kind
                        put(event)
                        if is_over.is_set():
                            return
                    turns.settle(counts=last == "end")
        except BaseException as error:
            put(error)
        else:
            put(None)

    def events() -> Iterator[Event]:
        num_reading = num_threads
        while num_reading:
            thing = waiting.get()
            if isinstance(thing, BaseException):
                raise thing
            if thing is None:
                num_reading -= 1
            else:
                yield thing

    threads = [threading.Thread(target=read, name=f"clips-{i}", daemon=True) for i in range(num_threads)]
    for thread in threads:
        thread.start()
    try:
        yield events()
    finally:
        is_over.set()
        turns.close()
        for thread in threads:
            thread.join()


def _sha256_of(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise MediaRefused("not-readable", f"It cannot be read ({error.strerror}).") from None
