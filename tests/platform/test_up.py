"""`bin/sisyphus up`, whole: start, stop, start again, be killed, be refused."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sisyphus_web.processes import wait_until
from tests.platform.conftest import ROOT

pytestmark = pytest.mark.slow


def get(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.status, answer.read().decode()


def test_up_serves_stops_and_continues_where_it_was(up):
    first = up()
    first.wait_for("Sisyphus is ready: http://127.0.0.1:")
    password = re.search(r"operator with the password (\S+)", first.output)[1]
    assert get(first.port, "/healthz") == (200, "ok\n")
    assert get(first.port, "/readyz") == (200, '{"is_ready": true, "reasons": {}}')
    assert stat.S_IMODE((first.data_dir / "secret_key").stat().st_mode) == 0o400
    assert stat.S_IMODE((first.data_dir / "run" / "env").stat().st_mode) == 0o600
    secret = (first.data_dir / "secret_key").read_text()

    refused = subprocess.run(
        [sys.executable, "-m", "sisyphus_web.up", "--data-dir", first.data_dir, "--port", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "running already" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr

    assert first.stop() == 0
    assert first.processes() == []
    sockets = [path for path in first.data_dir.rglob("*") if path.is_socket()]
    assert sockets == []
    assert not (first.data_dir / "run" / "env").exists()

    second = up()
    second.wait_for("Sisyphus is ready")
    assert "password" not in second.output, "the operator of the first start is still there"
    assert (second.data_dir / "secret_key").read_text() == secret
    assert [log for log in (second.data_dir / "logs").iterdir() if password in log.read_text()] == []
    assert second.stop(signal.SIGINT) == 0
    assert second.processes() == []


def test_a_process_that_dies_comes_back_and_a_killed_up_takes_all_with_it_and_starts_again(up):
    first = up()
    first.wait_for("Sisyphus is ready")
    assert len(first.processes()) > 6
    web = [pid for pid in first.processes() if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(min(web), signal.SIGKILL)
    first.wait_for("web has ended (signal SIGKILL)")
    assert wait_until(lambda: answers(first.port), seconds=120)
    assert wait_until(lambda: not set(web) & set(first.processes()), seconds=60)
    first.stop(signal.SIGKILL)

    second = up()
    second.wait_for("Sisyphus is ready")
    pids = second.processes()
    assert second.stop() == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert second.processes() == []


def test_a_taken_port_is_a_sentence(up, free_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        refused = up()
        refused.wait_for(f"port {free_port} cannot be used")
        assert refused.process.wait(timeout=120) == 1
    assert "--port" in refused.output
    assert "Traceback" not in refused.output


def answers(port: int) -> bool:
    try:
        return get(port, "/healthz") == (200, "ok\n")
    except OSError:
        return False
