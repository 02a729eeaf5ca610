"""Pools of threads: while one computes, the event loop gets the interpreter's lock often."""

from __future__ import annotations

import asyncio
import sys

import pytest

from aimo.threads import Threads


async def test_the_lock_changes_hands_often_just_while_threads_compute() -> None:
    usual = sys.getswitchinterval()
    computing, reading = Threads("computing", 2, computing=True), Threads("reading", 1)
    during = await asyncio.gather(*(computing.run(sys.getswitchinterval) for _ in range(20)))
    assert set(during) == {0.001}
    assert await reading.run(sys.getswitchinterval) == usual


async def test_the_lock_is_as_before_when_work_has_failed() -> None:
    usual = sys.getswitchinterval()

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Threads("computing", 1, computing=True).run(fail)
    assert sys.getswitchinterval() == usual
