"""Rules of spaced repetition (docs/contract/spaced-repetition.md#rules)."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import spaced_repetition as repetition_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.spaced_repetition import NewRule, RuleRow
from aimo.db.transaction import atomically
from aimo.dto.repetition import RepetitionRule, RepetitionRuleBody
from aimo.errors import AimoError, Code
from aimo.services.memos import categories
from aimo.services.reviews.candidates import tag_ids_of

MOST_RULES: Final = 200
_LONGEST_VALUE: Final = 255


class RepetitionRules:
    """Lists, makes and removes rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> list[RepetitionRule]:
        """Return the user's rules, the oldest first."""
        async with self._database.driver_connection() as connection:
            return await _present(connection, uid, await repetition_queries.rules(connection, owner=uid))

    async def create(self, uid: str, body: RepetitionRuleBody) -> RepetitionRule:
        """Make a rule, or return the one that says the same.

        Raises:
            AimoError: PARAMS_ERROR for an unknown mode or type, and for a value that is missing or too long.
        """
        mode, kind, value = _checked(body)

        async def work(connection: AsyncConnection) -> RepetitionRule:
            # One after the other, so that the same rule sent twice is one.
            await user_queries.lock(connection, owner=uid)
            category_id = await categories.resolve(connection, uid, value) if kind == "category" else None
            tag_id = (await tag_ids_of(connection, uid, {value})).get(value) if kind == "tag" else None
            known = await repetition_queries.rules(connection, owner=uid)
            same = [rule for rule in known if _says(rule, mode, kind, category_id or tag_id or value)]
            if not same:
                if len(known) >= MOST_RULES:
                    raise AimoError(Code.PARAMS_ERROR, f"At most {MOST_RULES} rules are allowed")
                row = NewRule(
                    rule_id=ids.repetition_rule_id(),
                    uid=uid,
                    mode=mode,
                    filter_type=kind,
                    filter_value=value,
                    category_id=category_id,
                    tag_id=tag_id,
                    seq=clock.next_sequence(),
                    created_at=clock.now_ms(),
                )
                await repetition_queries.create_rule(connection, row)
                same = [RuleRow(*(getattr(row, name) for name in RuleRow._fields))]
            return (await _present(connection, uid, same[:1]))[0]

        return await atomically(self._database, "repetition.create_rule", work, user=uid)

    async def delete(self, uid: str, rule_id: str) -> None:
        """Remove a rule.

        Raises:
            AimoError: NOT_FOUND for a rule that the user does not have.
        """

        async def work(connection: AsyncConnection) -> bool:
            return await repetition_queries.delete_rule(connection, owner=uid, rule_id=rule_id)

        if not ids.is_possible(rule_id) or not await atomically(
            self._database, "repetition.delete_rule", work, user=uid, entity=rule_id
        ):
            raise AimoError(Code.NOT_FOUND, "Rule not found")


def _checked(body: RepetitionRuleBody) -> tuple[str, str, str]:
    if body.mode not in ("include", "exclude"):
        raise AimoError(Code.PARAMS_ERROR, 'mode must be "include" or "exclude"')
    if body.filter_type not in ("category", "tag"):
        raise AimoError(Code.PARAMS_ERROR, 'filterType must be "category" or "tag"')
    if body.filter_value is None or body.filter_value == "":
        raise AimoError(Code.PARAMS_ERROR, "filterValue is required")
    if not isinstance(body.filter_value, str):
        raise AimoError(Code.PARAMS_ERROR, "filterValue must be a text")
    value = body.filter_value.strip()
    if not value:
        raise AimoError(Code.PARAMS_ERROR, "filterValue is required")
    if len(value) > _LONGEST_VALUE:
        raise AimoError(Code.PARAMS_ERROR, f"filterValue must have at most {_LONGEST_VALUE} characters")
    return str(body.mode), str(body.filter_type), value


def _says(rule: RuleRow, mode: str, kind: str, meaning: str) -> bool:
    meant = rule.category_id or rule.tag_id or rule.filter_value
    return (rule.mode, rule.filter_type, meant) == (mode, kind, meaning)


async def _present(connection: ReadConnection, uid: str, rules: list[RuleRow]) -> list[RepetitionRule]:
    """Return rules as clients see them: categories by id, tags by the name that they have now."""
    tag_ids = sorted({rule.tag_id for rule in rules if rule.tag_id})
    rows = await tag_queries.by_ids(connection, owner=uid, tag_ids=tag_ids) if tag_ids else []
    names = {row.tag_id: row.name for row in rows}
    return [
        RepetitionRule(
            rule_id=rule.rule_id,
            user_id=uid,
            mode=rule.mode,
            filter_type=rule.filter_type,
            filter_value=rule.category_id or names.get(rule.tag_id or "") or rule.filter_value,
            created_at=clock.to_iso(rule.created_at),
        )
        for rule in rules
    ]
