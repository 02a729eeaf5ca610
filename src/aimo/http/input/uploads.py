"""Receiving the one file of an upload for a handler (docs/contract/bodies.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from aimo.errors import AimoError, Code
from aimo.http.dependencies import AnyRequest, Services
from aimo.http.input.multipart import Upload, receive_upload

AT_ONCE: Final = 9
"""Uploads of one user that are received at the same time: as many files as clients put into a memo."""

_WAIT_SECONDS = 60.0

_places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()


@asynccontextmanager
async def received(
    request: AnyRequest, services: Services, field: str, *, accept: Callable[[str], None]
) -> AsyncIterator[Upload]:
    """Receive the file of a form field into a temporary file; ``accept`` may refuse its media type early.

    More than `AT_ONCE` uploads of one user wait for each other, so that nobody fills the disk with halves of files.

    Raises:
        AimoError: as for `receive_upload`; ``FILE_UPLOAD_ERROR`` when the user's other uploads take too long.
    """
    sender = str(request.scope.get("verified"))
    places = _places.setdefault(sender, asyncio.Semaphore(AT_ONCE))
    try:
        await asyncio.wait_for(places.acquire(), _WAIT_SECONDS)
    except TimeoutError:
        raise AimoError(Code.FILE_UPLOAD_ERROR, "Too many uploads at the same time; try again soon") from None
    try:
        async with receive_upload(
            request.scope,  # type: ignore[arg-type]
            request.receive,  # type: ignore[arg-type]
            field=field,
            max_size=services.settings.attachment_max_file_size,
            folder=services.storage.scratch,
            check=accept,
        ) as upload:
            yield upload
    finally:
        places.release()
