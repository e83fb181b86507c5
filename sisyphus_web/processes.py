"""Child processes of one machine: started so that they die with us, named so that they can be ended later."""

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Known:
    """A process that cannot be mistaken for a later one with the same pid."""

    name: str
    pid: int
    started: int  # clock ticks after boot, as the kernel says

    @classmethod
    def of(cls, name: str, process: subprocess.Popen[bytes]) -> Self:
        return cls(name, process.pid, started_at(process.pid) or -1)

    @property
    def is_alive(self) -> bool:
        return started_at(self.pid) == self.started


def started_at(pid: int) -> int | None:
    """When the process started, in clock ticks after boot; None if it is gone or a zombie."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    return None if fields[0] in "ZX" else int(fields[19])


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    dies_by: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """A child in a session of its own (Ctrl-C does not reach it) that gets `dies_by` when we are killed."""
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(dies_by), 0, 0, 0)
        if os.getppid() != parent:  # it was killed between fork and prctl
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - our own programs, an argument list
        list(argv),
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
        umask=0o077,
        preexec_fn=die_with_parent,
    )


def adopt_orphans() -> None:
    """Grandchildren whose parent dies become our children, so that `descendants` finds them."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(known: set[int]) -> None:
    """Collect dead adopted children; those in `known` are left to their Popen."""
    for pid in _children(os.getpid()):
        if pid not in known and started_at(pid) is None:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`, children before grandchildren."""
    found = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
    except OSError:
        return []


def end(process: Known, *, by: signal.Signals = signal.SIGTERM, grace_seconds: float = 10) -> None:
    """Ask the process to stop, wait, then kill it and its whole group; no error if it is gone already."""
    if not process.is_alive:
        return
    _signal(os.kill, process.pid, by)
    if not wait_until(lambda: not process.is_alive, seconds=grace_seconds):
        _signal(os.kill, process.pid, signal.SIGKILL)
    _signal(os.killpg, process.pid, signal.SIGKILL)
    wait_until(lambda: not process.is_alive, seconds=5)


def wait_until(condition: Callable[[], Any], *, seconds: float, every: float = 0.05) -> bool:
    """Whether the condition came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def _signal(send: Callable[[int, int], None], pid: int, which: signal.Signals) -> None:
    try:
        send(pid, which)
    except ProcessLookupError:
        pass
    except PermissionError:  # a pid taken over by another user's process: not ours any more
        pass


def write_record(path: Path, processes: Sequence[Known]) -> None:
    """What is running, for whoever comes after a crash."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps([asdict(each) for each in processes]), encoding="utf-8")
    beside.rename(path)


def read_record(path: Path) -> list[Known]:
    """What ran according to the record; empty if there is none or it cannot be read."""
    try:
        return [Known(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
