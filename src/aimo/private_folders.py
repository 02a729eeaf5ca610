"""What is kept on this machine's disks is for the server's own user alone."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from aimo.config import Settings
from aimo.errors import ConfigurationError

log = structlog.get_logger(__name__)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_private(settings: Settings) -> None:
    """See that nobody else on this machine can get at data or logs; what is not there yet will be made so.

    The mask of an access control list counts like the group's rights, because the system shows it as those.

    Raises:
        ConfigurationError: in production, when somebody can; the text names the path and the command to run.
            Outside production that is only a warning.
    """
    for path in _kept(settings):
        advice = _advice(path)
        if advice and settings.production:
            raise ConfigurationError(advice)
        if advice:
            log.warning(advice)


def _kept(settings: Settings) -> Iterator[Path]:
    """Yield the folders, and the database's file, that are not inside another of them; links followed."""
    data = settings.aimo_data_dir.resolve()
    yield data
    others = [settings.aimo_log_dir, settings.attachments_dir]
    if settings.lancedb_storage_type == "local":
        others.append(Path(settings.lancedb_uri))
    if not settings.uses_mysql:
        others.append(settings.sqlite_path)
    for other in others:
        if other and not (path := other.resolve()).is_relative_to(data):
            yield path


def _advice(path: Path) -> str:
    """Return what to do about a path that others can get at; empty when they cannot."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be looked at: {error.strerror}.") from error
    if not status.st_mode & _OTHERS:
        return ""
    found = f"{path} can be read or changed by other users of this machine (mode {stat.S_IMODE(status.st_mode):04o})"
    if path.is_dir() and not _keeps_modes(path):
        mount = f"uid={os.geteuid()},gid={os.getegid()},umask=077"
        return f"{found}, and its file system keeps no modes: mount it with the options {mount}."
    command = f"chmod -R go-rwx {shlex.quote(str(path))}"
    if os.geteuid() not in (0, status.st_uid):
        # Without the group's rights this process could not get at it any more.
        command = f"chown -R {os.geteuid()}:{os.getegid()} {shlex.quote(str(path))} && {command}"
        return f"{found}: run as root `{command}`."
    return f"{found}: run `{command}`."


def _keeps_modes(folder: Path) -> bool:
    """Return whether a file can be made for its owner alone; some file systems have one mode for everything."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            return not os.fstat(probe.fileno()).st_mode & _OTHERS
    except OSError:
        return True
