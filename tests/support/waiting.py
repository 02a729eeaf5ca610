"""Waiting for something that happens in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T | None], what: str = "", timeout: float = 10, interval: float = 0.05) -> T:
    """Call `check` until its answer is true, and return that answer.

    Raises:
        AssertionError: it was not within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what or check}"
        time.sleep(interval)
    return answer


async def eventually_async(
    check: Callable[[], Awaitable[T | None]], what: str = "", timeout: float = 10, interval: float = 0.05
) -> T:
    """The same for a coroutine function."""
    deadline = time.monotonic() + timeout
    while not (answer := await check()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what or check}"
        await asyncio.sleep(interval)
    return answer
