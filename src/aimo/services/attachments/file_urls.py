"""Where clients fetch stored files (docs/contract/files.md#addresses, docs/contract/accounts.md#avatar)."""

from __future__ import annotations

import re
from typing import Final, TypedDict
from urllib.parse import unquote, urlsplit

from aimo.db.queries.attachments import AttachmentRow
from aimo.errors import AimoError, Code
from aimo.storage.keys import is_valid_key
from aimo.storage.protocol import Kind, Placement, Storage

LONGEST_ADDRESS: Final = 2048
"""Characters of an address of a picture."""

_PRINTABLE = re.compile(r"[^\s\x00-\x1f\x7f<>\"'`\\]+")
_OWN_ADDRESS = re.compile(r"/files/([^?#]+)")
# Clients keep the address for as long as a login lasts, 90 days; it stays the same for a quarter of its life. Buckets
# sign for seven days at most.
AVATAR_LIFETIME = 120 * 24 * 3600
_KINDS: dict[str, Kind] = {"local": "local", "s3": "s3", "oss": "oss"}


class FileUrls:
    """Makes addresses of attachments and avatars, new ones for every answer."""

    def __init__(self, storage: Storage, lifetime: int) -> None:
        """``lifetime`` of attachments' addresses in seconds; avatars' outlive a login."""
        self._storage = storage
        self._lifetime = lifetime

    def attachment(self, row: AttachmentRow) -> str:
        """Return the address of an attachment's row."""
        return self._storage.url(row.path, lifetime=self._lifetime, placement=placement(row))

    def avatar(self, uid: str, stored: str | None) -> str:
        """Return the address of a user's picture: signed for an own one, an https one as it is, else empty.

        Older releases stored whatever a user set, also scripts and the keys of strangers' files.
        """
        if not stored:
            return ""
        if is_own_avatar(uid, stored):
            return self._storage.url(stored, lifetime=AVATAR_LIFETIME)
        return stored if is_https(stored) else ""


def is_own_avatar(uid: str, stored: str) -> bool:
    """Return whether a stored text is the key of a picture that this user uploaded."""
    return stored.startswith(f"avatar/{uid}/") and is_valid_key(stored)


def accept_avatar(uid: str, given: str) -> str:
    """Return what to store for a picture that a user names: an https address, or the key of an own picture.

    The address that this server itself gave for an own picture stands for its key.

    Raises:
        AimoError: ``PARAMS_ERROR`` for anything else.
    """
    if is_https(given) or is_own_avatar(uid, given):
        return given
    own = _OWN_ADDRESS.search(given[:LONGEST_ADDRESS])
    if own and is_own_avatar(uid, key := unquote(own[1])):
        return key
    raise AimoError(Code.PARAMS_ERROR, "A picture must be an https address, or be uploaded")


def is_https(address: str) -> bool:
    """Tell whether a text is an https address that a page may load a picture from."""
    if len(address) > LONGEST_ADDRESS or not _PRINTABLE.fullmatch(address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def placement(row: AttachmentRow) -> Placement:
    """Return what an attachment's row remembers of where its bytes are."""
    public = {"true": True, "false": False}.get(row.is_public_bucket or "")
    return Placement(
        kind=_KINDS.get(row.storage_type or "", "local"),
        bucket=row.bucket,
        prefix=row.prefix,
        endpoint=row.endpoint,
        region=row.region,
        public=public,
    )


class PlacementColumns(TypedDict):
    """The columns of an attachment's row that say where its bytes are."""

    storage_type: str
    bucket: str | None
    prefix: str | None
    endpoint: str | None
    region: str | None
    is_public_bucket: str | None


def placed(placement: Placement) -> PlacementColumns:
    """Return the columns of an attachment's row that say where its bytes are."""
    public = None if placement.public is None else str(placement.public).lower()
    return {
        "storage_type": placement.kind,
        "bucket": placement.bucket,
        "prefix": placement.prefix,
        "endpoint": placement.endpoint,
        "region": placement.region,
        "is_public_bucket": public,
    }
