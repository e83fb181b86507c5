"""The process manager: order, restart, stop, nothing left."""

import os
import sys
import time
from pathlib import Path

import pytest

from sisyphus_web.processes import started_at, wait_until
from sisyphus_web.supervisor import Process, Supervisor, read_procfile


@pytest.fixture
def supervise(tmp_path):
    running = []

    def start(**programs: str) -> Supervisor:
        processes = [
            Process(name, [sys.executable, "-u", "-c", program], lambda each: each.has_said("up"))
            for name, program in programs.items()
        ]
        for each in processes:
            each.grace_seconds = 1
        supervisor = Supervisor(
            processes, env=os.environ, logs=tmp_path / "logs", say=said.append, on_change=lambda _: None
        )
        supervisor.said = said
        running.append(supervisor)
        supervisor.start()
        return supervisor

    said: list[str] = []
    yield start
    for supervisor in running:
        supervisor.stop()


SLEEPS = "print('up'); import time; time.sleep(600)"
DIES = "print('up'); print('an ERROR of mine'); raise SystemExit(3)"
IGNORES = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)"
HAS_CHILDREN = """
import subprocess, sys, time
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(sleeps, start_new_session=True).pid)
print("up")
time.sleep(600)
"""


def test_everything_is_ready_when_each_says_so(supervise):
    assert supervise(one=SLEEPS, two=SLEEPS).wait_ready(seconds=120) == []


def test_who_dies_starts_again_after_a_growing_pause(supervise):
    supervisor = supervise(one=DIES)
    [process] = supervisor.processes
    first = process.started
    end = time.monotonic() + 120
    while process.starts < 2 and time.monotonic() < end:
        supervisor.step(0.05)
    assert process.starts == 2
    assert process.started - first >= 1
    assert process.pause_seconds > 1
    assert "one has ended (exit status 3); it starts again in 1 s" in supervisor.said
    assert "one | an ERROR of mine" in supervisor.said


def test_who_ignores_a_stop_is_killed(supervise):
    supervisor = supervise(one=IGNORES)
    assert supervisor.wait_ready(seconds=120) == []
    pid = supervisor.processes[0].child.pid
    supervisor.stop()
    assert started_at(pid) is None


def test_grandchildren_with_a_session_of_their_own_end_too(supervise):
    supervisor = supervise(one=HAS_CHILDREN)
    assert supervisor.wait_ready(seconds=120) == []
    grandchild = int(supervisor.processes[0].last_lines[0])
    assert started_at(grandchild) is not None
    supervisor.stop()
    assert wait_until(lambda: started_at(grandchild) is None, seconds=60)


def test_all_output_is_in_the_log(supervise, tmp_path):
    supervise(one=SLEEPS).wait_ready(seconds=120)
    assert (tmp_path / "logs" / "one.log").read_text() == "up\n"


def test_a_program_that_is_missing_is_said(tmp_path):
    said = []
    process = Process("one", ["/no/such/program"], lambda _: True)
    supervisor = Supervisor(
        [process], env=os.environ, logs=tmp_path, say=said.append, on_change=lambda _: None
    )
    supervisor.start()
    assert said == ["one: cannot be started: [Errno 2] No such file or directory: '/no/such/program'"]


def test_an_unknown_variable_in_the_procfile_is_an_error(tmp_path):
    path = Path(tmp_path) / "Procfile"
    path.write_text("# a comment: not a process\nweb: serve --port $PORT\n")
    [web] = read_procfile(path, {"PORT": "8000"}, {})
    assert web.argv == ["serve", "--port", "8000"]
    with pytest.raises(KeyError, match="PORT"):
        read_procfile(path, {}, {})
