"""Files that this server stores itself, for providers that cannot reach it."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

from aimo.errors import AimoError, Code
from aimo.storage.content_types import UNKNOWN
from aimo.storage.protocol import Storage, StorageError
from aimo.storage.serving_headers import SNIFFED_BYTES, sniff
from aimo.storage.signing import FileSigner

_MOST_BYTES = 20 * 1024 * 1024

# Sent to providers only; browsers never see these types.
_DOCUMENTS = {
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "md": "text/plain",
    "csv": "text/csv",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "epub": "application/epub+zip",
}


class OwnFileReader:
    """Turns addresses that this server has signed into the files themselves."""

    def __init__(self, storage: Storage, signer: FileSigner) -> None:
        self._storage = storage
        self._signer = signer

    def owns(self, address: str) -> bool:
        """Return whether this server has signed an address, and it has not expired."""
        return self._key(address) is not None

    def is_path(self, address: str) -> bool:
        """Return whether an address is the path of a file on this server, without a host; signed or not."""
        return address.startswith("/") and self._signer.key_in(address.partition("?")[0]) is not None

    async def inline(self, address: str) -> str | None:
        """Return the file behind one of our addresses as data URL; None for what is no address of ours.

        The signature says whether it is, and that who has the address may see the file; the host does not
        matter, because clients know this server under many. PARAMS_ERROR for a path of this server that has
        expired or was never signed, and for a file that is gone or larger than 20 MB.
        """
        key = self._key(address)
        if key is None:
            if self.is_path(address):
                raise _refused("The address of the file is not valid or has expired")
            return None
        try:
            async with await self._storage.open(key) as stored:
                if stored.size > _MOST_BYTES:
                    raise _refused(f"The file is larger than {_MOST_BYTES} bytes")
                data = b"".join([piece async for piece in stored.chunks])
        except StorageError:
            raise _refused("The file cannot be read") from None
        kind = sniff(data[:SNIFFED_BYTES]) or _DOCUMENTS.get(key.rpartition(".")[2].lower(), UNKNOWN)
        return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"

    def _key(self, address: str) -> str | None:
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        key = self._signer.key_in(parts.path)
        if parts.scheme not in ("", "http", "https") or key is None:
            return None
        given = parse_qs(parts.query)
        expires, signature = (given.get(name, [""])[0] for name in ("exp", "sig"))
        return key if self._signer.allows(key, expires, signature) else None


def _refused(reason: str) -> AimoError:
    return AimoError(Code.PARAMS_ERROR, reason)
