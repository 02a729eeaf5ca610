"""Attachments on the wire (docs/contract/errors.md#absent-null-and-empty, docs/contract/attachments.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class Attachment(Dto):
    """An uploaded file."""

    attachment_id: Annotated[str, Meta(description="Id of the file, case-sensitive.")]
    filename: Annotated[str, Meta(description="Its name as uploaded, without folders.")]
    url: Annotated[str, Meta(description="Where to fetch it; created with every answer, valid for a while.")]
    type: Annotated[str, Meta(description="Its media type as uploaded.")]
    size: Annotated[int, Meta(description="Its size in bytes.")]
    created_at: Annotated[int, Meta(description="When it was uploaded, or what the upload said; epoch milliseconds.")]
    cover_url: Annotated[object | UnsetType, Meta(description="A copy of `properties.coverUrl`, if there is one.")] = (
        UNSET
    )
    width: Annotated[
        int | UnsetType, Meta(description="Of a picture, in pixels, as it is shown; with `Prefer: picture-sizes`.")
    ] = UNSET
    height: Annotated[
        int | UnsetType, Meta(description="Of a picture, in pixels, as it is shown; with `Prefer: picture-sizes`.")
    ] = UNSET
    properties: Annotated[object | UnsetType, Meta(description="Free facts about the file; absent when empty.")] = UNSET


class AttachmentResult(Dto):
    """One attachment with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    attachment: Annotated[Attachment, Meta(description="The attachment.")]


class AttachmentPage(Dto):
    """A page of a user's attachments, newest first."""

    items: Annotated[list[Attachment], Meta(description="The attachments of the page.")]
    total: Annotated[int, Meta(description="How many there are on all pages.")]
    page: Annotated[int | float | str | None, Meta(description="The page as it was asked for, from 1.")]
    limit: Annotated[int | float | str | None, Meta(description="Items a page, as asked for.")]


class PropertiesBody(Dto):
    """Facts to merge into those of a file."""

    properties: Annotated[object, Meta(description="An object of keys to set; null values are kept as null.")] = None
