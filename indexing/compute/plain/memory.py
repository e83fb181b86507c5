"""How much memory a run may take: of the processor's, or of the GPU's."""

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # a container's own limit, where there is one
UNKNOWN_BYTES = 2 << 30  # where nothing says what is free
SHARE = 2  # one part of so many of what is free


def free_bytes() -> int:
    """What this process may still take without driving others out: of the machine, or of its container."""
    limits = [each for each in (_of_machine(), _of_container()) if each is not None]
    return min(limits, default=UNKNOWN_BYTES)


def free_gpu_bytes() -> int:
    """What is free on the first GPU."""
    import torch

    return int(torch.cuda.mem_get_info(0)[0])


def how_many(bytes_each: int, limit_bytes: int | None, *, on_gpu: bool) -> int:
    """So many things of `bytes_each` fit into `limit_bytes`, else into half of what is free; at least 1."""
    if limit_bytes is None:
        limit_bytes = (free_gpu_bytes() if on_gpu else free_bytes()) // SHARE
    return max(1, limit_bytes // max(1, bytes_each))


def _of_machine() -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _of_container() -> int | None:
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        return None if limit == "max" else int(limit) - int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
