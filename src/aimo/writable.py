"""Tries, before anything is opened, whether this process may write what it will write."""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import shlex
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aimo import clock
from aimo.config import Settings
from aimo.errors import ConfigurationError

_DATABASE_FILES = ("aimo.db", "aimo.db-wal", "aimo.db-shm", "aimo.db-journal")
_PROBE_BYTES = 64 * 1024
# A folder of millions of files on a slow disk must not hold up the start; its upper levels are seen first.
_WALK_SECONDS = 2.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM)
_WRONG_KIND = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
REFUSALS: Final = (*_DENIED, *_FULL, *_WRONG_KIND, errno.EROFS)
"""What a system says of a path that is not as it should be, rather than of a fault of ours."""


class _Folder(NamedTuple):
    """A folder that is written to, and which setting chooses it.

    ``vital``: without space in it the server cannot start at all. ``whole``: everything below it is written or read.
    """

    path: Path
    setting: str
    vital: bool = False
    whole: bool = False


def require_writable(settings: Settings, *, rows_only: bool = False) -> list[str]:
    """Try to write to every folder and file of these settings; folders that are missing are created.

    ``rows_only`` leaves out what is no row or log: vectors, and stored files.

    Returns:
        Warnings: a disk that is full where the server can do without for a while.

    Raises:
        ConfigurationError: something cannot be written; the text names the path, its owner and the command to run.
    """
    warnings = []
    folders = [folder for folder in _folders(settings) if not rows_only or not folder.whole]
    for folder in folders:
        try:
            _try_folder(folder.path)
        except OSError as error:
            text = f"{folder.setting}: {refusal(folder.path, error)}"
            if error.errno not in _FULL or folder.vital:
                raise ConfigurationError(text) from error
            warnings.append(text)
    for path, flags in _files(settings, rows_only=rows_only):
        _require_file(path, flags)
    for folder in folders:
        if folder.whole:
            _require_tree(folder.path)
    if settings.lancedb_storage_type == "local" and not rows_only:
        _require_hard_links(Path(settings.lancedb_uri))
    _require_temporary_folder()
    return warnings


def refusal(path: Path, error: OSError) -> str:
    """Return one line for a path that cannot be used: the path, what is wrong, the owner, and what to do."""
    found, status = _nearest(path)
    reason = error.strerror or type(error).__name__
    me = f"{os.geteuid()}:{os.getegid()}"
    if found != path and not _may(os.fspath(found), os.X_OK) and error.errno in _DENIED:
        what, command = f"{found} may not be entered", f"chmod a+x {_quoted(found)}"
    elif error.errno in _DENIED and found != path:
        what = "it does not exist, and the user that runs AIMO may not create it"
        command = f"install -d -m 700 -o {os.geteuid()} -g {os.getegid()} {_quoted(path)}"
    elif error.errno == errno.EACCES:
        what = "the user that runs AIMO may not read and write it"
        command = f"chmod -R u+rwX {_quoted(path)}"
        if status.st_uid != os.geteuid():
            command = f"chown -R {me} {_quoted(path)}"
    elif error.errno == errno.EPERM:
        what, command = "the file system refuses it, as for a file made immutable", f"chattr -R -i {_quoted(path)}"
    elif error.errno == errno.EROFS:
        mount = _mount_point(found)
        what, command = "its file system is mounted read-only", f"mount -o remount,rw {_quoted(mount)}"
    elif error.errno in _FULL:
        what = "its disk is full" if error.errno == errno.ENOSPC else "the disk quota is used up"
        return f"{path}: {what} ({_owner(found, status)}): make room; `df -h {_quoted(found)}` shows how much there is"
    elif error.errno in _WRONG_KIND:
        wanted = "file" if error.errno == errno.EISDIR else "folder"
        what = f"{found} is {_kind(found, status)} where a {wanted} should be"
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            return f"{path}: {found} is a device where a {wanted} should be: choose another path"
        command = f"mv {_quoted(found)} {_quoted(found.with_name(found.name + '.old'))}"
        return f"{path}: {what} ({_owner(found, status)}): move it away, `{command}`"
    else:
        return f"{path}: {reason} ({_owner(found, status)}): check the disk, `df -h {_quoted(found)}`"
    return f"{path}: {what} ({_owner(found, status)}; AIMO runs as {me}): run as root `{command}`"


def _folders(settings: Settings) -> Iterator[_Folder]:
    if settings.aimo_log_dir:
        yield _Folder(settings.aimo_log_dir, "AIMO_LOG_DIR")
    if not settings.uses_mysql:
        yield _Folder(settings.aimo_data_dir, "AIMO_DATA_DIR", vital=True)
    elif not settings.jwt_secret.get_secret_value() and not settings.production:
        missing = _mode(settings.aimo_data_dir / "jwt_secret") is None
        yield _Folder(settings.aimo_data_dir, "AIMO_DATA_DIR", vital=missing)
    if settings.lancedb_storage_type == "local":
        path = Path(settings.lancedb_uri)
        setting = "LANCEDB_PATH" if settings.lancedb_path else "AIMO_DATA_DIR"
        yield _Folder(path, setting, vital=_mode(path / "memo_vectors.lance") is None, whole=True)
    if settings.attachment_storage_type == "local" or stat.S_ISDIR(_mode(settings.attachments_dir) or 0):
        setting = "ATTACHMENT_LOCAL_PATH" if settings.attachment_local_path else "AIMO_DATA_DIR"
        yield _Folder(settings.attachments_dir, setting, whole=True)
    if settings.attachment_storage_type != "local":
        yield _Folder(settings.aimo_data_dir / "incoming", "AIMO_DATA_DIR")


