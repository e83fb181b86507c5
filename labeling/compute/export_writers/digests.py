"""A file on its way out, counted and hashed as it is written."""

import hashlib
from typing import IO


class Digested:
    """Passes bytes on to `out`; `sha256` (hex) and `size_bytes` are of all of them so far."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.closed = False  # pyarrow asks

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self._digest.update(data)
        self.size_bytes += len(data)
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size_bytes
