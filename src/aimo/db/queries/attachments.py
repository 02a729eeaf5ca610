"""Statements on attachments."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from aimo.db.schema import Attachment
from aimo.db.statements import among, owned, param, unscoped

COLUMNS = (
    Attachment.attachment_id,
    Attachment.uid,
    Attachment.filename,
    Attachment.type,
    Attachment.size,
    Attachment.storage_type,
    Attachment.path,
    Attachment.bucket,
    Attachment.prefix,
    Attachment.endpoint,
    Attachment.region,
    Attachment.is_public_bucket,
    Attachment.properties,
    Attachment.created_at,
)

_MINE = Attachment.uid == param("owner")
_ONE = (_MINE, Attachment.attachment_id == param("id"))

ONE = owned("attachments.one", select(*COLUMNS).where(*_ONE))
FOR_UPDATE = owned("attachments.for_update", select(*COLUMNS).where(*_ONE).with_for_update())
BY_IDS = owned("attachments.by_ids", select(*COLUMNS).where(_MINE, Attachment.attachment_id.in_(among("ids"))))
PAGE = owned(
    "attachments.page",
    select(*COLUMNS)
    .where(_MINE)
    .order_by(Attachment.created_at.desc(), Attachment.seq.desc())
    .limit(param("limit"))
    .offset(param("offset")),
)
COUNT = owned("attachments.count", select(func.count()).select_from(Attachment).where(_MINE))
USED = owned("attachments.used", select(func.coalesce(func.sum(Attachment.size), 0)).where(_MINE))
CREATE = owned(
    "attachments.create",
    insert(Attachment).values({column.key: param(column.key) for column in COLUMNS} | {"seq": param("seq")}),
)
SET_PROPERTIES = owned(
    "attachments.set_properties", update(Attachment).where(*_ONE).values(properties=param("new_properties"))
)
FOR_SYNC = unscoped(
    "attachments.for_sync",
    select(*COLUMNS).where(Attachment.attachment_id.in_(among("ids"))),
    excuse="the sync worker carries every user's pictures to LanceDB, each with its own uid",
)
NEXT = unscoped(
    "attachments.next",
    select(Attachment.attachment_id, Attachment.uid)
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit")),
    excuse="rebuilding re-creates the vectors of all users",
)
SET_MODEL_HASH = unscoped(
    "attachments.set_model_hash",
    update(Attachment)
    .where(Attachment.attachment_id.in_(among("ids")))
    .values(multimodal_model_hash=param("new_hash")),
    excuse="the sync worker notes by which model a picture was embedded",
)
DELETE = owned("attachments.delete", delete(Attachment).where(*_ONE))
