"""Pictures of a folder straight into an index: what they are trained on is encoded once, nothing is kept."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from indexing.compute.ahead import ahead
from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain.index_building import EXACT_BELOW, default_factory
from indexing.compute.plain.index_files import IndexRefused
from indexing.compute.plain.picture_networks import PictureNetwork
from indexing.compute.plain.report import Report
from indexing.compute.vectors import DistanceIndex, VectorsRefused, make_distance_index


def build(
    root: Path,
    names: Sequence[str],
    network: PictureNetwork,
    report: Report,
    *,
    num_train: int,
    factory: str | None,
    seed: int,
    batch_size: int,
    on_progress: Callable[[int], None],
) -> tuple[DistanceIndex, list[str], str]:
    """The index, the picture of every row, and the factory. Memory: the training rows and one batch.

    `num_train` pictures are drawn by `seed` and encoded first; then the others. All of them are added.
    """
    order = np.random.default_rng(seed).permutation(len(names))
    first = set(order[:num_train].tolist())
    training = _collected(root, [names[i] for i in sorted(first)], network, report, batch_size, on_progress)
    if not training:
        raise IndexRefused(f"not one picture below {root} can be read")
    rows = np.concatenate([row for _, row in training])
    used = factory or default_factory(rows.shape[1], len(names))
    if used != "Flat" and len(rows) < EXACT_BELOW:
        raise IndexRefused(
            f"{len(rows)} pictures are left to train {used} on; it needs {EXACT_BELOW}: raise --num-train"
        )
    try:
        index = make_distance_index(used, training=rows, seed=seed)
    except VectorsRefused as error:
        raise IndexRefused(str(error)) from None
    index.add(rows)
    indexed = [str(root / name) for name, _ in training]
    left = [name for i, name in enumerate(names) if i not in first]
    for batch in _encoded(root, left, network, report, batch_size, on_progress):
        index.add(np.concatenate([row for _, row in batch]))
        indexed.extend(str(root / name) for name, _ in batch)
    return index, indexed, used


def digest_of(root: Path, names: Sequence[str]) -> str:
    """Of names, sizes and times of the pictures: the same pictures give the same."""
    digest = hashlib.sha256()
    for name in names:
        stat = (root / name).stat()
        line = f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _collected(
    root: Path,
    names: Sequence[str],
    network: PictureNetwork,
    report: Report,
    batch_size: int,
    on_progress: Callable[[int], None],
) -> list[tuple[str, np.ndarray]]:
    batches = _encoded(root, names, network, report, batch_size, on_progress)
    return [each for batch in batches for each in batch]


def _encoded(
    root: Path,
    names: Sequence[str],
    network: PictureNetwork,
    report: Report,
    batch_size: int,
    on_progress: Callable[[int], None],
) -> Iterator[list[tuple[str, np.ndarray]]]:
    """Batches of (name, row (1, D)); pictures that cannot be read are rejected in `report`."""
    network.engine(len(names))
    with Decoder(is_for_pictures=True) as decoder:

        def fitted() -> Iterator[tuple[str, np.ndarray | MediaRefused]]:
            for name in names:
                try:
                    yield name, network.fit(decoder.image(root / name).pixels)
                except MediaRefused as refusal:
                    yield name, refusal

        waiting: list[tuple[str, np.ndarray]] = []
        with ahead(fitted(), 2 * batch_size) as pictures:
            for name, picture in pictures:
                on_progress(1)
                if isinstance(picture, MediaRefused):
                    report.rejected(name, picture.code, picture.sentence)
                    continue
                waiting.append((name, picture))
                if len(waiting) >= batch_size:
                    yield _rows(waiting, network, report)
                    waiting = []
        if waiting:
            yield _rows(waiting, network, report)


def _rows(
    waiting: Sequence[tuple[str, np.ndarray]], network: PictureNetwork, report: Report
) -> list[tuple[str, np.ndarray]]:
    found = network.rows([picture for _, picture in waiting])
    for name, _ in waiting:
        report.done(name)
    return [(name, row) for (name, _), row in zip(waiting, found, strict=True)]
