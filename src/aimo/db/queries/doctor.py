"""Statements of the doctor: it walks through whole tables in the order of their primary keys, some rows at a time."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select, type_coerce, update

from aimo.db.schema import Attachment, Memo, MemoTag, MigrationQuarantine, Tag, User, VectorMark
from aimo.db.statements import among, owned, param, unscoped
from aimo.db.types import Prose

_DOCTOR = "the doctor looks at everybody's rows and shows none of their content"

# Who carries a tag, told in one way wherever it is counted: memos that exist, of the user of the tag.
_CARRYING = (
    select(func.count()).select_from(MemoTag).join(Memo, and_(Memo.memo_id == MemoTag.memo_id, Memo.uid == MemoTag.uid))
)
_CARRIERS = _CARRYING.where(MemoTag.tag_id == Tag.tag_id, MemoTag.uid == Tag.uid).correlate(Tag).scalar_subquery()
_MEMO = (Memo.memo_id, Memo.uid, Memo.content, Memo.updated_at)
# As text: one list that cannot be read must not take those beside it along.
_LIST = (Memo.memo_id, Memo.uid, type_coerce(Memo.tag_ids, Prose).label("tag_ids"))
_TAG = (Tag.tag_id, Tag.uid, Tag.usage_count, _CARRIERS.label("carriers"))
_FILE = (Attachment.attachment_id, Attachment.uid, Attachment.path, Attachment.size)

MEMOS = unscoped(
    "doctor.memos",
    select(*_MEMO).where(Memo.memo_id > param("after")).order_by(Memo.memo_id).limit(param("limit")),
    excuse=_DOCTOR,
)
MEMOS_BY_ID = unscoped("doctor.memos_by_id", select(*_MEMO).where(Memo.memo_id.in_(among("memo_ids"))), excuse=_DOCTOR)
LISTS = unscoped(
    "doctor.lists",
    select(*_LIST).where(Memo.memo_id > param("after")).order_by(Memo.memo_id).limit(param("limit")),
    excuse=_DOCTOR,
)
LISTS_BY_ID = unscoped("doctor.lists_by_id", select(*_LIST).where(Memo.memo_id.in_(among("memo_ids"))), excuse=_DOCTOR)
LIST_FOR_UPDATE = unscoped(
    "doctor.list_for_update", select(*_LIST).where(Memo.memo_id == param("id")).with_for_update(), excuse=_DOCTOR
)
MARKED = unscoped(
    "doctor.marked",
    select(VectorMark.kind, VectorMark.entity_id, VectorMark.crashes).where(
        VectorMark.entity_id.in_(among("entity_ids"))
    ),
    excuse=_DOCTOR,
)
LIVE_ATTACHMENTS = unscoped(
    "doctor.live_attachments",
    select(Attachment.attachment_id, Attachment.uid).where(Attachment.attachment_id.in_(among("attachment_ids"))),
    excuse=_DOCTOR,
)
LIVE_MEMOS = unscoped(
    "doctor.live_memos", select(Memo.memo_id, Memo.uid).where(Memo.memo_id.in_(among("memo_ids"))), excuse=_DOCTOR
)

TAGS = unscoped(
    "doctor.tags",
    select(*_TAG).where(Tag.tag_id > param("after")).order_by(Tag.tag_id).limit(param("limit")),
    excuse=_DOCTOR,
)
TAGS_BY_ID = unscoped("doctor.tags_by_id", select(*_TAG).where(Tag.tag_id.in_(among("tag_ids"))), excuse=_DOCTOR)
OWNERS_OF_TAGS = unscoped(
    "doctor.owners_of_tags", select(Tag.tag_id, Tag.uid).where(Tag.tag_id.in_(among("tag_ids"))), excuse=_DOCTOR
)
CARRIED = unscoped(
    "doctor.carried",
    select(MemoTag.memo_id, MemoTag.tag_id, MemoTag.uid).where(MemoTag.memo_id.in_(among("memo_ids"))),
    excuse=_DOCTOR,
)
INDEXED = unscoped(
    "doctor.indexed",
    select(MemoTag.memo_id)
    .distinct()
    .where(MemoTag.memo_id > param("after"))
    .order_by(MemoTag.memo_id)
    .limit(param("limit")),
    excuse=_DOCTOR,
)
LOCK_TAG = owned(
    "doctor.lock_tag",
    select(Tag.tag_id).where(Tag.uid == param("owner"), Tag.tag_id == param("tag_id")).with_for_update(),
)
CARRIERS = owned(
    "doctor.carriers",
    _CARRYING.where(MemoTag.uid == param("owner"), Memo.uid == param("owner"), MemoTag.tag_id == param("tag_id")),
)
SET_USAGE = owned(
    "doctor.set_usage",
    update(Tag).where(Tag.uid == param("owner"), Tag.tag_id == param("id")).values(usage_count=param("carriers")),
)

ATTACHMENTS = unscoped(
    "doctor.attachments",
    select(*_FILE)
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit")),
    excuse=_DOCTOR,
)
ATTACHMENTS_BY_ID = unscoped(
    "doctor.attachments_by_id",
    select(*_FILE).where(Attachment.attachment_id.in_(among("attachment_ids"))),
    excuse=_DOCTOR,
)
PATHS = owned(
    "doctor.paths",
    select(Attachment.path).where(Attachment.uid == param("owner"), Attachment.path.in_(among("paths"))),
)
PICTURES = unscoped("doctor.pictures", select(User.uid, User.avatar).where(User.uid.in_(among("uids"))), excuse=_DOCTOR)
_PATH = MigrationQuarantine.content["path"].as_string()
_AVATAR = MigrationQuarantine.content["avatar"].as_string()
QUARANTINED = unscoped(
    "doctor.quarantined",
    select(MigrationQuarantine.row_key, _PATH.label("path"), _AVATAR.label("avatar")).where(
        or_(MigrationQuarantine.row_key.in_(among("names")), _PATH.in_(among("keys")), _AVATAR.in_(among("avatars")))
    ),
    excuse=_DOCTOR,
)
