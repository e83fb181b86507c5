"""Videos of a list to one feature file each: resumable, shared by processes and devices, nothing lost."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from threading import Event, Lock, local
from typing import Any

import numpy as np

from indexing.compute.ahead import ahead
from indexing.compute.clips.streaming import stream
from indexing.compute.decoder import Decoder
from indexing.compute.files import sha256_of
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain import side_files
from indexing.compute.plain.claims import Claims
from indexing.compute.plain.feature_files import FeaturesRefused, read_shape
from indexing.compute.plain.growing import GrowingNpy, GrowingRows
from indexing.compute.plain.report import Report
from indexing.compute.plain.slowfast.config import Config
from indexing.compute.plain.slowfast.inputs import Source, source_of
from indexing.compute.plain.slowfast.network import ClipNetwork

Advance = Callable[[int], None]
CLIPS_AHEAD = 4  # that are cut while the network is at work; one of 32 frames of 256 px takes 6 MB


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of the list before the network runs."""

    num_rows: int  # about; those that are done are counted too
    num_unknown: int  # videos that do not say how long they are


@dataclass(frozen=True, slots=True)
class Run:
    """The lines of one run, and how they are made."""

    config: Config
    names: Sequence[str]
    facts: Mapping[str, Any]  # of the network, for side files
    width: int
    version: str
    has_scores: bool = False
    forces: bool = False
    keeps_damaged: bool = False

    @property
    def folder(self) -> Path:
        return self.config.output_dir

    def output(self, name: str) -> str:
        """a/b.c -> a/b.c_32.npy, relative to the output folder."""
        return f"{PurePosixPath(name)}_{self.config['DATA.NUM_FRAMES']}.npy"

    def scores(self, name: str) -> str:
        return f"{PurePosixPath(name)}_{self.config['DATA.NUM_FRAMES']}.predictions.npy"


def look(config: Config, names: Sequence[str]) -> Look:
    """About how many rows there will be, told by what videos say of themselves; refusals come later."""
    num_rows = num_unknown = 0
    with Decoder() as decoder:
        for name in names:
            try:
                num_frames = source_of(name, config).look(decoder)
            except (MediaRefused, OSError):
                continue
            num_unknown += num_frames is None
            num_rows += config.plan.num_rows(num_frames or 0)
    return Look(num_rows, num_unknown)


