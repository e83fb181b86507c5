"""Photos -> features -> index -> 100 queries by `sfi` against plain lines of torch and faiss; the loop alone.

    python -m benchmarks.plain_files --photos FOLDER [--number 300] [--pairs 3]

Product: `sfi feature-extract`, `sfi build-index`, `sfi serve-index` and 100 queries over HTTP, each a process
of its own. Peer: benchmarks/plain_files_peer.py, the same steps in one script. Both make fp32 ResNet-50 MAC
features with the same made weights; one thread each for the arithmetic. Compared are CPU seconds and the
largest proportional memory (PSS) of each process tree. `loop`: feature-extract against its own network in a
bare loop on ready pictures, in the same process; in fp32 and in what --precision auto takes, which is also
compared with eager fp32. The gates: time <= 1.15x, memory <= 1.2x, loop >= 0.8x, bf16 >= 3x, equal features.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch

from indexing.compute.encoders.exported import has_bf16
from indexing.compute.plain import image_features
from indexing.compute.plain.output_names import outputs_of
from indexing.compute.plain.picture_networks import PictureNetwork, PictureSettings
from indexing.compute.plain.report import Report
from indexing.compute.plain.whole_files import files_below
from indexing.compute.torchvision_shim import torchvision
from sisyphus_web.cli.plain.index_client import IndexClient
from sisyphus_web.cli.plain.index_requests import encode

ROOT = Path(__file__).resolve().parents[1]
NUM_QUERIES = 100
NUM_TRAIN = 256


def tree_of(pid: int) -> list[int]:
    """The process and all below it that live now."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting.extend(map(int, task.read_text().split()))
    return found


def pss_of(pid: int) -> int:
    """Bytes of a process, shared pages counted by their share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


class Watched:
    """The largest PSS of everything below this process while the block runs, and its CPU seconds."""

    def __enter__(self) -> "Watched":
        self.most_bytes, self._is_over = 0, threading.Event()
        self._begun = self._children()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.cpu_seconds = self._children() - self._begun

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            total = 0
            for pid in tree_of(os.getpid())[1:]:
                try:
                    total += pss_of(pid)
                except (OSError, ProcessLookupError):
                    continue
            self.most_bytes = max(self.most_bytes, total)

    @staticmethod
    def _children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def product(photos: Path, weights: Path, out: Path, side: int) -> list[list[str]]:
    """The verbs, one after the other; per query its own name and the names found."""
    env = os.environ | {"SISYPHUS_MODEL_DIR": str(weights.parent)}

    def sfi(*words: object) -> None:
        done = subprocess.run(
            [ROOT / "bin" / "sfi", *map(str, words)], env=env, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr}")

    features = out / "features"
    sfi("feature-extract", "--images", photos, "--features", features, "--image-size", side)
    sfi("build-index", "--features", features, "--index", out / "i", "--num-train", NUM_TRAIN)
    serve = ["serve-index", "--index", out / "i", "--port", "0", "--num-probes", "8", "--json"]
    server = subprocess.Popen([ROOT / "bin" / "sfi", *serve], env=env, stdout=subprocess.PIPE, text=True)
    try:
        port = int(json.loads(server.stdout.readline())["url"].rpartition(":")[2])
        client, found = IndexClient("127.0.0.1", port), []
        while True:
            try:
                client.info()
                break
            except Exception:
                time.sleep(0.05)
        names = json.loads((out / "i.json").read_text())
        for number in range(NUM_QUERIES):
            asked = names[number * len(names) // NUM_QUERIES]
            near = client.query(encode(np.load(asked)[None], num_results=10))
            found.append([asked, *(each["path"] for each in near)])
    finally:
        server.terminate()
        server.wait()
    return found


def peer(photos: Path, weights: Path, out: Path, side: int) -> list[list[str]]:
    script = ROOT / "benchmarks" / "plain_files_peer.py"
    words = [sys.executable, script, photos, weights, out, str(side)]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)  # faiss wants more points, hundreds of times
    return json.loads((out / "found.json").read_text())


def once(work: Callable[..., list[list[str]]], *words: object) -> dict:
    """One run in an empty folder: CPU seconds, wall seconds, memory, features and results."""
    with tempfile.TemporaryDirectory(prefix="sfi-bench-") as folder:
        begun = time.monotonic()
        with Watched() as watched:
            found = work(*words[:2], Path(folder), words[2])
        paths = sorted(path for path in Path(folder).rglob("*.npy"))
        return {
            "cpu_seconds": watched.cpu_seconds,
            "wall_seconds": time.monotonic() - begun,
            "most_bytes": watched.most_bytes,
            "features": np.stack([np.load(path) for path in paths]),
            "found": found,
        }


def loop(photos: Path, weights: Path, side: int, precision: str, pairs: int) -> dict:
    """feature-extract's own function against its network on ready pictures, and eager fp32; CPU seconds."""
    torch.set_num_threads(1)
    settings = PictureSettings("resnet50", "mac", side, precision)
    names, _ = files_below(photos)
    network = PictureNetwork(settings, model_dir=weights.parent, device="cpu")
    engine = network.engine(1000)
    from indexing.compute.decoder import Decoder

    with Decoder() as decoder:
        ready = np.stack([network.fit(decoder.image(photos / name).pixels) for name in names])
    plain = torchvision.models.resnet50(weights=None).eval()
    plain.load_state_dict(torch.load(weights, weights_only=True))
    maps = torch.nn.Sequential(*list(plain.children())[:-2])

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            run = image_features.ImageRun(photos, names, outputs_of(names, ".npy"), Path(folder), "bench")
            image_features.extract(run, network, Report("bench", ""), lambda _: None)

    def bare() -> None:
        for start in range(0, len(ready), engine.batch):
            engine.run(ready[start : start + engine.batch])

    def eager() -> None:
        with torch.inference_mode():
            for start in range(0, len(ready), 8):
                planes = torch.from_numpy(ready[start : start + 8]).permute(0, 3, 1, 2).float() / 255
                maps(planes).amax(dim=(2, 3))

    def seconds(work: Callable[[], None]) -> float:
        begun = time.process_time() + Watched._children()  # the decoder is a child
        work()
        return time.process_time() + Watched._children() - begun

    whole()
    to_bare, to_eager, rates = [], [], []
    for _ in range(pairs):
        ours, alone, slow = seconds(whole), seconds(bare), seconds(eager)
        to_bare.append(alone / ours)
        to_eager.append(slow / ours)
        rates.append(len(names) / ours)
    return {
        "engine": f"{engine.name} {engine.precision}",
        "pictures_per_cpu_second": round(float(np.median(rates)), 1),
        "over_bare_loop": spread(to_bare),
        "over_eager_fp32": spread(to_eager),
    }


