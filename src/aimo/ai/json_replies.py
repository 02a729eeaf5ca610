"""Lists of texts and objects in what a model replied: fenced, inside of prose or an object, or cut in the middle."""

from __future__ import annotations

import json
import re

_MOST_ATTEMPTS = 50
_FENCE = re.compile(r"^\s*(?:```|~~~)\w*\s*$")
# A complete JSON text that is no name of a field.
_COMPLETE_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"(?!\s*:)')
# The name of an object in a list, where it is complete.
_COMPLETE_NAME = re.compile(r'"(?:name|tag|text|title|label|question)"\s*:\s*"((?:[^"\\\n]|\\.)*)"')
_NAMES = ("name", "tag", "text", "title", "label", "question", "id", "memoId")


def texts_in(reply: str) -> list[str] | None:
    """Return the texts of the first JSON list that has any, duplicates included.

    None without a list; an empty list where there are lists without texts. Objects in a list stand for their name.
    """
    found: list[str] | None = None
    start = -1
    for _ in range(_MOST_ATTEMPTS):
        start = reply.find("[", start + 1)
        if start < 0:
            break
        try:
            items, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        texts = [text for item in items if (text := _text(item)) is not None]
        if texts:
            return texts
        found = found or []
    return found


def object_in(reply: str, *names: str) -> dict[str, object] | None:
    """Return the first JSON object that has one of these names, wherever it stands in a reply; None without one."""
    start = -1
    for _ in range(_MOST_ATTEMPTS):
        start = reply.find("{", start + 1)
        if start < 0:
            break
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        if any(name in found for name in names):
            return dict(found)
    return None


def cut_texts(reply: str) -> list[str] | None:
    """Return the complete texts of a JSON list that was cut; None when the reply is not one."""
    lines = [line for line in reply.strip().split("\n") if not _FENCE.match(line)]
    text = "\n".join(lines).strip()
    if not text.startswith(("{", "[")):
        return None
    _, bracket, items = text.partition("[")
    if not bracket:
        return []
    if items.lstrip().startswith("{"):
        return [json.loads(f'"{item}"') for item in _COMPLETE_NAME.findall(items) if _is_json_text(item)]
    if text.startswith("[") and items.strip() and not items.lstrip().startswith('"'):
        return None
    return [json.loads(f'"{item}"') for item in _COMPLETE_TEXT.findall(items) if _is_json_text(item)]


def without_fences(reply: str) -> str:
    """Return the reply without the lines that begin and end fenced code."""
    return "\n".join(line for line in reply.split("\n") if not _FENCE.match(line))


def _text(item: object) -> str | None:
    if isinstance(item, dict):
        item = next((item[name] for name in _NAMES if isinstance(item.get(name), str)), None)
    return item if isinstance(item, str) else None


def _is_json_text(item: str) -> bool:
    try:
        json.loads(f'"{item}"')
    except ValueError:
        return False
    return True
