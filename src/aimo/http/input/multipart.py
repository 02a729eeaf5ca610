"""Uploads, streamed to disk while they arrive (docs/contract/bodies.md#multipart)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import structlog
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from aimo.errors import AimoError, Code
from aimo.http.asgi_types import Receive, Scope, header
from aimo.http.input.body_timeout import BodyTimeout
from aimo.http.input.scratch_file import ScratchFile

MAX_FIELD_BYTES = 1024 * 1024
MAX_FIELDS_BYTES = 4 * 1024 * 1024
MAX_PARTS = 100
MAX_FILENAME = 255

_log = structlog.get_logger(__name__)

_OVERHEAD = MAX_FIELDS_BYTES + 1024 * 1024
_DEFAULT_TYPE = "text/plain"
_OCTETS = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,63}", re.ASCII)
_EXTENDED_FILENAME = re.compile(r";\s*filename\*\s*=\s*utf-8'[^']*'([^\s;]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Upload:
    """One received file; it is gone when the context ends."""

    filename: str
    content_type: str
    size: int
    path: Path
    fields: dict[str, str]


@asynccontextmanager
async def receive_upload(
    scope: Scope,
    receive: Receive,
    *,
    field: str,
    max_size: int,
    folder: Path,
    check: Callable[[str], None] | None = None,
    idle_seconds: float = 60,
) -> AsyncIterator[Upload]:
    """Receive a multipart body with exactly one file.

    Args:
        scope: of the request.
        receive: of the request, not read before.
        field: name the file must have.
        max_size: most bytes of the file; exactly that many are fine.
        folder: where the file is kept meanwhile.
        check: gets the file's media type before anything is stored; may raise.
        idle_seconds: longest wait for the next piece; see :class:`BodyTimeout`.

    Raises:
        AimoError: ``FILE_TOO_LARGE``; ``FILE_UPLOAD_ERROR`` for a wrong name, a second file, or a
            body that is malformed or cut off; ``PARAMS_ERROR`` when there is no file; ``STORAGE_ERROR``
            when the disk refuses it.
    """
    reception = _UploadReceiver(field, max_size, folder, check)
    try:
        await reception.run(scope, receive, idle_seconds)
        yield reception.upload()
    finally:
        await reception.discard()


class _UploadReceiver:
    """What has arrived of one body."""

    def __init__(self, field: str, max_size: int, folder: Path, check: Callable[[str], None] | None) -> None:
        self._field = field
        self._max_size = max_size
        self._folder = folder
        self._check = check
        self._fields: dict[str, str] = {}
        self._fields_bytes = 0
        self._part: MultipartSegment | None = None
        self._part_is_file = False
        self._text = bytearray()
        self._file: ScratchFile | None = None
        self._filename = ""
        self._content_type = ""

    def upload(self) -> Upload:
        if self._file is None:
            raise AimoError(Code.PARAMS_ERROR, "No file uploaded")
        return Upload(self._filename, self._content_type, self._file.size, self._file.path, self._fields)

    async def discard(self) -> None:
        if self._file is not None:
            await self._file.discard()

    async def run(self, scope: Scope, receive: Receive, idle_seconds: float) -> None:
        media_type, parameters = parse_options_header((header(scope, b"content-type") or b"").decode("latin-1"))
        if not media_type.startswith("multipart/") or header(scope, b"content-length") == b"0":
            raise AimoError(Code.PARAMS_ERROR, "No file uploaded")
        try:
            boundary = parameters.get("boundary", "") if media_type == "multipart/form-data" else ""
            parser = PushMultipartParser(
                boundary.encode("latin-1"),
                header_charset="latin1",
                max_segment_count=MAX_PARTS,
            )
            with parser:
                await self._parse(parser, receive, idle_seconds)
            if self._file is not None:
                await self._file.finish()
        except (MultipartError, TimeoutError):
            raise AimoError(Code.FILE_UPLOAD_ERROR) from None
        except OSError as error:
            _log.error("upload could not be written to disk", reason=str(error))
            raise AimoError(Code.STORAGE_ERROR) from error

    async def _parse(self, parser: PushMultipartParser, receive: Receive, idle_seconds: float) -> None:
        timeout = BodyTimeout(idle_seconds, most_bytes=self._max_size + _OVERHEAD)
        async with timeout.scope:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise AimoError(Code.FILE_UPLOAD_ERROR)
                if piece := message.get("body", b""):
                    timeout.note(len(piece))
                    if timeout.received > self._max_size + _OVERHEAD:
                        raise AimoError(Code.FILE_TOO_LARGE)
                    for event in parser.parse(piece):
                        await self._take(event)
                if not message.get("more_body", False):
                    return

    async def _take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._part_is_file:
            await self._store(event)
        elif self._part is not None:
            self._remember(event)

    def _begin(self, part: MultipartSegment) -> None:
        filename = _filename(part)
        media_type = _media_type(part.content_type)
        self._part = part
        self._part_is_file = filename != ""
        if not self._part_is_file:
            # A file input left empty: a part without name that is no text.
            self._part = None if media_type == _OCTETS else part
            return
        if self._file is not None or _utf8(part.name or "") != self._field:
            raise AimoError(Code.FILE_UPLOAD_ERROR)
        if self._check is not None:
            self._check(media_type)
        self._filename, self._content_type = filename, media_type
        self._file = ScratchFile(self._folder)

    async def _store(self, piece: bytes) -> None:
        if self._file is None or self._file.size + len(piece) > self._max_size:
            raise AimoError(Code.FILE_TOO_LARGE)
        await self._file.write(piece)

    def _remember(self, piece: bytes) -> None:
        self._text += piece
        self._fields_bytes += len(piece)
        if len(self._text) > MAX_FIELD_BYTES or self._fields_bytes > MAX_FIELDS_BYTES:
            raise AimoError(Code.FILE_UPLOAD_ERROR)

    def _end(self) -> None:
        if self._part is not None and not self._part_is_file:
            self._fields[_utf8(self._part.name or "")] = self._text.decode("utf-8", "replace")
            self._text.clear()
        self._part, self._part_is_file = None, False


def _media_type(declared: str | None) -> str:
    """Lower-cased and without parameters; ``text/plain`` where none is given or it is none."""
    if declared is not None and _MEDIA_TYPE.fullmatch(declared):
        return declared if len(declared) <= 100 else _OCTETS
    return _DEFAULT_TYPE


def _filename(part: MultipartSegment) -> str:
    """Return the part's file name without directories and control characters; empty when it is no file."""
    extended = _EXTENDED_FILENAME.search(part.header("Content-Disposition") or "")
    sent = unquote(extended.group(1)) if extended else _utf8(part.filename or "")
    base = re.split(r"[/\\]", sent)[-1]
    if base in ("", ".", ".."):
        return ""
    return _shortened(_CONTROL.sub("", base).strip() or "file")


def _shortened(name: str) -> str:
    if len(name) <= MAX_FILENAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 32:
        return name[:MAX_FILENAME]
    return stem[: MAX_FILENAME - len(suffix) - 1] + dot + suffix


def _utf8(text: str) -> str:
    """Header text that was read as latin-1, as the UTF-8 that browsers send, where it is that."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text
