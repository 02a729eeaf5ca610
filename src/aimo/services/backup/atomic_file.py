"""A file that appears under its name when it is whole, and never in place of another."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import IO

from aimo.errors import ConfigurationError
from aimo.exclusive_name import give_name

_NO_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM)


class NewArchiveFile:
    """Written under a name of its own beside the target, readable for its owner only."""

    def __init__(self, target: Path) -> None:
        """Begin.

        Raises:
            OSError: no file can be made in the folder.
        """
        self._target = target
        self._partial = target.with_name(f"{target.name}.{token_hex(8)}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.file: IO[bytes] = os.fdopen(os.open(self._partial, flags, 0o600), "wb")

    def publish(self) -> None:
        """Make it durable and give it its name.

        Raises:
            ConfigurationError: there is a file of that name by now, which stays.
            OSError: the disk is full, or fails.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        try:
            give_name(self._partial, self._target)
        except FileExistsError as error:
            raise ConfigurationError(f"{self._target} exists already; it was not changed.") from error
        self._partial.unlink(missing_ok=True)
        _sync(self._target.parent)

    def discard(self) -> None:
        """Remove what is not published; nothing is left of it, nor of the reason why it could not be written."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
