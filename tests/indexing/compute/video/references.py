"""Comparisons that run in an environment beside ours, with the authors' code of video networks."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

PYTHON = os.environ.get("SISYPHUS_REFERENCES_PYTHON", "")
NEEDED = pytest.mark.skipif(
    not PYTHON, reason="needs SISYPHUS_REFERENCES_PYTHON: an environment with requirements-references.txt"
)
ROOT = Path(__file__).parents[4]


def told_by(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a module of this package prints there."""
    command = [str(Path(PYTHON).absolute()), "-m", f"{__package__}.{module}", *arguments]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
