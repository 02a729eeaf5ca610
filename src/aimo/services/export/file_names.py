"""Names of files that every file system, archive program and Obsidian can bear."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from aimo.clock import to_datetime

LONGEST_STEM: Final = 120
"""Bytes of UTF-8 of what a text gives to a name. File systems take 255, synchronization adds to it."""

_LONGEST_EXTENSION = 16
_TITLE_CHARACTERS = 60
# Windows forbids the first ones, links of Obsidian end at the last ones, and percent signs are taken for escapes.
_UNSAFE = re.compile(r'[\\/:*?"<>|#^\[\]%`]+')
_BLANK = re.compile(r"\s+")
_MARKS = re.compile(r"^[#>*+\-=_~\s]+")
_JOINER = "\u200d"


def local(ms: int, zone: ZoneInfo) -> datetime:
    """Return a moment in a zone; in UTC where the zone's offset has seconds or leads beyond the calendar."""
    moment = to_datetime(ms).replace(tzinfo=UTC)
    try:
        there = moment.astimezone(zone)
    except OverflowError:
        return moment
    offset = there.utcoffset()
    return moment if offset is None or offset.total_seconds() % 60 else there


def safe(text: str, longest: int = LONGEST_STEM) -> str:
    """Return what of a text can be part of a file's name, at most so many bytes; perhaps nothing."""
    kept = "".join(
        character if character == _JOINER or unicodedata.category(character)[0] != "C" else " "
        for character in unicodedata.normalize("NFC", text)
    )
    plain = _BLANK.sub(" ", _UNSAFE.sub(" ", kept))
    cut = plain.strip(" .").encode("utf-8", "ignore")[:longest].decode("utf-8", "ignore")
    # Normalized again: cutting may have left what composes with nothing.
    return unicodedata.normalize("NFC", cut).strip(f" .{_JOINER}")


def title(content: str) -> str:
    """Return the beginning of a memo as part of a name; perhaps nothing."""
    for line in content[:4000].splitlines():
        if found := safe(_MARKS.sub("", line)[:_TITLE_CHARACTERS]):
            return found
    return ""


def split_extension(filename: str) -> tuple[str, str]:
    """Return the safe stem of a name and its safe extension with the dot; either may be empty."""
    stem, dot, extension = filename.rpartition(".")
    if not dot or not re.fullmatch(rf"[A-Za-z0-9]{{1,{_LONGEST_EXTENSION}}}", extension):
        return safe(filename), ""
    return safe(stem), f".{extension}"


class Names:
    """Gives each thing a path of its own, also where case and composition of characters do not count."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, folder: str, stem: str, extension: str, key: str) -> str:
        """Return ``folder/stem.extension``; if that is taken, with letters of ``key`` behind the stem."""
        path = f"{folder}/{stem}{extension}"
        length = 6
        while (compared := unicodedata.normalize("NFC", path).casefold()) in self._taken:
            path = f"{folder}/{stem} {key[:length]}{extension}"
            length += 2
            if length > len(key) + 2:
                path = f"{folder}/{stem} {key} {len(self._taken)}{extension}"
        self._taken.add(compared)
        return path
