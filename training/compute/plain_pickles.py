"""Old pickles of arrays (caffe2, mmaction2): read in a limited process that knows nothing but arrays.

Run as `python -m training.compute.plain_pickles FILE OUT`: arrays are written to OUT as safetensors, under
their names; names of what was left out go to standard output.
"""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute.decoder_child import limit
from indexing.compute.encoders.specs import WeightsRefused

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
CONTAINERS = ("blobs", "state_dict", "model_state", "model")
ALLOWED = {  # what a pickle may name: how numpy's arrays are put together, and plain containers
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),  # how bytes are written by protocols of Python 2
}


class _Arrays(pickle.Unpickler):
    """An unpickler for which no other name exists."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module, name)


def read_pickled_arrays(path: Path, out: Path) -> list[str]:
    """Write the arrays in the pickle at `path` to `out` as safetensors; the names of what was left out.

    WeightsRefused for a pickle that names anything but arrays and plain containers, or holds no array.
    """
    words = [
        sys.executable,
        "-m",
        "training.compute.plain_pickles",
        str(path.absolute()),
        str(out.absolute()),
    ]
    env = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - our own module, with paths
            words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise WeightsRefused(f"{path} took more than {SECONDS} s to read; it may be hostile") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise WeightsRefused(
            f"{path} is no pickle of arrays: {said[-1][:300] if said else 'the reader died'}"
        )
    return done.stdout.splitlines()


def arrays_in(loaded: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays by name, and the names of what is none; containers of weights are looked into."""
    for _ in CONTAINERS:
        inner = next((loaded[n] for n in CONTAINERS if isinstance(loaded, dict) and n in loaded), None)
        if not isinstance(inner, dict):
            break
        loaded = inner
    if not isinstance(loaded, dict):
        raise ValueError(f"it must hold arrays by name, it holds {type(loaded).__name__}")
    found = {
        str(name): np.ascontiguousarray(value)
        for name, value in loaded.items()
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
    }
    if not found:
        raise ValueError("it holds no array")
    return found, [str(name) for name in loaded if str(name) not in found]


def main() -> None:
    """Read, and write what is numbers; a sentence on standard error and status 1 otherwise."""
    from safetensors.numpy import save_file

    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    limit()
    try:
        with source.open("rb") as file:
            found, left_out = arrays_in(_Arrays(file, encoding="latin1").load())
        save_file(found, out)
    except Exception as error:  # what damaged or hostile bytes raise is not known in advance
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    sys.stdout.write("\n".join(left_out))


if __name__ == "__main__":
    main()
