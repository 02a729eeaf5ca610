"""How the processes of a server learn that it ends (docs/decisions/27-processes-and-shutdown.md).

The parent passes the first signal on, so that each worker can end in order and in time; a second one ends all at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

# Told to a worker besides the SIGTERM that its HTTP server handles by itself.
NOTICE = signal.SIGUSR2


def handle_signals(stop: Callable[[], None]) -> None:
    """From now on SIGTERM and Ctrl+C call ``stop``, and a second of them kills all workers and ends this process."""
    announced = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal announced
        if announced:
            _signal_workers(signal.SIGKILL)
            sys.exit(128 + number)
        announced = True
        stop()
        _signal_workers(NOTICE)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _signal_workers(number: signal.Signals) -> None:
    for worker in multiprocessing.active_children():
        if worker.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, number)
