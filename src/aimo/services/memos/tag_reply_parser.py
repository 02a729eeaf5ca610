"""Tags read out of what a model replied, however it is worded (docs/contract/ai.md#suggest-tags)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aimo.ai.embedder import well_formed
from aimo.ai.json_replies import cut_texts, texts_in, without_fences
from aimo.folding import is_blank
from aimo.inert_text import inert

MOST_TAGS = 8
# Longer than any tag; a reply may hold anything.
_LONGEST = 200
_LONGEST_LOOSE = 49
_QUOTED = re.compile(r"""(?<!\w)["'“「]([^"'“”「」\n]+)["'”」](?!\w|\s*:)""")
_SEPARATORS = re.compile(r"[\n,，、；;]")
_BULLETS = re.compile(r"^(?:[ \t•*#-]+|\d{1,2}[.)、]\s*)")
# What introduces tags and is none: "Tags:", "标签：", "Here are the tags:".
_LABEL = re.compile(
    r"^(?:[^\n:：,，]{0,60}\b)?(?:tags?|keywords?|标签|关键词)(?:\s*如下)?\s*[:：]\s*", re.IGNORECASE | re.MULTILINE
)
_LIST_OF_TAGS = re.compile(r'"(?:tags?|keywords?|标签|关键词)"\s*:\s*(?=[\["])', re.IGNORECASE)
_ONE_TEXT = re.compile(r'"([^"\\\n]*)"')
_ELEMENT = re.compile(r"</?\s*(?:tags?|keywords?)\s*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def parse_tags(reply: str) -> list[str]:
    """Return at most eight tags, lower-cased and inert.

    They are those of a JSON list, also of one that was cut, else quoted texts, else pieces between commas and lines.
    """
    reply = _ELEMENT.sub("\n", well_formed(reply))
    named = _LIST_OF_TAGS.search(reply)
    if named:
        # Other fields may hold lists, too: of what the model considered, for instance.
        reply = reply[named.end() :]
        if reply.startswith('"'):
            whole = _ONE_TEXT.match(reply)
            return list(dict.fromkeys(_clean(_SEPARATORS.split(whole[1]))))[:MOST_TAGS] if whole else []
    listed = texts_in(reply)
    if listed is None:
        listed = cut_texts(reply)
    text = without_fences(reply)
    if listed or (listed is not None and text.lstrip().startswith(("[", "{"))):
        return _clean(listed)[:MOST_TAGS]
    quoted = _clean(_QUOTED.findall(text))
    if quoted:
        return list(dict.fromkeys(quoted))[:MOST_TAGS]
    pieces = (_BULLETS.sub("", piece.strip(), count=1) for piece in _SEPARATORS.split(_LABEL.sub("", text)))
    loose = [tag for tag in _clean(pieces) if len(tag) <= _LONGEST_LOOSE]
    return list(dict.fromkeys(loose))[:MOST_TAGS]


def _clean(texts: Iterable[str]) -> list[str]:
    cleaned = (inert(_CONTROL.sub(" ", text).lower()).strip() for text in texts)
    return [text for text in cleaned if len(text) <= _LONGEST and not is_blank(text)]
