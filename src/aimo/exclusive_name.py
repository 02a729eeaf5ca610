"""Gives a finished file its name, never in place of another file, on every file system."""

from __future__ import annotations

from pathlib import Path


def give_name(finished: Path, target: Path) -> None:
    """Let ``target`` be the file ``finished``, which is in the same folder and may keep its own name, too.

    Raises:
        FileExistsError: there is a file of that name, which stays.
        OSError: it cannot be named.
    """
    try:
        target.hardlink_to(finished)
    except FileExistsError:
        raise
    except OSError:
        # File systems without hard links have many ways to say so. Who creates the empty file owns the name, so that
        # replacing it replaces nobody's.
        target.touch(mode=0o600, exist_ok=False)
        try:
            finished.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
