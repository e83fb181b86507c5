"""How far a verb on plain files has come: a bar for people, JSON lines for programs; on standard error."""

import json
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 1.0


class ProgressBar:
    """Done of total, rate and time left. Used as a context manager; `advance` is cheap to call often.

    With `as_json` each line is {"event": "progress", "what", "done", "total", "rate", "eta_seconds"}.
    Without a terminal and without JSON it is silent.
    """

    def __init__(self, what: str, total: int | None, *, as_json: bool) -> None:
        self._what, self._total, self._as_json = what, total, as_json
        self._done, self._begun, self._told = 0, time.monotonic(), 0.0
        self._bar: Progress | None = None
        if not as_json and sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}/s"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(what, total=total, rate="-")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._as_json and kind is None:
            self._tell()

    def advance(self, by: int = 1) -> None:
        self.reach(self._done + by)

    def expect(self, total: int) -> None:
        """So many are to be done, from now on."""
        self._total = total
        if self._bar:
            self._bar.update(self._task, total=total)

    def say(self, what: str) -> None:
        """What is shown beside the bar, from now on."""
        if self._bar:
            self._bar.update(self._task, description=what)

    def reach(self, done: int) -> None:
        """So many are done now."""
        self._done = done
        if self._bar:
            self._bar.update(self._task, completed=done, rate=f"{self._rate():.1f}")
        elif self._as_json and time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._tell()

    def _rate(self) -> float:
        return self._done / max(time.monotonic() - self._begun, 1e-6)

    def _tell(self) -> None:
        self._told = time.monotonic()
        rate = self._rate()
        left = None if self._total is None or not rate else round((self._total - self._done) / rate, 1)
        line = {"event": "progress", "what": self._what, "done": self._done, "total": self._total}
        print(json.dumps(line | {"rate": round(rate, 2), "eta_seconds": left}), file=sys.stderr, flush=True)


def notice(sentence: str, *, as_json: bool) -> None:
    """Something a person should know that stops nothing; on standard error."""
    print(json.dumps({"event": "notice", "text": sentence}) if as_json else sentence, file=sys.stderr)
