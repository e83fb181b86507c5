"""B5: a build from vectors to a tested folder, against faiss's own train and add of the same string.

    python -m benchmarks.index_build [--num 200000] [--pairs 5]

In turn, in CPU seconds. The peer does not do all of it: the product also keeps the vectors beside the codes,
takes checksums, opens what it wrote, measures recall by brute force. Gate 1.4x, goal 1.1x.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import search_site
from benchmarks.search_site import blocks, keep


def measure(num: int, pairs: int) -> dict[str, Any]:
    from indexing.compute import vectors
    from indexing.compute.builds import TRAINING_ROWS, Manifest, write_build

    made = list(blocks(num))
    folder = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))

    def product() -> Manifest:
        shutil.rmtree(folder, ignore_errors=True)
        return write_build(folder, made, encoder="made@1", weights_sha256="", shard_ids=[1])

    manifest = product()
    training = np.concatenate([rows for _, rows in made])[:: max(1, num // TRAINING_ROWS)][:TRAINING_ROWS]

    def peer() -> None:
        index = vectors.make_index(manifest.factory, training=training)
        vectors.add(index, (rows for _, rows in made))

    peer()
    ratios, ours, theirs = [], [], []
    for _ in range(pairs):
        begun = time.process_time()
        product()
        middle = time.process_time()
        peer()
        ours.append(middle - begun)
        theirs.append(time.process_time() - middle)
        ratios.append(ours[-1] / theirs[-1])
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "benchmark": "B5 build",
        "num_vectors": num,
        "factory": manifest.factory,
        "recall_at_10": manifest.recall_at_10,
        "recall_at_100": manifest.recall_at_100,
        "cpu_seconds": float(np.median(ours)),
        "cpu_seconds_of_the_peer": float(np.median(theirs)),
        "ratio": float(np.median(ratios)),
        "ratio_10_90": np.percentile(ratios, [10, 90]).tolist(),
        "vectors_per_cpu_second": num / float(np.median(ours)),
        "drift_of_the_peer": theirs[-1] / theirs[0],
        "conditions": search_site.conditions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    keep("index_build", measure(asked.num, asked.pairs))


if __name__ == "__main__":
    main()
