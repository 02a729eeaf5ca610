"""What surrounds the memos that answer a question: linked memos and attached files.

See docs/contract/providers.md#explore-steps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aimo import ids
from aimo.ai.json_replies import cut_texts, texts_in, without_fences
from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries import explore as link_queries
from aimo.db.queries.attachments import AttachmentRow
from aimo.db.queries.memos import MemoRow
from aimo.services.explore.retriever import Passage
from aimo.services.memos.lists import load_rows_by_ids

_MOST_RELATED = 20
_MOST_FILES = 5
_MOST_HINTS = 5
_MOST_LOOKED_UP = 500
_DAY_MS = 86_400_000
_NUMBERED = re.compile(r"\d+[.)]")
_DIAGRAM = re.compile(r"chart|graph|diagram|flow", re.IGNORECASE)
_SCREENSHOT = re.compile(r"screenshot|screen", re.IGNORECASE)


@dataclass(frozen=True)
class RelatedContext:
    """Memos linked with the found ones, a plain text about the links, and attached pictures and documents."""

    related: Sequence[MemoRow]
    text: str
    files: Sequence[AttachmentRow]

    def hints(self, insights: Sequence[str] = ()) -> list[str]:
        """Return what the files' names say, and what a model thought about them; at most five lines."""
        return [*filter(None, map(_hint_from_file_name, self.files)), *insights][:_MOST_HINTS]


async def load_related_context(database: Database, uid: str, passages: Sequence[Passage]) -> RelatedContext:
    """Load the surroundings of these memos: four statements, whatever their number."""
    found = [passage.row.memo_id for passage in passages]
    wanted = [value for passage in passages for value in passage.row.attachments or () if ids.is_possible(value)]
    files: dict[str, AttachmentRow] = {}
    async with database.reads() as connection:
        outgoing = await link_queries.outgoing_links(connection, owner=uid, memo_ids=found)
        incoming = await link_queries.incoming_links(connection, owner=uid, memo_ids=found)
        linked = dict.fromkeys([link.target_memo_id for link in outgoing] + [link.source_memo_id for link in incoming])
        related = await load_rows_by_ids(connection, uid, list(linked)[:_MOST_RELATED])
        if wanted:
            looked_up = list(dict.fromkeys(wanted))[:_MOST_LOOKED_UP]
            rows = await attachment_queries.by_ids(connection, owner=uid, attachment_ids=looked_up)
            files = {row.attachment_id: row for row in rows}
    known = [files[value] for value in dict.fromkeys(wanted) if value in files]
    readable = [row for row in known if row.type.startswith("image/") or row.type == "application/pdf"]
    connected = {link.source_memo_id for link in outgoing} | {link.target_memo_id for link in incoming}
    text = _statements(passages, len(connected), len(incoming))
    return RelatedContext(related, text, readable[:_MOST_FILES])


def insights(reply: str) -> list[str]:
    """Return the first two lines of a model's reply that are neither empty nor numbered."""
    return unnumbered_lines(reply)[:2]


def unnumbered_lines(reply: str) -> list[str]:
    """Return the trimmed lines of a reply without empty and numbered ones, or the texts of its JSON list."""
    text = without_fences(reply)
    listed = texts_in(text) or cut_texts(text) if text.lstrip().startswith(("[", "{")) else None
    lines = [line.strip() for line in (text.split("\n") if listed is None else listed)]
    return [line for line in lines if line and not _NUMBERED.match(line)]


def _statements(passages: Sequence[Passage], connected: int, backlinks: int) -> str:
    said = []
    if connected:
        said.append(f"{connected} of the {len(passages)} notes are linked with other notes.")
    if backlinks:
        said.append(f"Other notes refer to them {backlinks} times.")
    moments = [passage.row.created_at for passage in passages]
    days = (max(moments) - min(moments)) // _DAY_MS
    if days > 30:
        said.append(f"The notes span {days} days.")
    return " ".join(said) or "There are no significant connections between the notes."


def _hint_from_file_name(file: AttachmentRow) -> str | None:
    if file.type == "application/pdf":
        return f"{file.filename} is a PDF document that may hold details."
    if _DIAGRAM.search(file.filename):
        return f"{file.filename} seems to be a chart or a diagram."
    if _SCREENSHOT.search(file.filename):
        return f"{file.filename} seems to be a screenshot."
    return None
