"""Ctrl-C and `kill` as a wish: work that can stop at a good place does, and a second one stops at once."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self


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
