"""A disk that is soon full: a file system in memory, mounted over a folder of the test."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

_PIECES = (1 << 20, 1 << 12, 1)


class SmallDisk:
    """A folder with a given number of bytes, within a `with`. Mounting it takes root, as in containers."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._size = megabytes
        self._ballast = folder / ".ballast"

    def __enter__(self) -> SmallDisk:
        _run("mount", "-t", "tmpfs", "-o", f"size={self._size}m,mode=0777", "tmpfs", str(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        # What still has files open there loses nothing but the name.
        _run("umount", "--lazy", str(self.folder))

    def fill(self) -> None:
        """Leave not a single byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in _PIECES:
                try:
                    while True:
                        file.write(b"\1" * piece)
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
