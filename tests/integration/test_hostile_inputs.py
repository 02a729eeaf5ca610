"""Requests that somebody made to be expensive hold up nobody else for long."""

from __future__ import annotations

from pathlib import Path

from bench.hostile.__main__ import measure

# A quiet machine needs a twentieth of it; before texts were bounded, one memo of these took minutes.
_MOST_MS = 2000
_ANSWERED = ("memo: ", "upload: ", "search: ", "list: ", "one memo", "backlinks", "similar memos", "graph")


def test_no_hostile_input_makes_another_client_wait_long(tmp_path: Path) -> None:
    figures = measure(tmp_path, {}, scale=0.05)
    assert len(figures) > 35
    for figure in figures:
        answers = f"{figure.results or '-'}, {figure.megabytes:.1f} MiB"
        print(f"{figure.name}: {answers}, others waited {figure.longest_wait_ms:.0f} ms at most")
    assert {each.name: each.longest_wait_ms for each in figures if each.longest_wait_ms > _MOST_MS} == {}
    assert {each.name: each.results for each in figures[1:] if each.results.startswith("5")} == {}
    # What was refused for another reason than its size would have measured nothing.
    answered = {each.name: each.results for each in figures if each.name.startswith(_ANSWERED)}
    assert len(answered) > 30
    assert set(answered.values()) == {"200/0"}, answered
