"""Work that is done ahead of time in a thread, so that decoding and encoding run side by side."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
WAIT_SECONDS = 0.2


@contextmanager
def ahead(things: Iterator[T], depth: int) -> Iterator[Iterator[T]]:
    """Iterate over `things` up to `depth` ahead in a thread; leaving the block stops it."""
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    is_over = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not is_over.is_set():
            try:
                waiting.put((kind, value), timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for thing in things:
                if not put("thing", thing):
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    def taken() -> Iterator[T]:
        while True:
            kind, value = waiting.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        is_over.set()
        thread.join()
