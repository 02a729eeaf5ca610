"""Where clients fetch stored files (contract, integrations.md 12 and 13)."""

from __future__ import annotations

from typing import Any

from aimo.storage.keys import is_key
from aimo.storage.protocol import Kind, Placement, Storage

AVATAR_LIFETIME = 7 * 24 * 3600
_KINDS: dict[str, Kind] = {"local": "local", "s3": "s3", "oss": "oss"}


class FileUrls:
    """Makes addresses of attachments and avatars, anew for every answer."""

    def __init__(self, storage: Storage, lifetime: int) -> None:
        """``lifetime`` of attachments' addresses in seconds; avatars' live for seven days."""
        self._storage = storage
        self._lifetime = lifetime

    def attachment(self, row: Any) -> str:
        """The address of an attachment's row."""
        return self._storage.url(row.path, lifetime=self._lifetime, placement=placement(row))

    def avatar(self, uid: str, stored: str | None) -> str:
        """The address of a user's picture: empty without one, a text that the user set as it is.

        Only the user's own pictures get an address: users may set any text, also the key of a stranger's file.
        """
        if not stored or not is_own_avatar(uid, stored):
            return stored or ""
        return self._storage.url(stored, lifetime=AVATAR_LIFETIME)


def is_own_avatar(uid: str, stored: str) -> bool:
    """Whether a stored text is the key of a picture that this user uploaded."""
    return stored.startswith(f"avatar/{uid}/") and is_key(stored)


def placement(row: Any) -> Placement:
    """What an attachment's row remembers of where its bytes are."""
    public = {"true": True, "false": False}.get(row.is_public_bucket)
    return Placement(
        kind=_KINDS.get(row.storage_type, "local"),
        bucket=row.bucket,
        prefix=row.prefix,
        endpoint=row.endpoint,
        region=row.region,
        public=public,
    )


def placed(placement: Placement) -> dict[str, str | None]:
    """The columns of an attachment's row that say where its bytes are."""
    public = None if placement.public is None else str(placement.public).lower()
    return {
        "storage_type": placement.kind,
        "bucket": placement.bucket,
        "prefix": placement.prefix,
        "endpoint": placement.endpoint,
        "region": placement.region,
        "is_public_bucket": public,
    }
