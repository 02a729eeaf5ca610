"""Reads the list at the end of a backup entry by entry: it names every stored file, so it can be of any length."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

import msgspec

from aimo.services.backup.archive_stream import CHUNK, Content
from aimo.services.backup.format import DamagedArchiveError, Member

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
# No entry, and no table's name with its rows, comes near it.
_LONGEST_ENTRY = CHUNK


def entries(content: Content) -> Iterator[Member | dict[str, int]]:
    """Yield the members in their order, and the numbers of rows by table; the missing files are passed over.

    Raises:
        DamagedArchive: it is no such list.
    """
    try:
        yield from _entries(_Text(content))
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise DamagedArchiveError(f"manifest.json cannot be read: {error}") from error


def _entries(text: _Text) -> Iterator[Member | dict[str, int]]:
    text.take("{")
    seen: set[str] = set()
    while True:
        name = text.value()
        if not isinstance(name, str) or name in seen:
            raise ValueError(f"{name!r:.100} is where it does not belong")
        seen.add(name)
        text.take(":")
        if name == "rows":
            yield msgspec.convert(text.value(), dict[str, int])
        elif name == "members":
            for entry in _listed(text):
                yield msgspec.convert(entry, Member)
        elif name == "missing_files":
            for _ in _listed(text):
                continue
        else:
            raise ValueError(f"{name!r:.100} is nothing that it has")
        if text.take(",}") == "}":
            break
    text.require_end()
    if not {"members", "rows"} <= seen:
        raise ValueError("members or rows are missing")


def _listed(text: _Text) -> Iterator[object]:
    text.take("[")
    if text.next_is("]"):
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


class _Text:
    """JSON text of which only the part that is looked at is in memory."""

    def __init__(self, content: Content) -> None:
        self._chunks = content.chunks()
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0

    def value(self) -> object:
        """Return the value that comes next."""
        while True:
            self._skip_space()
            if len(self._text) - self._at > _LONGEST_ENTRY + CHUNK:
                raise ValueError("it has an entry that is too long")
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            # A number can go on in the next piece.
            if end == len(self._text) and self._more():
                continue
            self._at = end
            return value

    def take(self, characters: str) -> str:
        """Return the next character, which must be one of these."""
        self._skip_space()
        found = self._text[self._at : self._at + 1]
        if not found or found not in characters:
            raise ValueError(f"{found!r} instead of one of {characters!r}")
        self._at += 1
        return found

    def next_is(self, character: str) -> bool:
        """Return whether a character comes next; it stays."""
        self._skip_space()
        return self._text.startswith(character, self._at)

    def require_end(self) -> None:
        """See that nothing else follows."""
        self._skip_space()
        if self._at < len(self._text):
            raise ValueError("something follows its end")

    def _skip_space(self) -> None:
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._decoder.decode(b"", final=True)
            return False
        self._text, self._at = self._text[self._at :] + self._decoder.decode(chunk), 0
        return True
