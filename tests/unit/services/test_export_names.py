"""Names of exported files work on every system, whatever their texts are."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from aimo.clock import EARLIEST_MS, LATEST_MS
from aimo.services.export.file_names import LONGEST_STEM, Names, local, safe, split_extension, title
from aimo.services.export.markdown import plain_tag, quoted

RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{digit}" for name in ("COM", "LPT") for digit in "0123456789¹²³")}
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|#^\[\]]')

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\x",
    "C:\\x",
    "CON",
    "nul.txt",
    "a" * 300 + ".png",
    "👩‍👩‍👧" * 40,
    ".",
    "..",
    "",
    " ",
    "\u202egnp.exe",
]


def assert_portable(path: str) -> None:
    for part in PurePosixPath(path).parts:
        assert not FORBIDDEN.search(part), part
        assert part.strip(" ") == part.rstrip(".") == part
        assert part not in (".", "..", "")
        assert len(part.encode()) <= 200
        assert part.partition(".")[0].upper().strip() not in RESERVED
        assert unicodedata.is_normalized("NFC", part)
        assert not any(unicodedata.category(character) == "Cc" for character in part)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_harmless(text: str) -> None:
    names = Names()
    stem, extension = split_extension(text)
    assert_portable(names.give("attachments/2026", f"1f3a9c0d {stem}".strip(), extension, "1f3a9c0d"))
    assert_portable(names.give("memos/2026", f"2026-01-01 120000 {title(text)}".strip(), ".md", "abcdef"))


@given(st.text())
@example("e\u0301" * 100)
@example("\u0301")
@example("a" * (LONGEST_STEM - 1) + "e\u0301")
def test_any_text_gives_a_portable_name(text: str) -> None:
    stem, extension = split_extension(text)
    assert len(stem.encode()) <= LONGEST_STEM
    assert_portable(Names().give("attachments/2026", f"1f3a9c0d {stem}".strip(), extension, "1f3a9c0d"))
    assert safe(safe(text)) == safe(text)


@given(st.lists(st.sampled_from(["a", "A", "é", "e\u0301", "ß", "SS", "ı", "I"]), max_size=30))
def test_no_two_names_are_equal_but_for_case(stems: list[str]) -> None:
    names = Names()
    given = [names.give("memos", stem, ".md", f"key{number:030}") for number, stem in enumerate(stems)]
    assert len({unicodedata.normalize("NFC", path).casefold() for path in given}) == len(stems)


@given(st.text())
def test_every_text_survives_in_frontmatter(text: str) -> None:
    scalar = quoted(text)
    assert "\n" not in scalar
    assert yaml.safe_load(f"key: {scalar}") == {"key": text}


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("读书/小说", "读书/小说"),
        ("two words", "two-words"),
        ("2026", "_2026"),
        ("a//b", "a/b"),
        ("c++", "c"),
        ("!", ""),
        ("2026/01", "_2026/01"),
    ],
)
def test_tags_become_tags_of_obsidian(name: str, tag: str) -> None:
    assert plain_tag(name) == tag


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati"])
@pytest.mark.parametrize("moment", [EARLIEST_MS, -1, 0, LATEST_MS])
def test_every_moment_can_be_told_in_every_zone(zone: str, moment: int) -> None:
    there = local(moment, ZoneInfo(zone))
    assert round(there.timestamp() * 1000) == moment
    assert re.fullmatch(r".*(Z|[+-]\d\d:\d\d)", there.isoformat())