def extract(run: Run, networks: Sequence[ClipNetwork], report: Report, on_rows: Advance) -> None:
    """Write features and side files of every line not done yet; each network takes the next video.

    A video that cannot be read is rejected and the others go on. Videos that another process works on
    come last, and are waited for.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with Claims(run.folder) as claims, ExitStack() as decoders:
        work = _Work(run, claims, report, on_rows, decoders)
        left = deque(run.names)
        if len(networks) == 1:
            work.take_all(networks[0], left)
        else:
            _in_threads(work, networks, left)
        for name in work.elsewhere:
            work.one(name, networks[0], waits=True)


def _in_threads(work: "_Work", networks: Sequence[ClipNetwork], left: deque[str]) -> None:
    """A thread per network, each with one video at a time; an error, or Ctrl-C, ends them all."""
    with ThreadPoolExecutor(len(networks)) as pool:
        try:
            for ended in [pool.submit(work.take_all, network, left) for network in networks]:
                ended.result()
        except BaseException:
            work.stops.set()
            raise


class _Stopped(Exception):
    """Another thread has ended the run; its error is the one to tell."""


class _Work:
    """What the threads of one run share; each has a decoder child of its own."""

    def __init__(
        self, run: Run, claims: Claims, report: Report, on_rows: Advance, decoders: ExitStack
    ) -> None:
        self._run, self._claims, self._report, self._on_rows = run, claims, report, on_rows
        self._decoders, self._own, self._lock = decoders, local(), Lock()
        self.elsewhere: list[str] = []
        self.stops = Event()

    def take_all(self, network: ClipNetwork, left: deque[str]) -> None:
        """One video after the other, until none is left."""
        while not self.stops.is_set():
            try:
                name = left.popleft()
            except IndexError:
                return
            try:
                self.one(name, network)
            except _Stopped:
                return
            except BaseException:
                self.stops.set()
                raise

    def one(self, name: str, network: ClipNetwork, *, waits: bool = False) -> None:
        """A video that is done, is claimed elsewhere, is refused, or is made now."""
        try:
            source = source_of(name, self._run.config)
            sha256 = source.sha256()
        except MediaRefused as refusal:
            self._rejected(name, refusal.code, refusal.sentence)
            return
        except OSError as error:
            self._rejected(name, "not-readable", f"It cannot be read ({error.strerror}).")
            return
        if self._is_done(name, sha256):
            self._told(name, "skipped", source)
        elif not self._claims.take(name, waits=waits):
            self.elsewhere.append(name)
        else:
            try:
                if self._is_done(name, sha256):  # while we waited
                    self._told(name, "skipped", source)
                else:
                    self._make(name, source, sha256, network)
            except MediaRefused as refusal:
                self._rejected(name, refusal.code, refusal.sentence)
            finally:
                self._claims.release(name)

    def _make(self, name: str, source: Source, sha256: str, network: ClipNetwork) -> None:
        run, plan = self._run, self._run.config.plan
        output, decoder = run.folder / run.output(name), self._decoder()
        about = source.facts(decoder)
        with ExitStack() as files:
            features = files.enter_context(GrowingNpy(output, network.width))
            rows = files.enter_context(GrowingRows(side_files.rows_path(output)))
            scores = None
            if run.has_scores:
                scored = GrowingNpy(run.folder / run.scores(name), network.num_scores)
                scores = files.enter_context(scored)
            clips = stream(source.frames(decoder), plan, network.prepare)
            with closing(clips), ahead(clips, CLIPS_AHEAD) as coming:
                while batch := list(islice(coming, network.batch)):
                    if self.stops.is_set():
                        raise _Stopped
                    found, classes = network.rows(batch)
                    features.add(_finite(found))
                    if scores is not None:
                        scores.add(classes)
                    for clip in batch:
                        rows.add(clip.row)
                    self._advance(len(batch))
            if source.damage and not run.keeps_damaged:
                told = source.damage.removesuffix(" The good frames are kept.")  # here they are not
                raise MediaRefused("damaged", f"{told} --keep-damaged writes the rows of what was read.")
            meta = {**about, "source_sha256": sha256, **run.facts, "sfi_version": run.version}
            if source.damage:
                meta["damage"] = source.damage
                source.notices.append(f"{name}: {source.damage}")
            outputs = [run.output(name)]
            if scores is not None:
                scores.close()
                _publish(scores, meta)
                outputs.append(run.scores(name))
            rows.close()
            features.close()
            _publish(features, meta, rows)
        if not features.num_rows:
            source.notices.append(
                f"{name} is too short for a window from frame {plan.offset} on: its file has no rows"
            )
        self._told(name, "done", source, *outputs)

    def _is_done(self, name: str, sha256: str) -> bool:
        run = self._run
        if run.forces:
            return False
        names = [run.output(name), *([run.scores(name)] if run.has_scores else [])]
        return all(_is_whole(run, run.folder / each, sha256) for each in names)

    def _told(self, name: str, how: str, source: Source, *outputs: str) -> None:
        with self._lock:
            if how == "skipped":
                output = self._run.output(name)
                self._report.skipped(name, output)
                self._on_rows(read_shape(self._run.folder / output)[0])
            else:
                self._report.done(name, *outputs)
            self._report.notices += source.notices

    def _rejected(self, name: str, code: str, sentence: str) -> None:
        with self._lock:
            self._report.rejected(name, code, sentence)

    def _advance(self, num_rows: int) -> None:
        with self._lock:
            self._on_rows(num_rows)

    def _decoder(self) -> Decoder:
        if not hasattr(self._own, "decoder"):
            self._own.decoder = self._decoders.enter_context(Decoder())
        return self._own.decoder


def _is_whole(run: Run, output: Path, sha256: str) -> bool:
    """Whether `output` is whole and made of these bytes in this way.

    One without a side file (an original's) counts when it can be read and has the expected width.
    """
    meta = side_files.read_meta(output)
    try:
        if meta is None:
            return not output.name.endswith(".predictions.npy") and read_shape(output)[1] == run.width
        wanted = {name: run.facts[name] for name in ("encoder", "weights_sha256", "settings")}
        is_same = side_files.matches(meta, wanted | {"source_sha256": sha256})
        return is_same and sha256_of(output) == meta.get("sha256")
    except (FeaturesRefused, OSError):
        return False


def _publish(grown: GrowingNpy, meta: Mapping[str, Any], rows: GrowingRows | None = None) -> None:
    """First what it is, with its hash: a kill in between leaves nothing that is taken for done."""
    facts = {"sha256": sha256_of(grown.temporary), "shape": list(grown.shape)}
    side_files.write_meta(grown.path, {**meta, **facts})
    if rows is not None:
        rows.publish()
    grown.publish()


def _finite(rows: np.ndarray) -> np.ndarray:
    if not np.isfinite(rows).all():
        sentence = "The network gave numbers that are not finite; is the checkpoint the right one?"
        raise MediaRefused("not-finite", sentence)
    return rows
