"""B3: import of 640x480 JPEGs (walk, hash, thumbnail, pack, rows) against a bare full decode of them.

python -m benchmarks.image_import [--files 2000] [--pairs 5]
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from benchmarks.media_site import Site, compare, postgres_cpu_seconds, write

SEED = 3


def make_photos(folder: Path, num_files: int) -> None:
    """Different JPEGs of about 60 KB: soft shapes under fine grain, as photos are."""
    random = np.random.default_rng(SEED)
    folder.mkdir(parents=True)
    for number in range(num_files):
        soft = cv2.resize(
            random.integers(0, 256, (12, 16, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC
        )
        grain = random.integers(-14, 15, (480, 640, 1), np.int16)
        pixels = np.clip(soft + grain, 0, 255).astype(np.uint8)
        jpeg = simplejpeg.encode_jpeg(pixels, quality=80, colorsubsampling="420")
        (folder / f"{number:06}.jpg").write_bytes(jpeg)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        folder = root / "photos"
        make_photos(folder, asked.files)
        site = Site(root)
        postgres = []

        def product() -> None:
            corpus = site.corpus()
            before = postgres_cpu_seconds()
            job = site.ingest(corpus, folder)
            postgres.append(postgres_cpu_seconds() - before)
            if (job.result["done"], job.result["items"]) != (asked.files, asked.files):
                raise RuntimeError(f"not every photo was taken in: {job.result}")

        def peer() -> None:
            for path in sorted(folder.iterdir()):
                simplejpeg.decode_jpeg(path.read_bytes())

        figures = compare(product, peer, pairs=asked.pairs)
        sizes = [path.stat().st_size for path in folder.iterdir()]
        figures |= {
            "files": asked.files,
            "mean_file_bytes": sum(sizes) / len(sizes),
            "product_us_per_file": 1e6 * figures["product_seconds"] / asked.files,
            "peer_us_per_file": 1e6 * figures["peer_seconds"] / asked.files,
            "postgres_us_per_file": 1e6 * sorted(postgres)[len(postgres) // 2] / asked.files,
            "gate": 0.5,
            "target": 0.8,
        }
        write("image_import", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
