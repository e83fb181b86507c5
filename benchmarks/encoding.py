"""B4: pictures to vectors, against the bare network and against eager fp32, paired and in CPU time.

    python -m benchmarks.encoding [--weights mobilenet_v2=FILE.pt] [--pairs 5]

Product: `Encoder.encode` on JPEGs (decode, resize, network, unit length). (a) the same engine in a loop on
ready tensors; (c) the network in eager fp32 torch on ready tensors. Without --weights the numbers in the
network are random: its speed is the same. The gate is the cosine to fp32.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import simplejpeg
import torch

from benchmarks.search_site import conditions, keep
from indexing.compute import encoders
from indexing.compute.encoders import torch_images
from indexing.compute.encoders.exported import CPU_BATCH, has_bf16
from indexing.compute.encoders.gates import worst_cosine
from indexing.compute.encoders.pictures import fit
from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.encoders.weights import find_or_fetch
from indexing.compute.torchvision_shim import torchvision

NUM_PICTURES = 64


def cpu_seconds(work) -> tuple[float, object]:
    begun = time.process_time()
    answer = work()
    return time.process_time() - begun, answer


def measure(key: str, model_dir: Path, pairs: int) -> dict:
    """One row: rates per CPU second and the ratios of the paired runs."""
    begun = time.monotonic()
    encoder = encoders.load(key, model_dir=model_dir, device="cpu")
    first_load = time.monotonic() - begun
    begun = time.monotonic()
    encoders.load(key, model_dir=model_dir, device="cpu")
    second_load = time.monotonic() - begun
    jpegs = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(dead_leaves(i, 480)[:320]), 90)
        for i in range(NUM_PICTURES)
    ]
    pictures = [simplejpeg.decode_jpeg(jpeg, "RGB") for jpeg in jpegs]
    ready = np.stack([fit(pixels, encoder.spec) for pixels in pictures])
    engine = encoder._engine
    spec = encoders.spec_of(key, model_dir)
    exact = torch_images.load(
        spec, find_or_fetch(spec, model_dir), device="cpu", cache=None, precision="fp32"
    )

    def product() -> np.ndarray:
        return encoder.encode([simplejpeg.decode_jpeg(jpeg, "RGB") for jpeg in jpegs])

    def bare() -> None:
        for start in range(0, NUM_PICTURES, CPU_BATCH):
            engine.run(ready[start : start + CPU_BATCH])

    def eager() -> np.ndarray:
        return exact.encode(list(ready))

    cosine = worst_cosine(product(), eager())
    bare()
    ratios_a, ratios_c, rates = [], [], []
    for _ in range(pairs):
        ours, bare_seconds, eager_seconds = (cpu_seconds(each)[0] for each in (product, bare, eager))
        ratios_a.append(bare_seconds / ours)
        ratios_c.append(eager_seconds / ours)
        rates.append(NUM_PICTURES / ours)
    return {
        "encoder": key,
        "engine": f"{encoder.engine} {encoder.precision}",
        "images_per_cpu_second": round(float(np.median(rates)), 1),
        "a_over_bare_engine": [round(float(v), 3) for v in np.percentile(ratios_a, (10, 50, 90))],
        "c_over_eager_fp32": [round(float(v), 2) for v in np.percentile(ratios_c, (10, 50, 90))],
        "cosine_to_fp32": round(cosine, 6),
        "load_seconds": [round(first_load, 1), round(second_load, 1)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--keys", nargs="*", default=["resnet50-mac@1", "torchvision:mobilenet_v2@1"])
    asked = parser.parse_args()
    given = dict(each.split("=", 1) for each in asked.weights)
    here = conditions() | {"torch": torch.__version__, "has_bf16": has_bf16()}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model_dir = Path(folder)
        for key in asked.keys:
            name = encoders.spec_of(key, model_dir).architecture
            path = model_dir / f"{name}.pt"
            if name in given:
                path.symlink_to(Path(given[name]).absolute())
            elif not path.exists():
                torch.manual_seed(0)
                torch.save(torchvision.models.get_model(name, weights=None).state_dict(), path)
            rows.append(measure(key, model_dir, asked.pairs))
    keep(
        "encoding",
        {
            "benchmark": "B4 encoding",
            "gate": "a >= 0.80, c >= 3",
            "target": "a >= 0.93",
            "pairs": asked.pairs,
            "conditions": here,
            "encoders": rows,
        },
    )


if __name__ == "__main__":
    main()
