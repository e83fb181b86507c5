"""B3b: a scan of a folder in which nothing has changed, against a bare scandir and stat of it.

python -m benchmarks.rescan [--files 100000] [--pairs 7]
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.media_site import Site, compare, write


def make_files(folder: Path, num_files: int) -> None:
    """Small different files, a thousand to a folder."""
    for number in range(num_files):
        inside = folder / f"{number // 1000:04}"
        if number % 1000 == 0:
            inside.mkdir(parents=True)
        (inside / f"{number:08}.txt").write_text(f"file {number}")


def bare_walk(folder: str) -> int:
    """Names and stats of everything, as fast as Python can."""
    num, folders = 0, [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    num += 1
    return num


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=7)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        folder = root / "many"
        make_files(folder, asked.files)
        site = Site(root)
        corpus = site.corpus()
        begun = time.monotonic()
        first = site.ingest(corpus, folder)
        first_seconds = time.monotonic() - begun

        def product() -> None:
            job = site.ingest(corpus, folder)
            if (job.result["unchanged"], job.result["new"]) != (asked.files, 0):
                raise RuntimeError(f"something was read again: {job.result}")

        def peer() -> None:
            bare_walk(str(folder))

        figures = compare(product, peer, pairs=asked.pairs, clock=time.monotonic)
        figures |= {
            "files": asked.files,
            "times_the_bare_walk": 1 / figures["ratio"],
            "gate": "<= 6 times",
            "target": "<= 3 times",
            "first_scan_seconds": first_seconds,
            "first_scan": first.result,
        }
        write("rescan", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
