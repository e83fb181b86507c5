"""`sfi` in this process, networks with made weights, and real photos, for verbs on plain files."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from indexing.compute.torchvision_shim import torchvision
from sisyphus_web.cli import main

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a verb ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def sfi(capsys, model_dir, monkeypatch):
    """Runs a verb in this process, with the made networks as its model folder."""
    monkeypatch.setenv("SISYPHUS_MODEL_DIR", str(model_dir))

    def run(*words: object) -> Ended:
        capsys.readouterr()
        try:
            code = main.main([str(word) for word in words])
        except SystemExit as end:  # argparse's
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Ended(int(code), captured.out, captured.err)

    return run


def shaken(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Random numbers also where a new network has ones and zeros, so that wrong wiring shows."""
    chance = torch.Generator().manual_seed(seed)

    def between(tensor: torch.Tensor, low: float, high: float) -> None:
        with torch.no_grad():
            tensor.copy_(torch.rand(tensor.shape, generator=chance) * (high - low) + low)

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            between(module.weight, 0.3, 0.7)
            between(module.bias, -0.2, 0.2)
            between(module.running_mean, -0.1, 0.1)
            between(module.running_var, 0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="session")
def resnet50() -> torch.nn.Module:
    torch.manual_seed(0)
    return shaken(torchvision.models.resnet50(weights=None))


@pytest.fixture(scope="session")
def r2plus1d() -> torch.nn.Module:
    torch.manual_seed(1)
    return shaken(torchvision.models.video.r2plus1d_18(weights=None))


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory, resnet50, r2plus1d) -> Path:
    """A model folder with numbers for the two networks of the verbs."""
    folder = tmp_path_factory.mktemp("models")
    torch.save(resnet50.state_dict(), folder / "resnet50-made.pth")
    torch.save(r2plus1d.state_dict(), folder / "r2plus1d_18-made.pth")
    return folder


@pytest.fixture
def photos(shared_data, tmp_path) -> Path:
    """Six real photos in two folders."""
    root = tmp_path / "photos"
    for name in ("crab", "llama"):
        (root / name).mkdir(parents=True)
        for path in sorted((shared_data / "photos" / name).iterdir())[:3]:
            (root / name / path.name).write_bytes(path.read_bytes())
    return root


@pytest.fixture
def tree(request):
    """Every file below a folder: relative name -> bytes; reports and side files left out."""

    def read(folder: Path, suffix: str = "") -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob(f"*{suffix}"))
            if path.is_file() and not path.name.startswith((".", "sfi-report"))
        }

    return read


@pytest.fixture
def served(tmp_path, model_dir):
    """Starts `sfi serve-index` on a free port and waits until it answers; every one is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(index: Path, *words: object) -> int:
        env = os.environ | {"SISYPHUS_MODEL_DIR": str(model_dir), "OMP_NUM_THREADS": "1"}
        call = [ROOT / "bin" / "sfi", "serve-index", "--index", index, "--port", 0, "--json", *words]
        process = subprocess.Popen(
            [str(word) for word in call], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        port = int(json.loads(line)["url"].rpartition(":")[2])
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200:
                    return port
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    start.processes = started
    yield start
    for process in started:
        process.kill()
        process.communicate()
