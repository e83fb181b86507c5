"""A port for a server that a test starts some time after it has asked for one."""

import random
import socket
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
NUM_PORTS = 12_000


def free_port() -> int:
    """Nothing listens on it, and it is none of those that the kernel gives to whoever asks for any."""
    first = int(RANGE.read_text().split()[0]) if RANGE.is_file() else 32_768
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(max(1024, first - NUM_PORTS), first)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
