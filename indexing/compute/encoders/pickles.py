"""The way to the child that reads pickles of weights: nothing in such a file is ever run, or read here."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file

from indexing.compute.encoders.specs import WeightsRefused

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 120


class Unpickled(NamedTuple):
    """The tensors of a pickle by name, and what else was in it."""

    tensors: dict[str, torch.Tensor]
    beside: tuple[str, ...]  # names beside the weights: optimizer, epoch, ...
    not_arrays: tuple[str, ...]  # names among the weights that are no arrays
    texts: dict[str, str]  # settings that lie beside the weights as text


def unpickle(path: Path, *, seconds: float = SECONDS) -> Unpickled:
    """The weights in a pickle of caffe2 or of torch (any age), read in a limited process.

    WeightsRefused names what was found in a file that holds anything but arrays, tensors and plain
    containers, is damaged, or takes more memory or time (`seconds`) than weights do.
    """
    with tempfile.TemporaryDirectory(prefix="weights-") as folder:
        out = Path(folder) / "weights.safetensors"
        left_out = json.loads(_read_in_child(path, out, seconds))
        tensors = load_file(out)
    beside, not_arrays = tuple(left_out["beside"]), tuple(left_out["not_arrays"])
    return Unpickled(tensors, beside, not_arrays, left_out["texts"])


def _read_in_child(path: Path, out: Path, seconds: float) -> str:
    words = [sys.executable, "-m", "indexing.compute.encoders.pickle_child"]
    env = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - our own module, with paths
            [*words, str(path.absolute()), str(out)],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WeightsRefused(f"{path} took more than {seconds:g} s to read; it may be hostile") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode < 0:
        how = signal.Signals(-done.returncode).name
        raise WeightsRefused(
            f"{path} is no pickle of arrays: its reader was ended by {how}; it may be hostile"
        )
    said = done.stderr.strip().splitlines()
    raise WeightsRefused(f"{path} is no pickle of arrays: {said[-1][:300] if said else 'its reader died'}")
