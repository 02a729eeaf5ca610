"""Statements on attachments."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from aimo.db.schema import Attachments
from aimo.db.statements import in_list, owned, param, unscoped

COLUMNS = (
    Attachments.attachment_id,
    Attachments.uid,
    Attachments.filename,
    Attachments.type,
    Attachments.size,
    Attachments.storage_type,
    Attachments.path,
    Attachments.bucket,
    Attachments.prefix,
    Attachments.endpoint,
    Attachments.region,
    Attachments.is_public_bucket,
    Attachments.properties,
    Attachments.created_at,
)

_MINE = Attachments.uid == param("owner")
_ONE = (_MINE, Attachments.attachment_id == param("id"))

ONE = owned("attachments.one", select(*COLUMNS).where(*_ONE))
FOR_UPDATE = owned("attachments.for_update", select(*COLUMNS).where(*_ONE).with_for_update())
BY_IDS = owned("attachments.by_ids", select(*COLUMNS).where(_MINE, Attachments.attachment_id.in_(in_list("ids"))))
PAGE = owned(
    "attachments.page",
    select(*COLUMNS)
    .where(_MINE)
    .order_by(Attachments.created_at.desc(), Attachments.seq.desc())
    .limit(param("limit"))
    .offset(param("offset")),
)
COUNT = owned("attachments.count", select(func.count()).select_from(Attachments).where(_MINE))
USED = owned("attachments.used", select(func.coalesce(func.sum(Attachments.size), 0)).where(_MINE))
CREATE = owned(
    "attachments.create",
    insert(Attachments).values({column.key: param(column.key) for column in COLUMNS} | {"seq": param("seq")}),
)
SET_PROPERTIES = owned(
    "attachments.set_properties", update(Attachments).where(*_ONE).values(properties=param("new_properties"))
)
FOR_SYNC = unscoped(
    "attachments.for_sync",
    select(*COLUMNS).where(Attachments.attachment_id.in_(in_list("ids"))),
    reason="the sync worker carries every user's pictures to LanceDB, each with its own uid",
)
NEXT = unscoped(
    "attachments.next",
    select(Attachments.attachment_id, Attachments.uid)
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit")),
    reason="rebuilding re-creates the vectors of all users",
)
SET_MODEL_HASH = unscoped(
    "attachments.set_model_hash",
    update(Attachments)
    .where(Attachments.attachment_id.in_(in_list("ids")))
    .values(multimodal_model_hash=param("new_hash")),
    reason="the sync worker notes by which model a picture was embedded",
)
DELETE = owned("attachments.delete", delete(Attachments).where(*_ONE))
