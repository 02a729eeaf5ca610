"""Requests that somebody made to be expensive hold up nobody else for long."""

from __future__ import annotations

from pathlib import Path

from bench.hostile.__main__ import measure

# A quiet machine needs a twentieth of it; before texts were bounded, one memo of these took minutes.
_MOST_MS = 2000


def test_no_hostile_input_makes_another_client_wait_long(tmp_path: Path) -> None:
    figures = measure(tmp_path, {}, scale=0.05)
    assert len(figures) > 35
    for figure in figures:
        print(f"{figure.name}: {figure.statuses or '-'}, others waited {figure.longest_wait_ms:.0f} ms at most")
    assert {each.name: each.longest_wait_ms for each in figures if each.longest_wait_ms > _MOST_MS} == {}
    refused = {each.name: each.statuses for each in figures[1:] if "5" in each.statuses.split(" ")[0][:1]}
    assert refused == {}
