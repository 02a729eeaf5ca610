"""Objects in a bucket that speaks S3: uploads in parts, downloads in pieces."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Final, Self

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from aimo.errors import ConfigurationError
from aimo.storage.bucket_urls import object_path
from aimo.storage.content_types import content_type_for_bucket
from aimo.storage.keys import is_valid_key
from aimo.storage.local import in_thread
from aimo.storage.protocol import ListedObject, ObjectMissingError, StorageError
from aimo.storage.scratch import prepare_scratch

log = structlog.get_logger(__name__)

CHUNK = 256 * 1024
_PART = 8 * 1024 * 1024
_PARTS_AT_ONCE = 3
_CLIENT = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "3600s", "user_agent": "aimo"}
_RETRY: dict[str, object] = {"max_retries": 3}

# Reasons that no waiting mends, by the code that the store answers with.
_HOPELESS = {
    "NoSuchBucket": "the bucket does not exist",
    "InvalidBucketName": "the bucket's name is none",
    "InvalidAccessKeyId": "the access key is unknown",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key",
    "AuthorizationHeaderMalformed": "the region is not the bucket's",
    "PermanentRedirect": "the bucket is in another region or at another endpoint",
    "SecondLevelDomainForbidden": "the endpoint is not the bucket's",
}
_CODE = re.compile(r"<Code>([A-Za-z]+)</Code>")
_PROBE = "aimo-start-up-check"

# What obstore raises besides its own errors: FileNotFoundError, PermissionError, ValueError for a path.
FAILURES = (BaseError, OSError, ValueError)


def open_store(bucket: str, *, http: bool, **config: object) -> S3Store:
    """Return a client for a bucket.

    Raises:
        ConfigurationError: the settings make no client.
    """
    try:
        return S3Store(
            bucket,
            config=config | {"disable_bulk_delete": True},  # type: ignore[arg-type]
            client_options={**_CLIENT, "allow_http": http},  # type: ignore[arg-type]
            retry_config=_RETRY,  # type: ignore[arg-type]
        )
    except FAILURES as error:
        raise ConfigurationError(f"The bucket {bucket} cannot be used: {reason(error)}") from None


class RemoteObject:
    """An object of a bucket as a :class:`~aimo.storage.protocol.StoredObject`."""

    def __init__(self, store: S3Store, path: str, size: int, modified: float) -> None:
        self._store = store
        self._path = path
        self.size: Final = size
        self.modified: Final = modified

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """All bytes in pieces of about ``CHUNK``."""
        return self.read()

    async def read(self, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a range in pieces of about ``CHUNK``; up to the end without ``length``."""
        end = self.size if length is None else min(self.size, start + length)
        if start >= end:
            return
        received = 0
        try:
            result = await obstore.get_async(self._store, self._path, options={"range": (start, end)})
            async for piece in result.stream(min_chunk_size=CHUNK):
                received += len(piece)
                yield bytes(piece)
        except FAILURES as error:
            raise StorageError(reason(error)) from error
        if received != end - start:
            raise StorageError("the object changed while it was read")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: no connection is held open between reads."""


class RemoteStorage:
    """What S3 and OSS have in common; they differ in addresses and signatures."""

    def __init__(self, store: S3Store, *, bucket: str, prefix: str, scratch: Path) -> None:
        self._store = store
        self._bucket = bucket
        self._prefix = prefix
        self.scratch: Final = scratch

    async def prepare(self) -> None:
        """Find out whether bucket and keys can be right; make the scratch folder.

        Raises:
            ConfigurationError: the store says that they cannot. A store that does not answer is no reason not to
                start: everything but files works without it.
        """
        await in_thread(prepare_scratch, self.scratch)
        try:
            await obstore.get_async(self._store, object_path(self._prefix, _PROBE))
        except FAILURES as error:
            code = _code(error)
            if code in _HOPELESS:
                text = f"Attachments cannot be kept in the bucket {self._bucket}: {_HOPELESS[code]} ({code})."
                raise ConfigurationError(text) from None
            if not isinstance(error, FileNotFoundError):
                log.warning("bucket check failed", bucket=self._bucket, reason=reason(error))

    async def close(self) -> None:
        """Do nothing: connections close by themselves."""

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Upload a file, in parts when it is large.

        What the object is said to be goes by its extension, because a bucket shows it on a host of its own, where
        nobody looks at its bytes before; anything but inert media is a download.
        """
        try:
            await obstore.put_async(
                self._store,
                self._path(key),
                source,
                attributes=_attributes(key),
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except ObjectMissingError:
            raise StorageError("not a key of this storage") from None
        except FAILURES as error:
            raise StorageError(reason(error)) from error

    async def relabel(self, key: str) -> bool:
        """Store an object again if the bucket says of it what it would not say of a new one; whether it did.

        Raises:
            ObjectMissing: there is none.
            StorageError: it could not be read or stored.
        """
        path = self._path(key)
        try:
            found = await obstore.get_async(self._store, path, options={"head": True})
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except FAILURES as error:
            raise StorageError(reason(error)) from error
        wanted = _attributes(key)
        if all(found.attributes.get(name) == value for name, value in wanted.items()):
            return False
        with NamedTemporaryFile(dir=self.scratch, prefix="relabel-") as temporary:
            async for piece in (await self.open(key)).chunks:
                await in_thread(temporary.write, piece)
            await in_thread(temporary.flush)
            await self.put(key, Path(temporary.name), wanted["Content-Type"])
        return True

    async def open(self, key: str) -> RemoteObject:
        """Look an object up for reading."""
        path = self._path(key)
        try:
            meta = await obstore.head_async(self._store, path)
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except FAILURES as error:
            raise StorageError(reason(error)) from error
        return RemoteObject(self._store, path, meta["size"], meta["last_modified"].timestamp())

    async def delete(self, key: str) -> None:
        """Remove an object; a missing one is fine."""
        try:
            await obstore.delete_async(self._store, self._path(key))
        except (FileNotFoundError, ObjectMissingError):
            return
        except FAILURES as error:
            raise StorageError(reason(error)) from error

    async def exists(self, key: str) -> bool:
        """Return whether there is an object under the key."""
        try:
            await self.open(key)
        except ObjectMissingError:
            return False
        return True

    async def listing(self, batch: int) -> AsyncIterator[list[ListedObject]]:
        """Yield the objects under the prefix."""
        root = object_path(self._prefix, "")
        try:
            async for found in obstore.list(self._store, prefix=root or None, chunk_size=batch):
                keys = [(meta["path"].removeprefix(root).lstrip("/"), meta) for meta in found]
                yield [
                    ListedObject(key, meta["last_modified"].timestamp(), meta["size"])
                    for key, meta in keys
                    if is_valid_key(key)
                ]
        except FAILURES as error:
            raise StorageError(reason(error)) from error

    def _path(self, key: str) -> str:
        if not is_valid_key(key):
            raise ObjectMissingError(key)
        return object_path(self._prefix, key)


def _attributes(key: str) -> dict[str, str]:
    """Return what the bucket is to say of an object to whoever fetches it."""
    shown = content_type_for_bucket(key)
    return {"Content-Type": shown.content_type} | (
        {"Content-Disposition": shown.disposition} if shown.disposition else {}
    )


def _code(error: BaseException) -> str:
    found = _CODE.search(str(error))
    return found.group(1) if found else ""


def reason(error: BaseException) -> str:
    """Return a short text; what the library says goes on for pages."""
    return _code(error) or str(error).partition("\n")[0][:300] or type(error).__name__
