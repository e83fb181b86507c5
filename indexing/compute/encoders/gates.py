"""How near a fast path comes to fp32: measured once per machine, the answers kept in a file."""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from indexing.compute.files import write_beside

CPU_FACTS = Path("/proc/cpuinfo")


class Gate:
    """Remembers in the file at `path`, if there is one, which cosines engines reached on this machine."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def cosine(self, engine: str, measure: Callable[[], float]) -> float:
        """What `measure` gives for the engine of this name; asked for once."""
        name = _here(engine)
        known = self._known()
        if name not in known:
            known[name] = measure()
            if self._path:
                with write_beside(self._path) as file:
                    file.write(json.dumps(known, indent=1).encode())
        return known[name]

    def known(self, engine: str) -> float | None:
        """What was measured for the engine of this name on this machine, if anything was."""
        return self._known().get(_here(engine))

    def _known(self) -> dict[str, float]:
        try:
            return json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}


def worst_cosine(found: np.ndarray, wanted: np.ndarray) -> float:
    """The smallest cosine between rows of the same place."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    return float(((found * wanted).sum(axis=1) / np.maximum(lengths, 1e-12)).min())


def _here(engine: str) -> str:
    return f"{engine}, {_machine()}"


def _machine() -> str:
    """What a measured cosine holds for: the processor and the versions of what multiplies."""
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor()}, openvino {version('openvino')}, torch {version('torch')}"
