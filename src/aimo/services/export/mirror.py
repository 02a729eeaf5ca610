"""Keeps a folder equal to an export: writes what changed, removes what is gone, and loses nobody's changes.

The folder may be in use by Obsidian, a synchronization or git: files that an export did not write are left alone, and
one that it did write and somebody changed since is kept beside the new one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Final, Protocol

import msgspec

from aimo.errors import ConfigurationError
from aimo.services.export.entries import SUMMARY, Entry
from aimo.storage.local import in_thread

STATE: Final = ".aimo-mirror.json"
"""What the last export wrote, in the folder itself."""

_PIECE = 1024 * 1024


class Source(Protocol):
    """Makes the files of an export; :class:`aimo.services.export.entries.Entries` does."""

    def all(self, known: Mapping[str, str] | None = None) -> AsyncIterator[Entry]:
        """Yield all files; attachments of ``known``, hashes by path, without their chunks."""


class _Written(msgspec.Struct):
    """A file as it was left: its hash, and what tells without reading it that nobody changed it since."""

    sha256: str
    size: int
    mtime: int


class _State(msgspec.Struct):
    format: int
    uid: str
    files: dict[str, _Written]


@dataclass
class MirrorReport:
    """What was done."""

    written: int = 0
    unchanged: int = 0
    removed: int = 0
    kept: list[str] = field(default_factory=list)
    """Where files are now that somebody else had changed."""


class Mirror:
    """One folder, which mirrors the export of one user."""

    def __init__(self, folder: Path, uid: str) -> None:
        """Read what is there.

        Raises:
            ConfigurationError: the folder has other files, or is the mirror of somebody else.
            OSError: it cannot be read or made.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder.resolve()
        self._uid = uid
        self._before = self._read_state()
        self._now: dict[str, _Written] = {}
        self.report = MirrorReport()

    async def update(self, entries: Source) -> MirrorReport:
        """Bring the folder up to date.

        A part of it is written when this raises; running it again goes on from there.

        Raises:
            StorageError: an attachment cannot be read.
            OSError: a file cannot be written.
        """
        try:
            async for entry in entries.all(await in_thread(self._intact)):
                if entry.chunks is None:
                    self._now[entry.path] = self._before[entry.path]
                    self.report.unchanged += 1
                elif entry.path != SUMMARY or self._has_changed():
                    await self._write(entry, entry.chunks)
                else:
                    self._now[SUMMARY] = self._before[SUMMARY]
                    self.report.unchanged += 1
            await in_thread(self._remove_what_is_gone)
        finally:
            self._write_state()
        return self.report

    def _has_changed(self) -> bool:
        """Return whether the time of the export is worth telling: a repository should not change without reason."""
        gone = self._before.keys() - self._now.keys() - {SUMMARY}
        return bool(self.report.written or gone) or not self._is_untouched(SUMMARY)

    async def _write(self, entry: Entry, chunks: AsyncIterator[bytes]) -> None:
        target = self._target(entry.path)
        await in_thread(target.parent.mkdir, 0o700, True, True)
        partial = target.with_name(f".{token_hex(8)}.partial")
        digest = hashlib.sha256()
        try:
            with await in_thread(partial.open, "xb") as file:
                async for chunk in chunks:
                    digest.update(chunk)
                    await in_thread(file.write, chunk)
            await in_thread(self._put, entry, partial, target, digest.hexdigest())
        finally:
            partial.unlink(missing_ok=True)

    def _put(self, entry: Entry, partial: Path, target: Path, digest: str) -> None:
        """Let a file that is whole take its place, unless the same one is there."""
        before = self._before.get(entry.path)
        if target.is_file() and _hash(target) == digest:
            self.report.unchanged += 1
        else:
            if os.path.lexists(target) and not (before and target.is_file() and _hash(target) == before.sha256):
                self._keep(target)
            os.utime(partial, (entry.modified / 1000, entry.modified / 1000))
            partial.replace(target)
            self.report.written += 1
        told = target.stat()
        self._now[entry.path] = _Written(digest, told.st_size, told.st_mtime_ns)

    def _remove_what_is_gone(self) -> None:
        for path in self._before.keys() - self._now.keys():
            target = self._target(path)
            if not target.is_file():
                continue
            if self._is_untouched(path) or _hash(target) == self._before[path].sha256:
                target.unlink()
                self.report.removed += 1
                self._remove_empty(target.parent)
            else:
                self.report.kept.append(path)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _keep(self, target: Path) -> None:
        """Move what somebody wrote out of the way."""
        aside = target.with_name(f"{target.stem} (changed {token_hex(3)}){target.suffix}")
        target.rename(aside)
        self.report.kept.append(str(aside.relative_to(self._folder)))

    def _intact(self) -> Mapping[str, str]:
        """Return the hashes of the attachments that nobody touched: they never change in the server."""
        return {
            path: written.sha256
            for path, written in self._before.items()
            if path.startswith("attachments/") and self._is_untouched(path)
        }

    def _is_untouched(self, path: str) -> bool:
        written = self._before.get(path)
        if written is None:
            return False
        with suppress(OSError):
            told = self._target(path).stat(follow_symlinks=False)
            return (told.st_size, told.st_mtime_ns) == (written.size, written.mtime)
        return False

    def _target(self, path: str) -> Path:
        """Return where a file lies; nothing is ever written outside of the folder.

        Raises:
            ConfigurationError: a link leads out of it.
        """
        target = self._folder.joinpath(*PurePosixPath(path).parts)
        if not target.parent.resolve().is_relative_to(self._folder) or ".." in target.parts:
            raise ConfigurationError(f"{target.parent} leads out of {self._folder}: remove that link.")
        return target

    def _read_state(self) -> dict[str, _Written]:
        file = self._folder / STATE
        try:
            state = msgspec.json.decode(file.read_bytes(), type=_State)
        except FileNotFoundError:
            if any(not found.name.startswith(".") for found in self._folder.iterdir()):
                raise ConfigurationError(
                    f"{self._folder} holds files that are no export of AIMO: name an empty folder, or a new one."
                ) from None
            return {}
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{file} cannot be read: {error}. Name an empty folder, or a new one.") from error
        if state.uid != self._uid:
            raise ConfigurationError(f"{self._folder} is the mirror of another user.")
        return state.files

    def _write_state(self) -> None:
        # What was not reached this time may still be there.
        reached = self._now if SUMMARY in self._now else self._before | self._now
        state = _State(1, self._uid, {path: reached[path] for path in sorted(reached)})
        partial = self._folder / f".{token_hex(8)}.partial"
        try:
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=1))
            partial.replace(self._folder / STATE)
        finally:
            partial.unlink(missing_ok=True)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
