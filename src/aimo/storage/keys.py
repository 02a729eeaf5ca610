"""How stored files are named (docs/contract/files.md#keys) and which names are keys at all."""

from __future__ import annotations

import re

from aimo import ids

_EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,191}", re.ASCII)
_LONGEST_KEY = 1024
_LONGEST_NAME = 255


def attachment_key(uid: str, day: str, attachment_id: str, filename: str) -> str:
    """``{uid}/{YYYY-MM-DD}/{attachmentId}.{ext}``."""
    return f"{_owner(uid)}/{day}/{attachment_id}.{extension(filename)}"


def avatar_key(uid: str, day: str, filename: str) -> str:
    """``avatar/{uid}/{YYYY-MM-DD}/{24 url-safe characters}.{ext}``."""
    return f"avatar/{_owner(uid)}/{day}/{ids.attachment_id()}.{extension(filename)}"


def extension(filename: str) -> str:
    """Return the text after the last dot, or the whole name without one; ``bin`` where that is no safe name."""
    text = filename.rpartition(".")[2]
    return text if _EXTENSION.fullmatch(text) else "bin"


def is_valid_key(key: str) -> bool:
    """Return whether a text may name an object: relative, no hidden or special part, no NUL.

    Keys of older data may hold any characters after the id, so only what is dangerous is refused.
    """
    if not key or len(key) > _LONGEST_KEY or "\x00" in key or "\\" in key:
        return False
    return all(_is_part(part) for part in key.split("/"))


def _is_part(part: str) -> bool:
    return part != "" and not part.startswith(".") and len(part.encode("utf-8", "replace")) <= _LONGEST_NAME


def _owner(uid: str) -> str:
    if not _OWNER.fullmatch(uid):
        raise ValueError("a user id that cannot be part of a key")
    return uid
