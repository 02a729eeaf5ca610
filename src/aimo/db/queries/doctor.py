"""Statements of the doctor: it walks through whole tables in the order of their primary keys, some rows at a time."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select, type_coerce, update

from aimo.db.schema import Attachments, Memos, MemoTags, MigrationQuarantine, OutboxEntries, Tags, Users
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.types import Prose

_DOCTOR = "the doctor looks at everybody's rows and shows none of their content"

# Who carries a tag, defined once wherever it is counted: memos that exist, of the user of the tag.
_CARRYING = (
    select(func.count())
    .select_from(MemoTags)
    .join(Memos, and_(Memos.memo_id == MemoTags.memo_id, Memos.uid == MemoTags.uid))
)
_CARRIERS = _CARRYING.where(MemoTags.tag_id == Tags.tag_id, MemoTags.uid == Tags.uid).correlate(Tags).scalar_subquery()
_MEMO = (Memos.memo_id, Memos.uid, Memos.content, Memos.updated_at)
# As text: one list that cannot be read must not take those beside it along.
_LIST = (Memos.memo_id, Memos.uid, type_coerce(Memos.tag_ids, Prose).label("tag_ids"))
_TAG = (Tags.tag_id, Tags.uid, Tags.usage_count, _CARRIERS.label("carriers"))
_FILE = (Attachments.attachment_id, Attachments.uid, Attachments.path, Attachments.size)

MEMOS = unscoped(
    "doctor.memos",
    select(*_MEMO).where(Memos.memo_id > param("after")).order_by(Memos.memo_id).limit(param("limit")),
    reason=_DOCTOR,
)
MEMOS_BY_ID = unscoped(
    "doctor.memos_by_id", select(*_MEMO).where(Memos.memo_id.in_(in_list("memo_ids"))), reason=_DOCTOR
)
LISTS = unscoped(
    "doctor.lists",
    select(*_LIST).where(Memos.memo_id > param("after")).order_by(Memos.memo_id).limit(param("limit")),
    reason=_DOCTOR,
)
LISTS_BY_ID = unscoped(
    "doctor.lists_by_id", select(*_LIST).where(Memos.memo_id.in_(in_list("memo_ids"))), reason=_DOCTOR
)
LIST_FOR_UPDATE = unscoped(
    "doctor.list_for_update", select(*_LIST).where(Memos.memo_id == param("id")).with_for_update(), reason=_DOCTOR
)
WAITING_ENTRIES = unscoped(
    "doctor.marked",
    select(OutboxEntries.kind, OutboxEntries.entity_id, OutboxEntries.crashes).where(
        OutboxEntries.entity_id.in_(in_list("entity_ids"))
    ),
    reason=_DOCTOR,
)
LIVE_ATTACHMENTS = unscoped(
    "doctor.live_attachments",
    select(Attachments.attachment_id, Attachments.uid).where(Attachments.attachment_id.in_(in_list("attachment_ids"))),
    reason=_DOCTOR,
)
LIVE_MEMOS = unscoped(
    "doctor.live_memos", select(Memos.memo_id, Memos.uid).where(Memos.memo_id.in_(in_list("memo_ids"))), reason=_DOCTOR
)

TAGS = unscoped(
    "doctor.tags",
    select(*_TAG).where(Tags.tag_id > param("after")).order_by(Tags.tag_id).limit(param("limit")),
    reason=_DOCTOR,
)
TAGS_BY_ID = unscoped("doctor.tags_by_id", select(*_TAG).where(Tags.tag_id.in_(in_list("tag_ids"))), reason=_DOCTOR)
OWNERS_OF_TAGS = unscoped(
    "doctor.owners_of_tags", select(Tags.tag_id, Tags.uid).where(Tags.tag_id.in_(in_list("tag_ids"))), reason=_DOCTOR
)
CARRIED = unscoped(
    "doctor.carried",
    select(MemoTags.memo_id, MemoTags.tag_id, MemoTags.uid).where(MemoTags.memo_id.in_(in_list("memo_ids"))),
    reason=_DOCTOR,
)
INDEXED = unscoped(
    "doctor.indexed",
    select(MemoTags.memo_id)
    .distinct()
    .where(MemoTags.memo_id > param("after"))
    .order_by(MemoTags.memo_id)
    .limit(param("limit")),
    reason=_DOCTOR,
)
LOCK_TAG = owned(
    "doctor.lock_tag",
    select(Tags.tag_id).where(Tags.uid == param("owner"), Tags.tag_id == param("tag_id")).with_for_update(),
)
CARRIERS = owned(
    "doctor.carriers",
    _CARRYING.where(MemoTags.uid == param("owner"), Memos.uid == param("owner"), MemoTags.tag_id == param("tag_id")),
)
SET_USAGE = owned(
    "doctor.set_usage",
    update(Tags).where(Tags.uid == param("owner"), Tags.tag_id == param("id")).values(usage_count=param("carriers")),
)

ATTACHMENTS = unscoped(
    "doctor.attachments",
    select(*_FILE)
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit")),
    reason=_DOCTOR,
)
ATTACHMENTS_BY_ID = unscoped(
    "doctor.attachments_by_id",
    select(*_FILE).where(Attachments.attachment_id.in_(in_list("attachment_ids"))),
    reason=_DOCTOR,
)
PATHS = owned(
    "doctor.paths",
    select(Attachments.path).where(Attachments.uid == param("owner"), Attachments.path.in_(in_list("paths"))),
)
PICTURES = unscoped(
    "doctor.pictures", select(Users.uid, Users.avatar).where(Users.uid.in_(in_list("uids"))), reason=_DOCTOR
)
_PATH = MigrationQuarantine.content["path"].as_string()
_AVATAR = MigrationQuarantine.content["avatar"].as_string()
QUARANTINED = unscoped(
    "doctor.quarantined",
    select(MigrationQuarantine.row_key, _PATH.label("path"), _AVATAR.label("avatar")).where(
        or_(
            MigrationQuarantine.row_key.in_(in_list("names")),
            _PATH.in_(in_list("keys")),
            _AVATAR.in_(in_list("avatars")),
        )
    ),
    reason=_DOCTOR,
)
