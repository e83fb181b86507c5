"""Memory of `sfi slowfast-extract` over an hour of video, of the verb and its decoder together."""

import os
import subprocess
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.files.test_slowfast_extract import ROOT, checkpoint, network, told  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow
LIMIT_MIB = 600
FPS = 5


def make_hour(path: Path) -> None:
    """An hour at 5 frames per second, moving noise; whole as float32 of 64 px it would be 0.9 GB.

    It is 64 frames, encoded once, again and again.
    """
    width, height = 160, 120
    noise = np.random.default_rng(0).integers(0, 256, (height, width + 64, 3), np.uint8)
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "40", "bf": "0"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        packets = []
        for number in range(64):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(noise[:, number : number + width]))
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        assert len(packets) == 64
        for number in range(3600 * FPS):
            packet = av.Packet(bytes(packets[number % 64]))
            packet.stream, packet.time_base = stream, Fraction(1, FPS)
            packet.pts = packet.dts = number
            packet.is_keyframe = packets[number % 64].is_keyframe
            container.mux(packet)


def family_of(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += family_of(int(child))
    return found


def used_mib(pid: int) -> float:
    """Proportional memory of a process and all below it, now."""
    whole = 0
    for each in family_of(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            whole += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return whole / 1024


def test_an_hour_of_video_takes_less_than_600_mib(told, tmp_path, model_dir):  # noqa: F811 - the fixture
    cfg = told(["hour"], **{"DATA.IN_FPS": FPS, "DATA.OUT_FPS": FPS, "DATA.NUM_FRAMES": 32})
    make_hour(tmp_path / "data" / "hour.mp4")
    call = [str(ROOT / "bin" / "sfi"), "slowfast-extract", "--cfg", str(cfg), "--stride", "201"]
    env = os.environ | {"SISYPHUS_MODEL_DIR": str(model_dir), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(call, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, used_mib(process.pid))
        time.sleep(0.2)
    assert process.returncode == 0
    assert len(np.load(tmp_path / "out" / "hour_32.npy")) == 90
    assert 0 < peak < LIMIT_MIB
