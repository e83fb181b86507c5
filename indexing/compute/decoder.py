"""The way to the decoder child: everything that touches bytes of strangers goes through `Decoder`."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fcntl import F_GETFL, F_SETFL, fcntl
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from indexing.compute.cutting import ClipPolicy
from indexing.compute.decoder_child import HEADER
from indexing.compute.files import text_to_path
from indexing.compute.frame_table import FrameTable
from indexing.compute.media_facts import Frame, MediaFacts, MediaRefused, Picture, ReadingEnd
from indexing.compute.sampling import FramePolicy

PATIENCE_SECONDS = 300.0  # without one message from the child: a slow disk is not a hostile file
F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small JPEG of a photo or a frame, and what is needed to make an item of it."""

    jpeg: bytes
    width_px: int  # of the thumbnail
    height_px: int
    perceptual_hash: int
    facts: dict[str, Any]  # of the photo (width_px, notes, ...) or the frame (pts, number, ...)


class ChildDied(Exception):
    """The child ended or was ended amid an answer; `sentence` says how."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class FrameReading:
    """Frames on their way from the child, once; `end` is set after the last."""

    def __init__(self, messages: Iterator[tuple[bytes, dict[str, Any], Any]], make: Any) -> None:
        self._messages, self._make = messages, make
        self.end: ReadingEnd | None = None

    def __iter__(self) -> Iterator[Any]:
        for kind, facts, blob in self._messages:
            if kind == b"x":
                raise MediaRefused(facts["code"], facts["sentence"])
            if kind == b"." and facts:
                self.end = ReadingEnd(**facts | {"notes": tuple(facts["notes"])})
            elif kind == b"r":
                yield self._make(facts, blob)


class Decoder:
    """Reads media in a limited child process, kept warm for many files and replaced when it dies.

    A file that kills the child, or lets it say nothing for long, is a MediaRefused like any other.
    One reading at a time; used as a context manager, or closed by `close`. With `is_for_pictures` it has
    `image` alone, and starts without what reads videos.
    """

    def __init__(self, *, is_for_pictures: bool = False) -> None:
        self._words = ["pictures"] if is_for_pictures else []
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def identify(self, path: Path | str) -> MediaFacts:
        """The kind, container, codec and sizes of a file."""
        (facts, _), *_ = self._results({"ask": "identify", "path": _text(path)})
        return MediaFacts(**facts)

    def image(
        self, path: Path | str, *, min_side_px: int | None = None, max_side_px: int | None = None
    ) -> Picture:
        """A photo's pixels, upright."""
        ask = {"ask": "images", "paths": [_text(path)], "form": "pixels"}
        ((facts, blob),) = self._results(ask | _sizes(min_side_px, max_side_px))
        pixels = _pixels(facts, blob)
        notes = tuple(facts["notes"])
        return Picture(pixels, facts["width_px"], facts["height_px"], facts["rotation_degrees"], notes)

    def image_jpeg(self, path: Path | str, *, max_side_px: int | None = None) -> bytes:
        """A photo as a JPEG without metadata, upright; its long side may shrink, not below `max_side_px`."""
        ask = {"ask": "images", "paths": [_text(path)], "form": "jpeg"}
        ((_, blob),) = self._results(ask | _sizes(None, max_side_px))
        return bytes(blob)

    def image_thumbnails(self, paths: Sequence[Path | str]) -> Iterator[Thumbnail | MediaRefused]:
        """A thumbnail or a refusal for each path, in their order."""
        left = [_text(path) for path in paths]
        while left:
            num_answered = 0
            try:
                for kind, facts, blob in self._ask({"ask": "images", "paths": left, "form": "thumbnail"}):
                    if kind == b".":
                        return
                    num_answered += 1
                    if kind == b"x":
                        yield MediaRefused(facts["code"], facts["sentence"])
                    else:
                        yield _thumbnail(facts, blob)
            except ChildDied as death:
                yield MediaRefused(death.code, death.sentence)
                num_answered += 1
            left = left[num_answered:]

    def frames(
        self,
        path: Path | str,
        policy: FramePolicy,
        *,
        min_side_px: int | None = None,
        max_side_px: int | None = None,
    ) -> FrameReading:
        """The frames that `policy` keeps as `Frame`s, in presentation order."""
        return self._reading(path, policy, "pixels", _frame, _sizes(min_side_px, max_side_px))

    def frame_thumbnails(self, path: Path | str, policy: FramePolicy) -> FrameReading:
        """The frames that `policy` keeps as `Thumbnail`s, in presentation order."""
        return self._reading(path, policy, "thumbnail", _thumbnail, {})

    def frames_at(
        self,
        path: Path | str,
        pts: Sequence[int],
        *,
        min_side_px: int | None = None,
        max_side_px: int | None = None,
    ) -> Iterator[Frame]:
        """The frames at these pts, each once, the very pixels that `frames` gives; mostly ascending."""
        ask = {"ask": "frames_at", "path": _text(path), "pts": [int(at) for at in pts], "form": "pixels"}
        messages = self._refusing(ask | _sizes(min_side_px, max_side_px))
        return iter(FrameReading(messages, _frame))

    def frame_pictures(
        self,
        path: Path | str,
        pts: Sequence[int],
        *,
        form: Literal["jpeg", "png"] = "jpeg",
        max_side_px: int | None = None,
        keys: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, bytes]]:
        """(pts, picture) of the frames at these pts as `frames_at` gives them; `keys` as in seeking."""
        ask = {"ask": "frames_at", "path": _text(path), "pts": [int(at) for at in pts], "form": form}
        if keys is not None:
            ask["keys"] = [int(at) for at in keys]
        messages = self._refusing(ask | _sizes(None, max_side_px))
        return iter(FrameReading(messages, lambda facts, blob: (facts["pts"], bytes(blob))))

    def frame_table(self, path: Path | str) -> FrameTable:
        """Every frame of a video by number and pts."""
        ((facts, blob),) = self._results({"ask": "frame_table", "path": _text(path)})
        return FrameTable.from_bytes(facts, blob)

    def clips(self, path: Path | str, policy: ClipPolicy) -> FrameReading:
        """The clips that `policy` cuts a video into, in order: `Thumbnail`s of their middles.

        Their facts: start_pts, stop_pts, number and pts_seconds of the first frame.
        """
        ask = {"ask": "clips", "path": _text(path), "policy": asdict(policy)}
        return FrameReading(self._refusing(ask), _thumbnail)

    def span(
        self,
        path: Path | str,
        start_pts: int,
        stop_pts: int,
        *,
        min_side_px: int | None = None,
        max_side_px: int | None = None,
    ) -> FrameReading:
        """The frames from `start_pts` up to, not with, `stop_pts`, without what lies before them."""
        ask = {"ask": "span", "path": _text(path), "start_pts": int(start_pts), "stop_pts": int(stop_pts)}
        sizes = _sizes(min_side_px, max_side_px)
        return FrameReading(self._refusing(ask | {"form": "pixels"} | sizes), _frame)

    def copy_span(self, path: Path | str, start_pts: int, stop_pts: int) -> tuple[bytes, str]:
        """An mp4 with the stored packets of these frames, or (b"", why that cannot be), as in span_copies."""
        ask = {"ask": "copy", "path": _text(path), "start_pts": int(start_pts), "stop_pts": int(stop_pts)}
        ((facts, blob),) = self._results(ask)
        return bytes(blob), facts["why_not"]

    def frame_jpeg(self, path: Path | str, pts: int) -> bytes:
        """One whole frame as a JPEG."""
        ((_, blob),) = self._results({"ask": "frames_at", "path": _text(path), "pts": [pts], "form": "jpeg"})
        return bytes(blob)

    def _reading(
        self, path: Path | str, policy: FramePolicy, form: str, make: Any, sizes: dict[str, Any]
    ) -> FrameReading:
        ask = {"ask": "frames", "path": _text(path), "policy": asdict(policy), "form": form}
        return FrameReading(self._refusing(ask | sizes), make)

    def _results(self, request: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
        """All results of an answer; a refusal among them is raised."""
        results, refusal = [], None
        for kind, facts, blob in self._refusing(request):
            if kind == b"x":
                refusal = MediaRefused(facts["code"], facts["sentence"])
            elif kind == b"r":
                results.append((facts, blob))
        if refusal is not None:
            raise refusal
        return results

    def _refusing(self, request: dict[str, Any]) -> Iterator[tuple[bytes, dict[str, Any], Any]]:
        """The messages of an answer; the child's death is a refusal of the file."""
        try:
            yield from self._ask(request)
        except ChildDied as death:
            yield b"x", {"code": death.code, "sentence": death.sentence}, b""

    def _ask(self, request: dict[str, Any]) -> Iterator[tuple[bytes, dict[str, Any], Any]]:
        """The messages of an answer, up to and with its end. Left half-way, the child is ended."""
        with self._lock:
            child = self._started()
            is_whole = False
            try:
                _write_line(child, request)
                while not is_whole:
                    message = _message(child)
                    is_whole = message[0] == b"."
                    yield message
            finally:
                if not is_whole:
                    self.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        with _diagnosis() as errors:
            child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "indexing.compute.decoder_child", *self._words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={
                    "PATH": os.defpath,
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                    "LC_ALL": "C.UTF-8",
                },
            )
            self._child = child
            for pipe in (child.stdin, child.stdout):
                fcntl(pipe, F_SETFL, fcntl(pipe, F_GETFL) | os.O_NONBLOCK)  # type: ignore[arg-type]
                with suppress(OSError):  # more than an ordinary user's share: the default will do
                    fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[arg-type]
            try:
                _message(child)
            except ChildDied as death:
                self.close()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-2000:]
                raise RuntimeError(f"the decoder does not start: {death}\n{said}") from death
        return child


