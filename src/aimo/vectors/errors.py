"""The one failure that this room reports besides a caller's own mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VectorStoreError(Exception):
    """LanceDB failed or took too long; the text says what was being done. Trying again later may help."""


@contextmanager
def reported_as(action: str) -> Iterator[None]:
    """Turn whatever LanceDB raises inside into a `VectorStoreError` that names the action."""
    try:
        yield
    except TimeoutError as error:
        raise VectorStoreError(f"{action}: no answer in time") from error
    except (RuntimeError, ValueError, OSError, LookupError, TypeError) as error:
        raise VectorStoreError(f"{action}: {error}") from error
