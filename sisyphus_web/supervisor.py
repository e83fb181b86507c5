"""The process manager of one machine: starts the Procfile in order, restarts what dies, stops in reverse."""

import os
import re
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sisyphus_web.processes import Known, descendants, reap, spawn, started_at, wait_until

MAX_LOG_BYTES = 20 * 2**20  # then the log becomes <name>.log.1
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # who lived this long starts again at once
WORTH_SHOWING = re.compile(r"\b(WARNING|ERROR|CRITICAL|Traceback)\b")


@dataclass
class Process:
    """One line of the Procfile and what runs of it now."""

    name: str
    argv: list[str]
    is_ready: Callable[["Process"], bool]
    grace_seconds: float = 10.0  # between asking and killing
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    starts: int = 0
    next_start: float = 0.0
    pause_seconds: float = 1.0
    last_lines: list[str] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def has_said(self, text: str) -> bool:
        """Whether the process now running printed `text`."""
        return any(text in line for line in self.last_lines)


def read_procfile(
    path: Path, env: Mapping[str, str], ready: Mapping[str, Callable[[Process], bool]]
) -> list[Process]:
    """The processes in the order of the file; $NAME is taken from `env`, an unknown one is an error."""
    processes = []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, colon, command = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        argv = [_expand(word, env) for word in shlex.split(command)]
        processes.append(Process(name=name, argv=argv, is_ready=ready.get(name, _has_lived_a_second)))
    return processes


def _expand(word: str, env: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: env[found[1]], word)


def _has_lived_a_second(process: Process) -> bool:
    return process.is_running and time.monotonic() - process.started > 1


class Supervisor:
    """Runs the processes from one thread: their output goes to a log each, warnings to the console, too."""

    def __init__(
        self,
        processes: list[Process],
        *,
        env: Mapping[str, str],
        logs: Path,
        say: Callable[[str], None],
        on_change: Callable[[list[Known]], None],
    ) -> None:
        self.processes = processes
        self._env = env
        self._logs = logs
        self._say = say
        self._on_change = on_change
        self._outputs = selectors.DefaultSelector()
        self._halves: dict[str, bytes] = {}
        self._is_stopping = False
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self) -> None:
        """Every process is started, in order; whether they are ready `wait_ready` says."""
        for process in self.processes:
            self._start(process)

    def wait_ready(self, *, seconds: float) -> list[Process]:
        """Those that were not ready in time; empty when all are."""
        deadline = time.monotonic() + seconds
        waiting = list(self.processes)
        while waiting and time.monotonic() < deadline and not self._is_stopping:
            self.step(0.1)
            waiting = [each for each in waiting if not (each.is_running and each.is_ready(each))]
        return waiting

    def run(self) -> None:
        """Keep everything running until `ask_to_stop` is called."""
        while not self._is_stopping:
            self.step(0.5)

    def ask_to_stop(self) -> None:
        """What a signal handler may call."""
        self._is_stopping = True

    def step(self, seconds: float) -> None:
        """Pass on output for up to so long, then start again whatever has died and waited its pause."""
        self._pass_output(seconds)
        reap({each.child.pid for each in self.processes if each.child is not None})
        for process in self.processes:
            if process.is_running or self._is_stopping:
                continue
            now = time.monotonic()
            if process.child is not None:
                self._bury(process, now)
            if now >= process.next_start:
                self._start(process)

    def stop(self) -> None:
        """All processes have ended, the last started first; nothing of theirs is left."""
        self._is_stopping = True
        for process in reversed(self.processes):
            self._stop(process)
        self._pass_output(0)
        self._on_change([])

    def _start(self, process: Process) -> None:
        read, write = os.pipe()
        os.set_blocking(read, False)
        process.last_lines = []
        process.starts += 1
        process.started = time.monotonic()
        try:
            process.child = spawn(process.argv, env=self._env, output=write)
        except OSError as error:
            self._say(f"{process.name}: cannot be started: {error}")
            process.next_start = time.monotonic() + LONGEST_PAUSE_SECONDS
            os.close(read)
            return
        finally:
            os.close(write)
        self._outputs.register(read, selectors.EVENT_READ, process)
        self._tell()

    def _bury(self, process: Process, now: float) -> None:
        """End what it left behind, say how it died, decide when it starts again."""
        child = process.child
        if child is None:
            return
        code = child.returncode
        reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if now - process.started > STEADY_SECONDS:
            process.pause_seconds = 1.0
        process.next_start = now + process.pause_seconds
        _kill_group(child.pid)
        self._say(f"{process.name} has ended ({reason}); it starts again in {process.pause_seconds:.0f} s")
        for line in process.last_lines[-8:] if code > 0 else []:
            self._say(f"{process.name} | {line}")
        process.pause_seconds = min(process.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        process.child = None
        self._tell()

    def _stop(self, process: Process) -> None:
        child = process.child
        if child is None:
            return
        below = descendants(child.pid)
        if child.poll() is None:
            child.terminate()
            deadline = time.monotonic() + process.grace_seconds
            while child.poll() is None and time.monotonic() < deadline:
                self._pass_output(0.05)
        _kill_group(child.pid)
        child.wait()
        for pid in below:  # those with a session of their own
            if started_at(pid) is not None:
                _kill(pid)
        process.child = None
        self._tell()

    def _tell(self) -> None:
        self._on_change(
            [Known.of(each.name, each.child) for each in self.processes if each.child is not None]
        )

    def _pass_output(self, seconds: float) -> None:
        """Read what the processes have printed, for at most so long."""
        if not self._outputs.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._outputs.select(seconds):
            process, source = key.data, key.fd
            try:
                text = os.read(source, 65536)
            except BlockingIOError:
                continue
            if not text:
                self._outputs.unregister(source)
                os.close(source)
                continue
            self._write(process, text)

    def _write(self, process: Process, text: bytes) -> None:
        path = self._logs / f"{process.name}.log"
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.rename(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            log.write(text)
        *lines, rest = (self._halves.pop(process.name, b"") + text).split(b"\n")
        self._halves[process.name] = rest[-65536:]
        for line in lines:
            words = line.decode("utf-8", "replace").rstrip()
            process.last_lines = [*process.last_lines[-49:], words]
            if WORTH_SHOWING.search(words):
                self._say(f"{process.name} | {words}")


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: started_at(pid) is None, seconds=10)
