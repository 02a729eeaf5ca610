"""Files in a folder: written whole or not at all, read in pieces, never outside the folder."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from io import FileIO
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, ParamSpec, Self, TypeVar

from aimo.storage.keys import is_valid_key
from aimo.storage.protocol import ListedObject, ObjectMissingError, Placement, StorageError
from aimo.storage.scratch import prepare_scratch
from aimo.storage.signing import FileSigner
from aimo.threads import FILES

CHUNK = 256 * 1024
_SCRATCH = ".incoming"

# What file systems say that cannot make a folder durable, or cannot keep modes: SMB, exFAT, some of FUSE.
_NO_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM)

P = ParamSpec("P")
T = TypeVar("T")


class LocalFile:
    """An open file as a :class:`~aimo.storage.protocol.StoredObject`; disk work happens in threads."""

    def __init__(self, file: FileIO) -> None:
        status = os.fstat(file.fileno())
        self._file = file
        self.size: Final = status.st_size
        self.modified: Final = status.st_mtime

    @classmethod
    async def open(cls, path: Path) -> LocalFile:
        """Open a regular file.

        Raises:
            ObjectMissing: there is none.
            StorageError: it cannot be opened.
        """
        return await in_thread(cls.open_now, path)

    @classmethod
    def open_now(cls, path: Path) -> LocalFile:
        """As :meth:`open`, on the calling thread.

        Raises:
            ObjectMissing: there is none.
            OSError: it cannot be opened.
        """
        try:
            file = FileIO(path, opener=_open_without_waiting)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ObjectMissingError(path.name) from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise ObjectMissingError(path.name)
        return cls(file)

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """All bytes in pieces of ``CHUNK``."""
        return self.read()

    async def read(self, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a range in pieces of ``CHUNK``; up to the end without ``length``."""
        end = self.size if length is None else min(self.size, start + length)
        while start < end:
            piece = await in_thread(os.pread, self._file.fileno(), min(CHUNK, end - start), start)
            if not piece:
                raise StorageError("the file became shorter while it was read")
            start += len(piece)
            yield piece

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class LocalStorage:
    """Object storage in a folder of this machine (``ATTACHMENT_LOCAL_PATH``)."""

    kind: Final[Literal["local"]] = "local"
    placement: Final = Placement("local")

    def __init__(self, root: Path, signer: FileSigner) -> None:
        self._root = root.resolve()
        self._signer = signer
        self.scratch: Final = self._root / _SCRATCH

    async def prepare(self) -> None:
        """Make the folder; remove uploads that a killed process left more than a day ago."""
        await in_thread(prepare_scratch, self.scratch)

    async def close(self) -> None:
        """Do nothing: no file is held open."""

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Copy a file to a temporary name in the same file system, make it durable, rename it.

        A file in :attr:`scratch` is linked instead of copied; it must not be changed afterwards.
        ``content_type`` is not kept: what a local file is, is seen when it is served.
        """
        await in_thread(self._put, key, source)

    async def open(self, key: str) -> LocalFile:
        """Open a stored file."""
        return await in_thread(lambda: LocalFile.open_now(self._path(key)))

    async def delete(self, key: str) -> None:
        """Remove a stored file; its folder stays."""
        await in_thread(self._delete, key)

    async def exists(self, key: str) -> bool:
        """Return whether there is a file under the key."""
        return await in_thread(self.has, key)

    async def listing(self, batch: int) -> AsyncIterator[list[ListedObject]]:
        """Yield the files of the folder, without hidden ones; in no order."""
        files = self._walk()
        while found := await in_thread(lambda: list(islice(files, batch))):
            yield found

    def url(self, key: str, *, lifetime: int, placement: Placement | None = None) -> str:
        """Return a signed path on this server, wherever the row says the file is."""
        return self._signer.url(key, lifetime)

    def _walk(self) -> Iterator[ListedObject]:
        for folder, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):  # removed meanwhile
                    if is_valid_key(key := path.relative_to(self._root).as_posix()):
                        status = path.stat()
                        yield ListedObject(key, status.st_mtime, status.st_size)

    def _path(self, key: str) -> Path:
        """Return the file of a key, links followed, inside the folder or not at all."""
        if not is_valid_key(key):
            raise ObjectMissingError(key)
        try:
            path = (self._root / key).resolve()
        except RuntimeError:  # a circle of links
            raise ObjectMissingError(key) from None
        if path == self._root or not path.is_relative_to(self._root):
            raise ObjectMissingError(key)
        return path

    def has(self, key: str) -> bool:
        """As :meth:`exists`, on the calling thread."""
        try:
            return self._path(key).is_file()
        except ObjectMissingError:
            return False

    def _delete(self, key: str) -> None:
        try:
            path = self._path(key)
        except ObjectMissingError:
            return
        path.unlink(missing_ok=True)

    def _put(self, key: str, source: Path) -> None:
        try:
            target = self._path(key)
        except ObjectMissingError:
            raise StorageError("not a key of this storage") from None
        folder = target.parent
        unsynced = {folder} | {new.parent for new in (folder, *folder.parents) if not new.exists()}
        folder.mkdir(parents=True, exist_ok=True)
        self.scratch.mkdir(parents=True, exist_ok=True)
        temporary = self.scratch / f"put-{secrets.token_hex(8)}"
        try:
            self._link_or_copy(source, temporary)
            with suppress(OSError):  # file systems with one mode for everything refuse it
                temporary.chmod(0o600)
            _make_durable(temporary)
            temporary.replace(target)
            for changed in unsynced:
                _make_folder_durable(changed)
        finally:
            temporary.unlink(missing_ok=True)

    def _link_or_copy(self, source: Path, temporary: Path) -> None:
        if source.parent == self.scratch:
            # A link only saves copying. File systems without them have many ways to say so.
            with suppress(OSError):
                temporary.hardlink_to(source)
                return
        shutil.copyfile(source, temporary)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run disk work off the event loop; what the system refuses becomes a StorageError."""
    try:
        return await FILES.run(work, *args, **kwargs)
    except OSError as error:
        raise StorageError(f"{type(error).__name__}: {error.strerror}") from error


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _make_folder_durable(path: Path) -> None:
    try:
        _make_durable(path, os.O_RDONLY)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _make_durable(path: Path, access: int = os.O_RDWR) -> None:
    # SMB refuses to make a file durable that is open for reading only.
    descriptor = os.open(path, access | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
