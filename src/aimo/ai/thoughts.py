"""Removing what a reasoning model thinks aloud from what it says.

Providers are meant to keep thoughts in fields of their own, and many do not: thoughts come between tags, whose form
depends on the model, at the beginning of a reply or between its paragraphs; the opening tag is missing where the prompt
template has written it already, and the closing one where the reply was cut.
"""

from __future__ import annotations

import re

_NAMES = (
    "think|thinking|thoughts?|thought_process|reasoning|reasoning_content|reason|reflection|analysis|scratchpad"
    "|inner[_-]?monologue|chain[_-]of[_-]thought|cot|ant_?thinking"
)
_BAR = "[|\uff5c]"
_JOIN = r"[\s_\u2581-]"
# What a thought begins with, and what ends it, by the form of the tag.
_FORMS = {
    "tag": (rf"<\s*(?:\w+:)?(?:{_NAMES})(?:\s[^<>]{{0,80}})?>", rf"<\s*/\s*(?:\w+:)?(?:{_NAMES})\s*>"),
    "escaped": (rf"&lt;\s*(?:{_NAMES})\s*&gt;", rf"&lt;\s*/\s*(?:{_NAMES})\s*&gt;"),
    "bracket": (rf"\[\s*(?:{_NAMES})\s*\]", rf"\[\s*/\s*(?:{_NAMES})\s*\]"),
    "bar": (
        rf"<{_BAR}\s*(?:(?:begin|start){_JOIN}of{_JOIN})?(?:{_NAMES})\s*{_BAR}>",
        rf"<{_BAR}\s*(?:/|end{_JOIN}of{_JOIN})(?:{_NAMES})\s*{_BAR}>",
    ),
    "diamond": (rf"\u25c1\s*(?:{_NAMES})\s*\u25b7", rf"\u25c1\s*/\s*(?:{_NAMES})\s*\u25b7"),
    "unused": ("<unused94>", "<unused95>"),
    "started": (rf"<{_BAR}?(?:start_thinking|think_start){_BAR}?>", rf"<{_BAR}?(?:end_thinking|think_end){_BAR}?>"),
    "inner": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "details": (r"<details\s+type=[\"']reasoning[\"'][^<>]{0,80}>", r"</\s*details\s*>"),
    "channel": (
        r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?:analysis|commentary)[^<]{0,60}<\|message\|>",
        r"(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final[^<]{0,60}(?:<\|constrain\|>\w{0,20})?"
        r"<\|message\|>",
    ),
    "words": (r"(?<!\w)Here(?: is|'s) my thought process:", r"Here(?: is|'s) my response:"),
}
_OPEN = re.compile("|".join(f"(?P<{name}>{begin})" for name, (begin, _) in _FORMS.items()), re.IGNORECASE)
_CLOSE = {name: re.compile(end, re.IGNORECASE) for name, (_, end) in _FORMS.items()}
_ANY_CLOSE = re.compile("|".join(end for name, (_, end) in _FORMS.items() if name != "details"), re.IGNORECASE)
# What is left around an answer by such templates.
_MARKS = re.compile(
    rf"<{_BAR}(?:begin|end){_JOIN}of{_JOIN}solution{_BAR}>|<\|(?:end|return|im_end)\|>"
    r"|(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final[^<]{0,60}<\|message\|>",
    re.IGNORECASE,
)
_ANSWER_TAGS = re.compile(r"</?answer>\s*", re.IGNORECASE)
# The end of a text that may become one of these, when more comes.
_UNFINISHED = re.compile(
    r"(?:<\|(?:start|end|channel)\|>[^<]{0,80}(?:<\|?\w{0,12}\|?>?\w{0,20}){0,2}|<[^<>\n]{0,100}"
    r"|&(?:l|lt|lt;[^&\n]{0,40}(?:&g?t?)?)?|\[\s*/?\s*\w{0,20}\s*|\u25c1[^\u25b7\n]{0,40}"
    r"|(?<!\w)H(?:e(?:r(?:e(?:[^\n:]{0,24})?)?)?)?)\Z"
)
# Longer than whatever ends a thought.
_LONGEST_END = 300


