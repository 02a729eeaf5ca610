"""Uploaded files."""

from __future__ import annotations

from typing import ClassVar

from aimo.db.queries.migration import table_of
from aimo.db.schema import Attachments
from aimo.legacy.mappers.mapper import Mapped, Mapper
from aimo.legacy.mappers.row_fields import LONGEST_WORD, RowFields
from aimo.legacy.row_outcomes import Change
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow


def repaired(name: str) -> str:
    """Return a file name whose UTF-8 bytes were once read as Latin-1, as it was meant.

    See docs/contract/source-database.md#oddities.
    """
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


class AttachmentMapper(Mapper):
    """Where the file lies stays as it is; its garbled name is repaired."""

    source = "attachments"
    table = table_of(Attachments)
    key = "attachmentId"
    expendable: ClassVar = {"properties": None, "filename": "file"}
    hashed = (
        (
            "attachment_id",
            "uid",
            "filename",
            "type",
            "size",
            "storage_type",
            "path",
            "bucket",
            "prefix",
            "endpoint",
            "region",
            "is_public_bucket",
            "multimodal_model_hash",
            "properties",
            "created_at",
        ),
    )
    kinds: ClassVar = {
        "attachmentId": Kind.TEXT,
        "uid": Kind.TEXT,
        "filename": Kind.TEXT,
        "type": Kind.TEXT,
        "size": Kind.WHOLE,
        "storageType": Kind.TEXT,
        "path": Kind.TEXT,
        "bucket": Kind.TEXT,
        "prefix": Kind.TEXT,
        "endpoint": Kind.TEXT,
        "region": Kind.TEXT,
        "isPublicBucket": Kind.TEXT,
        "multimodalModelHash": Kind.TEXT,
        "properties": Kind.TEXT,
        "createdAt": Kind.MOMENT,
    }

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return what is known of the file."""
        values = {
            "attachment_id": fields.id("attachmentId"),
            "uid": fields.owner(self.lookups),
            "filename": _filename(fields),
            "type": fields.text("type", "type"),
            "size": fields.whole("size", "size", 0),
            "storage_type": fields.word("storageType", "storage_type"),
            "path": fields.text("path", "path"),
            "bucket": fields.optional("bucket"),
            "prefix": fields.optional("prefix"),
            "endpoint": fields.optional("endpoint"),
            "region": fields.optional("region"),
            "is_public_bucket": fields.optional("isPublicBucket", LONGEST_WORD),
            "multimodal_model_hash": fields.optional("multimodalModelHash", LONGEST_WORD),
            "properties": _properties(fields),
            "created_at": fields.moment("createdAt", "created_at"),
        }
        return Mapped(values, fields.notes)


def _filename(fields: RowFields) -> str:
    given = fields.text("filename", "filename")
    name = repaired(given)
    if name != given:
        fields.note("filename", Change.NAME_REPAIRED, given, name)
    return name


def _properties(fields: RowFields) -> object:
    properties = fields.json("properties", "properties", {})
    if properties is None and not fields.raw("properties"):
        return None
    if not isinstance(properties, dict):
        fields.note("properties", Change.NOT_AN_OBJECT, fields.raw("properties"), {})
        return {}
    return properties
