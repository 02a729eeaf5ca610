"""Receiving the one file of an upload for a handler (contract 1.14)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aimo.http.context import AnyRequest, Services
from aimo.http.multipart import Upload, receive_upload


def received(
    request: AnyRequest, services: Services, field: str, *, accept: Callable[[str], None]
) -> AbstractAsyncContextManager[Upload]:
    """The file of a form field, streamed to a temporary file; ``accept`` may refuse its media type early."""
    return receive_upload(
        request.scope,  # type: ignore[arg-type]
        request.receive,  # type: ignore[arg-type]
        field=field,
        max_size=services.settings.attachment_max_file_size,
        folder=services.storage.scratch,
        check=accept,
    )
