"""Ctrl-C and `kill` as a wish: work that can stop at a good place does, and a second one stops at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

AGAIN_SECONDS = 0.05


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block SIGTERM is a KeyboardInterrupt as Ctrl-C is, and none is lost in a destructor."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner, hook = os.getpid(), sys.unraisablehook

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child ends as one without a handler
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise KeyboardInterrupt

    def lost(unraisable: Any) -> None:
        if unraisable.exc_type is KeyboardInterrupt:  # Python drops what is raised in a destructor
            main = threading.main_thread().ident or 0  # it may sleep: only a signal of its own wakes it
            again = (main, signal.SIGTERM)  # whose handler is ours; a shell's background jobs ignore SIGINT
            threading.Timer(AGAIN_SECONDS, signal.pthread_kill, again).start()
        else:
            hook(unraisable)

    before = signal.signal(signal.SIGTERM, end)
    sys.unraisablehook = lost
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)


class Stopping:
    """Inside the block the first SIGINT or SIGTERM is only noted; calling it says whether there was one."""

    def __init__(self) -> None:
        self._is_asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        return self._is_asked

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            raise KeyboardInterrupt
        self._is_asked = True
