"""Statements for moving stored files from one storage to another."""

from __future__ import annotations

from sqlalchemy import select, update

from aimo.db.schema import Attachment, User
from aimo.db.statements import param, unscoped

_OPERATOR = "an operator moves the files of all users"

ATTACHMENTS_AFTER = unscoped(
    "file_moves.attachments_after",
    select(Attachment.attachment_id, Attachment.uid, Attachment.path, Attachment.type, Attachment.storage_type)
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit")),
    excuse=_OPERATOR,
)
AVATARS_AFTER = unscoped(
    "file_moves.avatars_after",
    select(User.uid, User.avatar).where(User.uid > param("after")).order_by(User.uid).limit(param("limit")),
    excuse=_OPERATOR,
)
PATH = unscoped(
    "file_moves.path",
    select(Attachment.path).where(Attachment.attachment_id == param("id")),
    excuse=_OPERATOR,
)
AVATAR = unscoped("file_moves.avatar", select(User.avatar).where(User.uid == param("id")), excuse=_OPERATOR)
PLACE = unscoped(
    "file_moves.place",
    update(Attachment)
    .where(Attachment.attachment_id == param("id"), Attachment.path == param("key"))
    .values(
        storage_type=param("new_storage_type"),
        bucket=param("new_bucket"),
        prefix=param("new_prefix"),
        endpoint=param("new_endpoint"),
        region=param("new_region"),
        is_public_bucket=param("new_is_public_bucket"),
    ),
    excuse=_OPERATOR,
)
