"""Pictures of a folder to one feature file each, resumable, shared between processes, nothing lost."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any, NamedTuple

import numpy as np

from indexing.compute.decoder import Decoder
from indexing.compute.files import sha256_of
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain import side_files
from indexing.compute.plain.claims import Claims
from indexing.compute.plain.feature_files import FeaturesRefused, read_shape
from indexing.compute.plain.picture_networks import PictureNetwork
from indexing.compute.plain.report import Report
from indexing.compute.plain.whole_files import as_npy, write_whole

Advance = Callable[[int], None]


class Read(NamedTuple):
    """One input, decoded and fitted; or done before; or refused; or in the hands of another process."""

    name: str
    state: str  # ready, done, refused, elsewhere
    fitted: np.ndarray | None = None
    sha256: str = ""
    size: tuple[int, int] = (0, 0)  # width, height of the whole picture, upright
    refusal: MediaRefused | None = None


@dataclass(frozen=True, slots=True)
class ImageRun:
    """The inputs of one run and where their outputs go."""

    root: Path
    names: Sequence[str]  # relative to root
    outputs: Mapping[str, str]  # name -> relative to `folder`
    folder: Path
    version: str  # of sfi, for the side files
    batch_size: int = 32
    num_workers: int = 0
    forces: bool = False

    def output(self, name: str) -> Path:
        return self.folder / self.outputs[name]


def extract(run: ImageRun, network: PictureNetwork, report: Report, on_progress: Advance) -> None:
    """Write the feature file and the side file of every picture not done yet; `report` gets each input.

    A file that cannot be read is rejected and the others go on. OSError when the disk is full; what was
    written until then is whole. Inputs that another process works on come last, and are waited for.
    """
    facts = facts_of(network) | {"sfi_version": run.version}
    with Claims(run.folder) as claims, _Reader(run, network, claims, facts) as reader:
        waiting: list[Read] = []
        elsewhere: list[str] = []

        def flush() -> None:
            if not waiting:
                return  # where all is done before, the network is never loaded
            found = network.rows([read.fitted for read in waiting if read.fitted is not None])
            for read, rows in zip(waiting, found, strict=True):
                _write(run, network, facts, read, rows)
                claims.release(read.name)
                report.done(read.name, run.outputs[read.name])
            on_progress(len(waiting))
            waiting.clear()

        def take(read: Read) -> None:
            if read.state == "elsewhere":
                elsewhere.append(read.name)
            elif read.state == "ready":
                network.engine(len(run.names))
                waiting.append(read)
                if len(waiting) >= run.batch_size:
                    flush()
            else:
                _tell(read, run, report)
                on_progress(1)

        for read in reader.read(run.names):
            take(read)
        flush()
        for name in elsewhere:
            take(reader.one(name, waits=True))
        flush()


def _tell(read: Read, run: ImageRun, report: Report) -> None:
    if read.refusal is not None:
        report.rejected(read.name, read.refusal.code, read.refusal.sentence)
    else:
        report.skipped(read.name, run.outputs[read.name])


def facts_of(network: PictureNetwork) -> dict[str, Any]:
    """What a side file says of the network."""
    settings = network.settings
    return network.identity | {
        "settings": {
            "network": settings.encoder,
            "pool": "map" if network.has_map else network.spec.pooling,
            "image_size": network.spec.input_size,
            "precision": settings.precision,
        },
        "preprocessing": network.preprocessing,
    }


def _write(
    run: ImageRun, network: PictureNetwork, facts: Mapping[str, Any], read: Read, rows: np.ndarray
) -> None:
    output = run.output(read.name)
    content = as_npy(rows if network.has_map else rows[0])
    engine = network.engine()
    meta = {
        "source": str((run.root / read.name).absolute()),
        "source_sha256": read.sha256,
        "kind": "image",
        "width_px": read.size[0],
        "height_px": read.size[1],
        "sha256": hashlib.sha256(content).hexdigest(),
        "shape": list(rows.shape) if network.has_map else [rows.shape[1]],
        **facts,
        "engine": f"{engine.name} {engine.precision}",
    }
    if network.has_map and read.fitted is not None:
        meta["grid"] = list(network.grid_of(read.fitted))
    # First what it is, with its hash: a kill in between leaves an output that is not taken for another's.
    side_files.write_meta(output, meta)
    try:
        write_whole(output, content)
    except BaseException:
        side_files.meta_path(output).unlink(missing_ok=True)
        raise


def is_done(output: Path, sha256: str, facts: Mapping[str, Any], width: int | None) -> bool:
    """Whether `output` is whole and made of these bytes in this way.

    One without a side file (an original's) counts when it can be read and has the expected width.
    """
    meta = side_files.read_meta(output)
    if meta is None:
        try:
            return read_shape(output)[1] == width or width is None
        except FeaturesRefused:
            return False
    wanted = {name: facts[name] for name in ("encoder", "weights_sha256", "settings")}
    if not side_files.matches(meta, wanted | {"source_sha256": sha256}):
        return False
    try:
        return sha256_of(output) == meta.get("sha256")
    except OSError:
        return False


class _Reader:
    """Reads ahead in a thread per decoder child: hash, done or not, decode, fit."""

    def __init__(
        self, run: ImageRun, network: PictureNetwork, claims: Claims, facts: Mapping[str, Any]
    ) -> None:
        self._run, self._network, self._claims, self._facts = run, network, claims, facts
        self._num_threads = max(1, run.num_workers)
        self._own = local()
        self._open = ExitStack()

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, names: Sequence[str]) -> Iterator[Read]:
        """Every name in its order, some of them ahead of time."""
        depth = 2 * self._num_threads + (self._run.batch_size if self._network.spec.input_size else 2)
        left = iter(names)
        waiting: deque[Future[Read]] = deque()
        with ThreadPoolExecutor(self._num_threads) as pool:
            try:
                for name in left:
                    waiting.append(pool.submit(self.one, name))
                    if len(waiting) > depth:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def one(self, name: str, *, waits: bool = False) -> Read:
        """One input. What is done is not claimed; what is claimed elsewhere is not read."""
        path = self._run.root / name
        try:
            sha256 = sha256_of(path)
        except OSError as error:
            return Read(
                name,
                "refused",
                refusal=MediaRefused("not-readable", f"It cannot be read ({error.strerror})."),
            )
        if self._is_done(name, sha256):
            return Read(name, "done")
        if not self._claims.take(name, waits=waits):
            return Read(name, "elsewhere")
        if self._is_done(name, sha256):  # while we waited
            self._claims.release(name)
            return Read(name, "done")
        try:
            picture = self._decoder().image(path)
        except MediaRefused as refusal:
            self._claims.release(name)
            return Read(name, "refused", refusal=refusal)
        fitted = self._network.fit(picture.pixels)
        return Read(name, "ready", fitted, sha256, (picture.width_px, picture.height_px))

    def _is_done(self, name: str, sha256: str) -> bool:
        if self._run.forces:
            return False
        return is_done(self._run.output(name), sha256, self._facts, self._network.width)

    def _decoder(self) -> Decoder:
        if not hasattr(self._own, "decoder"):
            self._own.decoder = self._open.enter_context(Decoder(is_for_pictures=True))
        return self._own.decoder