class ThoughtFilter:
    """Removes thoughts from a text that comes in pieces; what may turn out to begin one is held back."""

    def __init__(self, *, begins_inside: bool = False) -> None:
        """``begins_inside`` says that the model's replies begin with a thought whose opening tag is missing."""
        self._held = ""
        # The form of the thought that the held text is in; "" for one whose opening tag is missing.
        self._form: str | None = "" if begins_inside else None
        # What the thought held so far, where it may be text after all.
        self._doubtful: list[str] | None = [] if begins_inside else None
        self._line_is_blank = True
        self._has_said = False
        self._has_removed = False
        self.lacks_opening = False
        """Whether a thought ended that had not begun."""

    def add(self, piece: str) -> str:
        """Return what of the text is sure to be said by now."""
        self._held += piece
        said: list[str] = []
        while self._held and self._step(said):
            pass
        return "".join(said)

    def finish(self, *, complete: bool = True) -> str:
        """Return the rest. A reply that is not ``complete`` was cut, maybe in the middle of a thought."""
        held, self._held = self._held, ""
        if self._form is None:
            return self._emit(held)
        if self._doubtful is None or not (complete or self._form):
            return ""
        # Nothing closes the tag, so the text is about it; or this reply does not begin with a thought.
        return self._emit("".join([*self._doubtful, held]))

    def _step(self, said: list[str]) -> bool:
        """Take what can be decided from the held text; return whether more can be."""
        if self._form is not None:
            return self._skip_thought()
        opening, lone = _first(_OPEN, self._held), _first(_ANY_CLOSE, self._held)
        if lone and (opening is None or lone.start() < opening.start()):
            # What was said before belongs to a thought, too; now it is known for the next reply.
            self.lacks_opening = self._has_removed = True
            if self._has_said or said:
                said.append(self._emit(self._held[: lone.start()]))
            self._held = self._held[lone.end() :]
            return True
        if opening is None:
            unfinished = _UNFINISHED.search(self._held)
            at = unfinished.start() if unfinished else len(self._held)
            said.append(self._emit(self._held[:at]))
            self._held = self._held[at:]
            return False
        said.append(self._emit(self._held[: opening.start()]))
        self._form = opening.lastgroup
        self._doubtful = None if self._line_is_blank else [opening.group()]
        self._held = self._held[opening.end() :]
        return True

    def _skip_thought(self) -> bool:
        end = _CLOSE[self._form] if self._form else _ANY_CLOSE
        closing = end.search(self._held)
        if closing is None:
            done = max(0, len(self._held) - _LONGEST_END)
            if self._doubtful is not None:
                self._doubtful.append(self._held[:done])
            self._held = self._held[done:]
            return False
        self.lacks_opening = self.lacks_opening or not self._form
        self._held = self._held[closing.end() :]
        self._form = self._doubtful = None
        self._has_removed = True
        return True

    def _emit(self, text: str) -> str:
        text = _MARKS.sub("", text)
        if self._has_removed:
            text = _ANSWER_TAGS.sub("", text)
            if not self._has_said:
                text = text.lstrip()
        if text:
            line = text.rpartition("\n")[2]
            self._line_is_blank = not line.strip() and ("\n" in text or self._line_is_blank)
            self._has_said = self._has_said or bool(text.strip())
        return text


def without_thoughts(text: str, *, complete: bool = True) -> tuple[str, bool]:
    """Return a whole reply without thoughts, and whether one of them had no opening tag."""
    opening, lone = _first(_OPEN, text), _first(_ANY_CLOSE, text)
    lacks_opening = lone is not None and (opening is None or lone.start() < opening.start())
    thoughts = ThoughtFilter(begins_inside=lacks_opening)
    said = thoughts.add(text)
    return said + thoughts.finish(complete=complete), lacks_opening


def _first(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first tag that is not quoted as code."""
    return next((found for found in pattern.finditer(text) if text[found.start() - 1 : found.start()] != "`"), None)