@contextmanager
def _diagnosis() -> Iterator[Any]:
    """Where the child writes until it has said hello."""
    with tempfile.TemporaryFile() as errors:
        yield errors


def _write_line(child: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    assert child.stdin is not None  # noqa: S101 - opened as a pipe
    rest = memoryview(json.dumps(request).encode() + b"\n")
    handle = child.stdin.fileno()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rest:
        try:
            rest = rest[os.write(handle, rest) :]
        except BlockingIOError:
            _wait(handle, select.POLLOUT, deadline, child)
        except BrokenPipeError:
            raise _death(child) from None


def _message(child: subprocess.Popen[bytes]) -> tuple[bytes, dict[str, Any], Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    kind, num_text, num_blob = HEADER.unpack(_read(child, HEADER.size, deadline))
    facts = json.loads(bytes(_read(child, num_text, deadline)))
    return kind, facts, _read(child, num_blob, deadline) if num_blob else b""


def _read(child: subprocess.Popen[bytes], num_bytes: int, deadline: float) -> Any:
    assert child.stdout is not None  # noqa: S101 - opened as a pipe
    handle = child.stdout.fileno()
    whole = memoryview(np.empty(num_bytes, np.uint8).data)  # not zeroed first, as a bytearray is
    rest = whole
    while rest:
        try:
            num = os.readv(handle, [rest])
        except BlockingIOError:
            _wait(handle, select.POLLIN, deadline, child)
            continue
        if num == 0:
            raise _death(child)
        rest = rest[num:]
    return whole


def _wait(handle: int, event: int, deadline: float, child: subprocess.Popen[bytes]) -> None:
    poll = select.poll()
    poll.register(handle, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        child.kill()
        raise ChildDied(
            "took-too-long", f"The decoder gave nothing for {PATIENCE_SECONDS:g} s and was stopped."
        )


def _death(child: subprocess.Popen[bytes]) -> ChildDied:
    try:
        status = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        status = child.wait()
    if status == -signal.SIGXCPU:
        return ChildDied("took-too-long", "Decoding it took more time than is allowed; it may be hostile.")
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return ChildDied(
        "crashed-decoder",
        f"The decoder died reading it ({how}); the file is damaged or hostile. Export it again.",
    )


def _text(path: Path | str) -> str:
    """An absolute path as the child opens it."""
    if isinstance(path, str) and path.startswith("/"):
        return path
    found = text_to_path(path) if isinstance(path, str) else path
    return str(found.absolute())


def _sizes(min_side_px: int | None, max_side_px: int | None) -> dict[str, int | None]:
    return {"min_side_px": min_side_px, "max_side_px": max_side_px}


def _pixels(facts: dict[str, Any], blob: Any) -> np.ndarray:
    return np.frombuffer(blob, np.uint8).reshape(facts["shape"])


def _frame(facts: dict[str, Any], blob: Any) -> Frame:
    base = (facts["time_base"][0], facts["time_base"][1])
    return Frame(
        facts["number"],
        facts["pts"],
        base,
        facts["pts_seconds"],
        _pixels(facts, blob),
        facts["is_codec_keyframe"],
    )


def _thumbnail(facts: dict[str, Any], blob: Any) -> Thumbnail:
    height, width, _ = facts.pop("shape")
    return Thumbnail(bytes(blob), width, height, facts.pop("perceptual_hash"), facts)
