"""Attachments (docs/contract/attachments.md, docs/contract/machines.md#memos-and-uploads)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from litestar import Controller, Response
from litestar.params import JSONBody
from litestar.response import Stream

from aimo.dto.attachments import Attachment, AttachmentPage, AttachmentResult, PropertiesBody
from aimo.dto.base import Done, Envelope
from aimo.errors import AimoError, Code
from aimo.http.auth import require_machine_token
from aimo.http.dependencies import AnyRequest, Params, PathText, Services, User, page_request
from aimo.http.input.query_parameters import Query
from aimo.http.input.text_validation import require_usable_inside
from aimo.http.input.uploads import received
from aimo.http.large import ok_files
from aimo.http.output.envelope import JSON, failure, ok, unexpected_failure
from aimo.http.output.openapi_parameters import LIMIT_20, PAGE, USER, Parameter, documented
from aimo.http.output.stored_response import StoredResponse
from aimo.http.routing import delete, get, patch, post
from aimo.js_coercion import integer_prefix
from aimo.services.attachments.service import MOST_PROPERTIES_BYTES, Download, NewAttachment
from aimo.services.idempotency import claim_for
from aimo.storage.content_types import attachment_disposition, inert_or_unknown
from aimo.storage.serving_headers import SANDBOX, beginning_of, serving_headers
from aimo.threads import TEXTS, Busy

# Bytes of a multipart body around its file. Longer descriptions count as part of the file.
_USUAL_OVERHEAD = 64 * 1024


WIDTH = Parameter("w", "number", "Pixels; the next of 160, 320, 640 and 1280 is meant.", 320)


class AttachmentController(Controller):
    """A user's files."""

    path = "/api/v1/attachments"
    tags = ("Attachments",)

    @post("/upload", summary="Upload a file", opt={"upload": "file", "limited": True, "once": True})
    async def upload(self, request: AnyRequest, services: Services, user: User) -> Envelope[AttachmentResult]:
        """Store a file; the fields `createdAt` and `properties` may come with it."""
        attachment = await _store(request, services, user.uid, request.headers.get("idempotency-key"))
        return ok(AttachmentResult(message="File uploaded successfully", attachment=attachment))

    @get("/", summary="List files", opt=documented(PAGE, LIMIT_20))
    async def page(self, params: Params, services: Services, user: User) -> Envelope[AttachmentPage]:
        """Return a page of one's files, newest first."""
        return await ok_files(await services.attachments.page(user.uid, page_request(params, 20)))

    @get("/{attachment_id:str}", summary="Read about a file")
    async def fetch(self, attachment_id: PathText, services: Services, user: User) -> Envelope[Attachment]:
        """Return one file's description and address."""
        return ok(await services.attachments.get(user.uid, attachment_id))

    @delete("/{attachment_id:str}", summary="Remove a file")
    async def remove(self, attachment_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a file; memos that name it no longer show it."""
        await services.attachments.delete(user.uid, attachment_id)
        return ok(Done(message="Attachment deleted successfully"))

    @get("/{attachment_id:str}/download", summary="Download a file", opt={"download": True})
    async def download(self, attachment_id: PathText, services: Services, user: User) -> Response[Any]:
        """Return the bytes of a file; failures have real HTTP statuses here."""
        stack = AsyncExitStack()
        try:
            file = await stack.enter_async_context(services.attachments.download(user.uid, attachment_id))
        except AimoError as error:
            return _no_file(error)
        headers = {
            "Content-Type": inert_or_unknown(file.content_type),
            "Content-Length": str(file.content.size),
            "Content-Disposition": attachment_disposition(file.filename),
            "Content-Security-Policy": SANDBOX,
            "Cache-Control": "private, max-age=3600",
        }
        return Stream(_chunks(file, stack), headers=headers)

    @get("/{attachment_id:str}/file", summary="Show a file", opt={"download": True})
    async def show(self, attachment_id: PathText, services: Services, user: User) -> Response[Any]:
        """Return the bytes of a file to be shown in place, also in parts; the cookie is enough, and no address ends."""
        stack = AsyncExitStack()
        try:
            file = await stack.enter_async_context(services.attachments.download(user.uid, attachment_id))
        except AimoError as error:
            return _no_file(error)
        served = serving_headers(file.filename, await beginning_of(file.content))
        headers = [
            (b"content-type", served.content_type.encode()),
            (b"content-disposition", served.disposition.encode()),
            (b"content-security-policy", served.policy.encode()),
            (b"cache-control", b"private, max-age=86400, immutable"),
        ]
        return StoredResponse(file.content, headers, stack)

    @get(
        "/{attachment_id:str}/thumbnail",
        summary="Show a small copy of a picture",
        opt={"download": True, **documented(WIDTH)},
    )
    async def thumbnail(self, attachment_id: PathText, params: Params, services: Services, user: User) -> Response[Any]:
        """Return a picture as WebP, at most about so wide; the cookie is enough."""
        try:
            stored = await services.thumbnails.open(user.uid, attachment_id, params.number("w", 320))
        except AimoError as error:
            status = 500 if error.code is Code.STORAGE_ERROR else 404
            return Response(failure(error), status_code=status, media_type=JSON)
        except Busy:
            busy = AimoError(Code.SYSTEM_ERROR, "Too many pictures are being made smaller, try again")
            return Response(failure(busy), status_code=503, media_type=JSON, headers={"Retry-After": "2"})
        stack = AsyncExitStack()
        await stack.enter_async_context(stored)
        headers = [
            (b"content-type", b"image/webp"),
            (b"content-disposition", b"inline"),
            (b"content-security-policy", SANDBOX.encode()),
            (b"cache-control", b"private, max-age=86400, immutable"),
        ]
        return StoredResponse(stored, headers, stack)

    @patch("/{attachment_id:str}/properties", summary="Add facts about a file")
    async def merge_properties(
        self, attachment_id: PathText, data: JSONBody[PropertiesBody], services: Services, user: User
    ) -> Envelope[AttachmentResult]:
        """Set these properties and keep the others."""
        if not data.properties and data.properties != {}:
            raise AimoError(Code.PARAMS_ERROR, "Properties are required")
        if not isinstance(data.properties, dict):
            raise AimoError(Code.PARAMS_ERROR, "Properties must be an object")
        attachment = await services.attachments.merge_properties(user.uid, attachment_id, data.properties)
        return ok(AttachmentResult(message="Properties updated successfully", attachment=attachment))


class MachineAttachmentController(Controller):
    """Uploads by machines, with the configured token."""

    path = "/api/v1/attachments/ba"
    tags = ("Machines",)
    guards = (require_machine_token,)

    @post(
        "/upload",
        summary="Upload a file for a user",
        opt=documented(USER) | {"upload": "file", "limited": True} | unexpected_failure(Code.SYSTEM_ERROR),
    )
    async def upload(self, request: AnyRequest, params: Params, services: Services) -> Envelope[AttachmentResult]:
        """Store a file for the user named by `uid`."""
        uid = await user_named_in_query(params, services)
        attachment = await _store(request, services, uid)
        message = "File uploaded successfully via BA authentication"
        return ok(AttachmentResult(message=message, attachment=attachment))


def _no_file(error: AimoError) -> Response[Any]:
    status = 404 if error.code is Code.ATTACHMENT_NOT_FOUND else 500
    return Response(failure(error), status_code=status, media_type=JSON)


async def user_named_in_query(params: Query, services: Services) -> str:
    """Return the user that a machine acts for, named in the query."""
    uid = params.text("uid", "")
    if not uid:
        raise AimoError(Code.PARAMS_ERROR, "User ID (uid) is required")
    if not await services.accounts.exists(uid):
        raise AimoError(Code.NOT_FOUND, "User not found")
    return uid


async def _store(request: AnyRequest, services: Services, uid: str, key: str | None = None) -> Attachment:
    """Receive a file and store it; once, where the request has a key."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20:
        await services.attachments.require_room(uid, max(0, int(announced) - _USUAL_OVERHEAD))
    async with received(request, services, "file", accept=services.attachments.require_allowed_type) as file:
        given = file.fields.get("createdAt")
        new = NewAttachment(
            filename=file.filename,
            content_type=file.content_type,
            size=file.size,
            path=file.path,
            created_at=integer_prefix(given) if given else None,
            properties=_properties(file.fields.get("properties")),
        )
        if key is None:
            return await services.attachments.create(uid, new)
        described = (file.filename, file.content_type, given or "", file.fields.get("properties") or "")
        claim = claim_for(uid, key, "upload", *described, await TEXTS.run(_digest, file.path))
        store = partial(services.attachments.create, uid, new, claim)
        return await services.repeated_requests.once(claim, Attachment, store)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _properties(text: str | None) -> object:
    """Return the JSON of the field, or None for anything else; text inside that cannot be stored is refused."""
    if text and len(text) > MOST_PROPERTIES_BYTES:
        raise AimoError(Code.PARAMS_ERROR, f"Properties are larger than {MOST_PROPERTIES_BYTES} bytes")
    try:
        value = msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    require_usable_inside(value)
    return value


async def _chunks(file: Download, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for chunk in file.content.chunks:
            yield chunk
