"""JSON is looked into without decoding it, in windows of whatever size."""

from __future__ import annotations

import json
import random
import re

import pytest

from aimo.http.edge import json_scan

_ESCAPES = [
    "\\\\",
    '\\"',
    "\\u0041",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "\\n",
    "\\\\u0000",
    "x",
    "[",
    "}",
]


def depth_of(text: str) -> int:
    """Return the deepest nesting, found character by character."""
    depth = deepest = position = 0
    inside = False
    while position < len(text):
        character = text[position]
        if inside and character == "\\":
            position += 1
        elif character == '"':
            inside = not inside
        elif not inside and character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not inside and character in "]}":
            depth -= 1
        position += 1
    return deepest


def a_text(chance: random.Random) -> str:
    def string() -> str:
        return '"' + "".join(chance.choice(_ESCAPES) for _ in range(chance.randint(0, 12))) + '"'

    return "".join(string() if chance.random() < 0.5 else chance.choice("[]{},") for _ in range(chance.randint(1, 40)))


@pytest.mark.parametrize("window", [25, 37, 64])
def test_no_window_hides_depth_or_a_bad_escape(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_scan, "WINDOW", window)
    monkeypatch.setattr(json_scan, "FEW", -1)
    chance = random.Random(window)
    for _ in range(2000):
        text = a_text(chance)
        values = len(re.findall(r"[,\[{]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)))
        assert json_scan.shape_of(text.encode()) == (depth_of(text), values), text
        strings = [json.loads(found) for found in re.findall(r'"(?:[^"\\]|\\.)*"', text)]
        bad = any("\0" in each or any(0xD800 <= ord(c) < 0xE000 for c in each) for each in strings)
        assert json_scan.has_unusable_escapes(text.encode()) is bad, text
