"""Free ports on loopback."""

from __future__ import annotations

import os
import random
import socket

# Below the range from which the kernel takes the ports of outgoing connections.
_LOWEST, _HIGHEST = 15_000, 32_000
_random = random.Random(os.urandom(8))
_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on. It is chosen at random, so that test processes side by side do not meet."""
    while True:
        port = _random.randrange(_LOWEST, _HIGHEST)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
