"""Statements that give all rows of one account to another. They name both, so none of them is scoped by one owner."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Table, Update, bindparam, delete, literal, select, update
from sqlalchemy.orm import aliased

from aimo.db.schema import (
    AccessTokens,
    AnsweredRequests,
    Attachments,
    Categories,
    DailyRecommendations,
    MemoChangeCounters,
    MemoChanges,
    Memos,
    MemoTags,
    Model,
    Sessions,
    Tags,
    UserFeatureConfigs,
    Users,
)
from aimo.db.statements import in_list, param
from aimo.db.typed import table_of

# Tokens name their account, so that logins of the one that goes end with it; and what a program was allowed there, it
# was not allowed in the other. Numbers of changes mean nothing in another account, whose clients load their memos again
# after a migration.
_ENDING = (Users, Sessions, AccessTokens, AnsweredRequests, MemoChangeCounters, MemoChanges)
OWNED_TABLES = tuple(
    table
    for table in Model.metadata.sorted_tables
    if "uid" in table.c and table not in [table_of(model) for model in _ENDING]
)


@cache
def change_owner(table: Table) -> Update:
    """Return the change of all rows of the account ``gone`` to rows of ``stays``."""
    return update(table).where(table.c.uid == bindparam("gone")).values(uid=bindparam("stays"))


_TheirTags, _TheirCategories, _TheirDays = aliased(Tags), aliased(Categories), aliased(DailyRecommendations)
_TheirChoices = aliased(UserFeatureConfigs)

SAME_TAGS = select(Tags.tag_id, _TheirTags.tag_id).where(
    Tags.uid == param("gone"), _TheirTags.uid == param("stays"), Tags.name_key == _TheirTags.name_key
)
SAME_CATEGORIES = select(Categories.category_id, _TheirCategories.category_id).where(
    Categories.uid == param("gone"),
    _TheirCategories.uid == param("stays"),
    Categories.name_key == _TheirCategories.name_key,
)
SAME_DAYS = select(DailyRecommendations.recommendation_id).where(
    DailyRecommendations.uid == param("gone"),
    _TheirDays.uid == param("stays"),
    DailyRecommendations.date == _TheirDays.date,
)
SAME_CHOICES = select(UserFeatureConfigs.id).where(
    UserFeatureConfigs.uid == param("gone"),
    _TheirChoices.uid == param("stays"),
    UserFeatureConfigs.feature == _TheirChoices.feature,
)
TAGGED = (
    select(Memos.memo_id, Memos.tag_ids)
    .join(MemoTags, MemoTags.memo_id == Memos.memo_id)
    .where(MemoTags.tag_id == param("old"))
)
CHANGE_TAG_IDS = (
    update(Memos)
    .where(Memos.memo_id == bindparam("which"))
    .values(tag_ids=bindparam("new_tag_ids", type_=Memos.tag_ids.type))
)
CHANGE_LINKS = update(MemoTags).where(MemoTags.tag_id == bindparam("old")).values(tag_id=bindparam("new"))
CHANGE_CATEGORY = update(Memos).where(Memos.category_id == bindparam("old")).values(category_id=bindparam("new"))
REMOVE_TAG = delete(Tags).where(Tags.tag_id == param("old"))
REMOVE_CATEGORY = delete(Categories).where(Categories.category_id == param("old"))
REMOVE_DAYS = delete(DailyRecommendations).where(DailyRecommendations.recommendation_id.in_(in_list("keys")))
REMOVE_CHOICES = delete(UserFeatureConfigs).where(UserFeatureConfigs.id.in_(in_list("keys")))
REMOVE_USER = delete(Users).where(Users.uid == param("gone"))

# What LanceDB keeps with its owner, as the kind and id of outbox entries.
IN_LANCEDB = (
    select(literal("memo"), Memos.memo_id).where(Memos.uid == param("gone")),
    select(literal("attachment"), Attachments.attachment_id).where(Attachments.uid == param("gone")),
)