def _files(settings: Settings, *, rows_only: bool) -> Iterator[tuple[Path, int]]:
    """Yield the single files that are opened, and how."""
    if settings.aimo_log_dir:
        today = clock.local_day(settings.zone)
        for name in (f"{today}.log", f"audit-{today}.log"):
            yield settings.aimo_log_dir / name, os.O_WRONLY | os.O_APPEND
    if not settings.uses_mysql:
        for name in _DATABASE_FILES:
            yield settings.aimo_data_dir / name, os.O_RDWR
    if not settings.jwt_secret.get_secret_value():
        yield settings.aimo_data_dir / "jwt_secret", os.O_RDONLY
    if settings.lancedb_storage_type == "local" and not rows_only:
        yield Path(settings.lancedb_uri, ".creating"), os.O_WRONLY | os.O_APPEND


def _try_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = path / f".aimo-write-test-{secrets.token_hex(4)}"
    try:
        with probe.open("xb") as file:
            file.write(bytes(_PROBE_BYTES))
    finally:
        probe.unlink(missing_ok=True)


def _require_file(path: Path, flags: int = os.O_RDONLY) -> None:
    """Open a file, where there is one, without changing it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.close(os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(refusal(path, error)) from error


def _require_tree(top: Path) -> None:
    """Look for folders below that cannot be written to, and files that cannot be read."""
    deadline = time.monotonic() + _WALK_SECONDS
    waiting = [os.fspath(top)]
    for folder in waiting:
        if time.monotonic() > deadline:
            return
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    inner = entry.is_dir(follow_symlinks=False)
                    if inner:
                        waiting.append(entry.path)
                    if not _may(entry.path, os.R_OK | (os.W_OK | os.X_OK if inner else 0)):
                        # Finds out why; what is gone by now, and a link that leads nowhere, may be so.
                        (_require_inner_folder if inner else _require_file)(Path(entry.path))
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError as error:
            raise ConfigurationError(refusal(Path(folder), error)) from error


def _require_inner_folder(path: Path) -> None:
    try:
        _try_folder(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _FULL:
            raise ConfigurationError(refusal(path, error)) from error


def _may(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _require_hard_links(folder: Path) -> None:
    """See that LanceDB can commit: it gives a new version its name by a hard link, so that no other can be replaced."""
    source, target = (folder / f".aimo-link-test-{secrets.token_hex(4)}" for _ in range(2))
    try:
        source.touch(mode=0o600)
    except OSError as error:
        if error.errno in _FULL:  # reported already
            return
        raise
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in _FULL:
            return
        found, status = _nearest(folder)
        raise ConfigurationError(
            f"{folder}: its file system has no hard links ({error.strerror}; {_owner(found, status)}), without which "
            "LanceDB cannot store vectors: let LANCEDB_PATH name a folder on a file system that has them, such as "
            f"ext4, XFS or Btrfs (`df -T {_quoted(folder)}` shows the present one). Database, attachments and logs may "
            "stay where they are"
        ) from error
    finally:
        target.unlink(missing_ok=True)
        source.unlink(missing_ok=True)


def _require_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise ConfigurationError(
            "There is no folder for temporary files that this user may write to: let TMPDIR name one, or run as root "
            "`chmod 1777 /tmp`"
        ) from error


def _nearest(path: Path) -> tuple[Path, os.stat_result]:
    """Return the path, or the nearest folder above it that can be looked at; links that lead nowhere as they are."""
    for found in (path, *path.absolute().parents):
        try:
            return found, found.stat()
        except OSError:
            try:
                return found, found.lstat()
            except OSError:
                continue
    return Path("/"), Path("/").stat()


def _mode(path: Path) -> int | None:
    """Return kind and mode of a path; None where it does not exist, or may not be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _owner(path: Path, status: os.stat_result) -> str:
    try:
        name = f"{pwd.getpwuid(status.st_uid).pw_name} (uid {status.st_uid})"
    except KeyError:
        name = f"uid {status.st_uid}"
    return f"owner of {path}: {name}, mode {stat.S_IMODE(status.st_mode):04o}"


def _kind(path: Path, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return f"a link to {path.readlink()}, which does not exist,"
    return "a folder" if stat.S_ISDIR(status.st_mode) else "a file"


def _mount_point(path: Path) -> Path:
    found = path.resolve()
    while not found.is_mount():
        found = found.parent
    return found


def _quoted(path: Path) -> str:
    return shlex.quote(os.fspath(path))
