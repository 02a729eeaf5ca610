"""Statements for moving stored files from one storage to another."""

from __future__ import annotations

from sqlalchemy import select, update

from aimo.db.schema import Attachments, Users
from aimo.db.statements import param, unscoped

_OPERATOR = "an operator moves the files of all users"

ATTACHMENTS_AFTER = unscoped(
    "file_moves.attachments_after",
    select(Attachments.attachment_id, Attachments.uid, Attachments.path, Attachments.type, Attachments.storage_type)
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit")),
    reason=_OPERATOR,
)
AVATARS_AFTER = unscoped(
    "file_moves.avatars_after",
    select(Users.uid, Users.avatar).where(Users.uid > param("after")).order_by(Users.uid).limit(param("limit")),
    reason=_OPERATOR,
)
PATH = unscoped(
    "file_moves.path",
    select(Attachments.path).where(Attachments.attachment_id == param("id")),
    reason=_OPERATOR,
)
AVATAR = unscoped("file_moves.avatar", select(Users.avatar).where(Users.uid == param("id")), reason=_OPERATOR)
PLACE = unscoped(
    "file_moves.place",
    update(Attachments)
    .where(Attachments.attachment_id == param("id"), Attachments.path == param("key"))
    .values(
        storage_type=param("new_storage_type"),
        bucket=param("new_bucket"),
        prefix=param("new_prefix"),
        endpoint=param("new_endpoint"),
        region=param("new_region"),
        is_public_bucket=param("new_is_public_bucket"),
    ),
    reason=_OPERATOR,
)
