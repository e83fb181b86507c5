"""The process in which bytes of strangers are decoded: limited, without network, and expendable.

Run as `python -m indexing.compute.decoder_child [pictures]`; with the word it reads photos alone, and starts
in half the time and memory. Requests come on standard input as JSON, answers go to standard output as
messages (see `send`). It ends when its input does.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

ADDRESS_SPACE_BYTES = 4 << 30  # 50 megapixels of 16 bits and what it takes to convert them fit six times
CPU_SECONDS = 90  # of CPU without one message; a hostile file may take no more
OPEN_FILES = 64
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38
HEADER = struct.Struct("<cIQ")  # kind, bytes of JSON, bytes of pixels or JPEG
FLUSH_SECONDS = 0.2


def limit() -> None:
    """Give up what decoding does not need; the network too, where the kernel lets an ordinary user."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def allow_more_cpu() -> None:
    """Start counting the CPU time anew."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, hard))


class Channel:
    """Messages to the parent: `r` a result, `x` a refusal, `.` the end of an answer, `h` hello."""

    def __init__(self, out: Any) -> None:
        self._out, self._flushed = out, 0.0

    def send(self, kind: bytes, facts: dict[str, Any], blob: Any = b"") -> None:
        """One message; small ones wait for each other a moment."""
        text = json.dumps(facts).encode()
        size = memoryview(blob).nbytes
        self._out.write(HEADER.pack(kind, len(text), size))
        self._out.write(text)
        self._out.write(blob)
        now = time.monotonic()
        if kind in b".h" or now - self._flushed > FLUSH_SECONDS:
            self._out.flush()
            self._flushed = now
            allow_more_cpu()


def main() -> None:
    """Serve requests until the input ends."""
    limit()
    # After the limits, so that no thread exists when the network is given up.
    if "pictures" in sys.argv[1:]:
        from indexing.compute.decoder_pictures import ANSWERS
    else:
        from indexing.compute.decoder_answers import ANSWERS
    requests, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=1 << 18)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    channel = Channel(out)
    channel.send(b"h", {})
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)  # decoders write warnings there
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while line := requests.readline():
        request = json.loads(line)
        allow_more_cpu()
        _answer(channel, ANSWERS[request.pop("ask")](**request))


def _answer(channel: Channel, messages: Iterator[tuple[str, dict[str, Any], Any]]) -> None:
    for kind, facts, blob in messages:
        channel.send(kind.encode(), facts, blob)


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the parent has lost interest
        main()
    os._exit(0)
