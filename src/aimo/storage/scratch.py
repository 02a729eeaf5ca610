"""The folder in which uploads are received before they are stored."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimo import clock

_STALE_MS = 24 * 3600 * 1000


def prepare_scratch(folder: Path) -> None:
    """Make the folder; remove uploads that a killed process left more than a day away from now.

    Raises:
        OSError: the folder cannot be made or read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker clears as well
            # Also what a clock that was ahead has left.
            if abs(clock.now_ms() - left.stat().st_mtime * 1000) > _STALE_MS:
                left.unlink()