def spread(ratios: list[float]) -> list[float]:
    return [round(float(value), 3) for value in np.percentile(ratios, (10, 50, 90))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--number", type=int, default=300, help="of photos, evenly taken")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--part", choices=("all", "steps", "loop"), default="all")
    asked = parser.parse_args()
    if asked.part != "loop" and asked.number < NUM_TRAIN:
        parser.error(f"the steps need --number {NUM_TRAIN} at least: the index is trained on so many")
    root = Path(tempfile.mkdtemp(prefix="sfi-bench-"))
    try:
        photos, weights = root / "photos", root / "models" / "resnet50-made.pth"
        every = sorted(asked.photos.rglob("*.jpg"))
        for path in every[:: max(1, len(every) // asked.number)][: asked.number]:
            target = photos / path.relative_to(asked.photos)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        weights.parent.mkdir()
        torch.manual_seed(0)
        torch.save(torchvision.models.resnet50(weights=None).state_dict(), weights)
        figures: dict = {"photos": asked.number, "side": asked.side, "load_average": list(os.getloadavg())}
        if asked.part != "loop":
            figures["steps"] = steps(photos, weights, asked.side, asked.pairs)
        if asked.part != "steps":
            asked_for = ["fp32", "auto"] if has_bf16() else ["fp32"]
            figures["loop"] = [loop(photos, weights, asked.side, each, asked.pairs) for each in asked_for]
        figures["load_average_after"] = list(os.getloadavg())
        print(json.dumps(figures, indent=1))
    finally:
        shutil.rmtree(root)


def steps(photos: Path, weights: Path, side: int, pairs: int) -> dict:
    """The paired runs; the first of the product, which also exports the network, is told apart."""
    first = once(product, photos, weights, side)
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(once(product, photos, weights, side))
        theirs.append(once(peer, photos, weights, side))
    cosines = (ours[0]["features"] * theirs[0]["features"]).sum(axis=1) / (
        np.linalg.norm(ours[0]["features"], axis=1) * np.linalg.norm(theirs[0]["features"], axis=1)
    )
    drift = abs(theirs[-1]["cpu_seconds"] / theirs[0]["cpu_seconds"] - 1)
    return {
        "time": spread([a["cpu_seconds"] / b["cpu_seconds"] for a, b in zip(ours, theirs, strict=True)]),
        "wall": spread([a["wall_seconds"] / b["wall_seconds"] for a, b in zip(ours, theirs, strict=True)]),
        "memory": spread([a["most_bytes"] / b["most_bytes"] for a, b in zip(ours, theirs, strict=True)]),
        "product_cpu_seconds": round(ours[0]["cpu_seconds"], 1),
        "product_first_cpu_seconds": round(first["cpu_seconds"], 1),
        "product_first_MiB": round(first["most_bytes"] / 2**20),
        "product_MiB": round(ours[0]["most_bytes"] / 2**20),
        "peer_cpu_seconds": round(theirs[0]["cpu_seconds"], 1),
        "peer_MiB": round(theirs[0]["most_bytes"] / 2**20),
        "peer_drift": round(drift, 3),
        "is_valid": drift <= 0.15,
        "worst_cosine": round(float(cosines.min()), 6),
        "finds_itself_first": {
            name: sum(row[0] == row[1] for row in each[0]["found"])
            for name, each in (("product", ours), ("peer", theirs))
        },
    }


if __name__ == "__main__":
    main()
