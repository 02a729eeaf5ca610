"""A memo as a Markdown file with frontmatter, as Obsidian and other programs read it (docs/export.md#markdown)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aimo.clock import to_ms
from aimo.services.export.file_names import local
from aimo.services.export.records import ExportedAttachment, ExportedMemo

Links = Literal["markdown", "wiki"]

_SHOWN = ("image/", "audio/", "video/", "application/pdf")
_NO_TAG = re.compile(r"[^\w/\-]+")


def render(
    memo: ExportedMemo,
    attachments: Mapping[str, ExportedAttachment],
    paths: Mapping[str, str],
    *,
    zone: ZoneInfo,
    links: Links,
) -> str:
    """Return the text of a memo's file.

    Args:
        memo: the memo.
        attachments: those of the user by their ids; of missing ones only the name is written.
        paths: the files of the memos that are exported, by their ids.
        zone: of the times in the frontmatter.
        links: how attachments are linked: as in Markdown, or as in Obsidian and other wikis.
    """
    parts = [_frontmatter(memo, paths, zone), memo.content]
    if memo.attachments:
        parts.append("\n".join(_attachment(attachments[key], memo.path, links) for key in memo.attachments))
    return "\n\n".join(parts) + "\n"


def plain_tag(name: str) -> str:
    """Return a tag as Obsidian takes it: letters, digits, ``_``, ``-`` and ``/``, and not digits alone."""
    parts = [_NO_TAG.sub("-", part).strip("-") for part in name.split("/")]
    tag = "/".join(part for part in parts if part)
    return f"_{tag}" if re.fullmatch(r"[\d/]+", tag) else tag


def quoted(text: str) -> str:
    """Return a text as a double-quoted scalar of YAML, in one line."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _frontmatter(memo: ExportedMemo, paths: Mapping[str, str], zone: ZoneInfo) -> str:
    tags = list(dict.fromkeys(tag for name in memo.tags if (tag := plain_tag(name))))
    lines = [
        "---",
        f"aimo_id: {quoted(memo.id)}",
        f"created: {_moment(memo.created_at, zone)}",
        f"updated: {_moment(memo.updated_at, zone)}",
        *_list("tags", tags),
    ]
    if tags != memo.tags:
        lines += _list("aimo_tags", memo.tags)
    if memo.category is not None:
        lines.append(f"category: {quoted(memo.category)}")
    if memo.is_public:
        lines.append("public: true")
    if memo.source:
        lines.append(f"source: {quoted(memo.source)}")
    related = [f"[[{paths[target].removesuffix('.md')}]]" for target in memo.relations if target in paths]
    lines += _list("related", related)
    if memo.deleted_at is not None:
        lines.append(f"deleted: {_moment(memo.deleted_at, zone)}")
    return "\n".join([*lines, "---"])


def _list(name: str, items: list[str]) -> list[str]:
    return [f"{name}:", *(f"  - {quoted(item)}" for item in items)] if items else []


def _moment(iso: str, zone: ZoneInfo) -> str:
    ms = to_ms(datetime.fromisoformat(iso.removesuffix("Z")))
    return local(ms, zone).isoformat(timespec="milliseconds")


def _attachment(attachment: ExportedAttachment, memo_path: str, links: Links) -> str:
    name = attachment.name.replace("\n", " ")
    label = re.sub(r"([\\\[\]`*_<>])", r"\\\1", name)
    if attachment.missing:
        return f"({label})"
    embed = "!" if attachment.type.startswith(_SHOWN) else ""
    if links == "wiki":
        return f"{embed}[[{attachment.path}]]"
    up = "../" * memo_path.count("/")
    return f"{embed}[{label}]({up}{quote(attachment.path)})"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
