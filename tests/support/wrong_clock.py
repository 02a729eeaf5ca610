"""A clock of day that is wrong."""

from __future__ import annotations

import pytest

from aimo import clock


def put_clock(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    """Let the clock of day be wrong from now on."""
    right = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: right() + by_ms)
