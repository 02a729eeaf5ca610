"""The failures that this room reports besides a caller's own mistakes."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager


class VectorStoreError(Exception):
    """LanceDB failed or took too long; the text says what was being done. Trying again later may help."""


class DamagedTableError(VectorStoreError):
    """Files of a table are missing or broken, which no waiting mends."""


# LanceDB's errors have no kinds. What is not certain here, like a full disk or a refused request, is no damage.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)|\bOs \{ code: (\d+)")
_SIGNS = re.compile(
    r"Not found: .*\.lance/|Table '.*' was not found|does not appear to be a Lance file|file size is too small"
    r"|Invalid range \S+ for object of size|failed to fill whole buffer|corrupt file|failed to decode Protobuf"
)


@contextmanager
def report_failures_as(action: str, *, advice: str = "run `aimo sync rebuild`") -> Iterator[None]:
    """Turn whatever LanceDB raises inside into a `VectorStoreError` that names the action.

    Where files are missing or broken it is a `DamagedTableError`, which gives the advice, too.
    """
    try:
        yield
    except TimeoutError as error:
        raise VectorStoreError(f"{action}: no answer in time") from error
    except (RuntimeError, ValueError, OSError, LookupError, TypeError) as error:
        if _SIGNS.search(str(error)) and not _refused_by_system(str(error)):
            raise DamagedTableError(f"{action}: files are missing or broken; {advice} ({error})") from error
        raise VectorStoreError(f"{action}: {error}") from error


def _refused_by_system(text: str) -> bool:
    """Return whether the system itself says why, and not that a file is missing: no rights, no space, no hard links."""
    return any(int(found[1] or found[2]) != errno.ENOENT for found in _SYSTEM_ERROR.finditer(text))
