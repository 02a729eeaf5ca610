"""The folder in which uploads are received before they are stored."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimo import clock

_STALE_MS = 24 * 3600 * 1000


def prepare_scratch(folder: Path) -> None:
    """Make the folder; remove uploads that a killed process left more than a day ago.

    Raises:
        OSError: the folder cannot be made or read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker clears as well
            if left.stat().st_mtime * 1000 < clock.now_ms() - _STALE_MS:
                left.unlink()
