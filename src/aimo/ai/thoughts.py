"""Removing what a reasoning model thinks aloud from what it says.

Providers are meant to keep thoughts in fields of their own, and many do not: thoughts come between tags, whose form
depends on the model, at the beginning of a reply or between its paragraphs; the opening tag is missing where the prompt
template has written it already, and the closing one where the reply was cut. Thoughts may hold thoughts.

A tag that nothing closes opens a thought where its name can mean nothing else and it stands on a line of its own. A
plain word such as ``[Analysis]`` is then a heading, and what follows it is said.
"""

from __future__ import annotations

import re

_NAMES = (
    "think|thinking|thoughts?|thought_process|reasoning|reasoning_content|reason|reflection|analysis|scratchpad"
    "|inner[_-]?monologue|chain[_-]of[_-]thought|cot|ant_?thinking"
)
# Models whose prompt template writes the opening tag, so that replies begin inside of a thought.
_OPENED_BY_TEMPLATE = re.compile(r"(?<![a-z])(r1|qwq|qvq|z1)(?![a-z])|thinking", re.IGNORECASE)
# Names that are plain words, too.
_PLAIN = re.compile(r"(reason|reflection|analysis)\b", re.IGNORECASE)
_PLAIN_IN_BRACKETS = re.compile(r"(?!think|thought)", re.IGNORECASE)
_BAR = "[|\uff5c]"
_JOIN = r"[\s_\u2581-]"
# What a thought begins with, and what ends it, by the form of the tag.
_FORMS = {
    "tag": (rf"<\s*(?:\w+:)?(?:{_NAMES})(?:\s[^<>]{{0,80}})?>", rf"<\s*/\s*(?:\w+:)?(?:{_NAMES})\s*>"),
    "escaped": (rf"&lt;\s*(?:{_NAMES})\s*&gt;", rf"&lt;\s*/\s*(?:{_NAMES})\s*&gt;"),
    "bracket": (
        rf"\[\s*(?:(?:begin|start){_JOIN}(?:of{_JOIN})?)?(?:{_NAMES})\s*\]",
        rf"\[\s*(?:/|end{_JOIN}(?:of{_JOIN})?)\s*(?:{_NAMES})\s*\]",
    ),
    "fence": (rf"```[ \t]*(?:{_NAMES})[ \t]*(?=\r?\n)", r"\n[ \t]*```[ \t]*\r?\n"),
    "bar": (
        rf"<{_BAR}\s*(?:(?:begin|start){_JOIN}of{_JOIN})?(?:{_NAMES})\s*{_BAR}>",
        rf"<{_BAR}\s*(?:/|end{_JOIN}of{_JOIN})(?:{_NAMES})\s*{_BAR}>",
    ),
    "diamond": (rf"\u25c1\s*(?:{_NAMES})\s*\u25b7", rf"\u25c1\s*/\s*(?:{_NAMES})\s*\u25b7"),
    "unused": ("<unused94>", "<unused95>"),
    "started": (rf"<{_BAR}?(?:start_thinking|think_start){_BAR}?>", rf"<{_BAR}?(?:end_thinking|think_end){_BAR}?>"),
    "inner": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "details": (
        r"<details\s(?:[^<>]{0,80}\s)?type\s*=\s*[\"']?reasoning[\"']?(?:\s[^<>]{0,80})?>",
        r"</\s*details\s*>",
    ),
    "channel": (
        r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?:analysis|commentary)[^<]{0,60}<\|message\|>",
        r"(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final[^<]{0,60}(?:<\|constrain\|>\w{0,20})?"
        r"<\|message\|>",
    ),
    "words": (r"(?<!\w)Here(?: is|'s) my thought process:", r"Here(?: is|'s) my response:"),
}
_OPEN = re.compile("|".join(f"(?P<{name}>{begin})" for name, (begin, _) in _FORMS.items()), re.IGNORECASE)
# What a thought may hold that ends in the same way as the thought.
_INNER = {"fence": r"\n[ \t]*```[ \t]*\w", "details": r"<details\b"}
_NESTED = {
    name: re.compile(f"(?P<close>{end})|(?P<open>{_INNER.get(name, begin)})", re.IGNORECASE)
    for name, (begin, end) in _FORMS.items()
}
_LONE = "|".join(end for name, (_, end) in _FORMS.items() if name not in _INNER)
_ANY_CLOSE = re.compile(_LONE, re.IGNORECASE)
_NESTED_IN_UNNAMED = re.compile(
    f"(?P<close>{_LONE})|(?P<open>{'|'.join(begin for name, (begin, _) in _FORMS.items() if name not in _INNER)})",
    re.IGNORECASE,
)
_LAST_FENCE = re.compile(r"\n[ \t]*```\s*\Z")
# What is left around an answer by such templates.
_MARKS = re.compile(
    rf"<{_BAR}(?:begin|end){_JOIN}of{_JOIN}solution{_BAR}>|<\|(?:end|return|im_end)\|>"
    r"|(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final[^<]{0,60}<\|message\|>",
    re.IGNORECASE,
)
_ANSWER_TAGS = re.compile(r"</?answer>\s*", re.IGNORECASE)
# The end of a text that may become one of these, when more comes.
_UNFINISHED = re.compile(
    r"(?:<\|(?:start|end|channel)\|>[^<]{0,80}(?:<\|?\w{0,12}\|?>?\w{0,20}){0,2}|<[^<>\n]{0,180}"
    r"|&(?:l|lt|lt;[^&\n]{0,40}(?:&g?t?)?)?|`{1,3}[ \t]*\w{0,20}[ \t]*\r?"
    r"|\[\s*/?\s*(?:(?i:begin|start|end)[\s_-](?:(?i:of)[\s_-])?)?\w{0,20}\s*|\u25c1[^\u25b7\n]{0,40}"
    rf"|(?<!\w)H(?:e(?:r(?:e(?:[^\n:]{{0,24}})?)?)?)?|(?<=`)(?i:{_LONE}))\Z"
)
# Longer than whatever ends a thought.
_LONGEST_END = 300


class ThoughtFilter:
    """Removes thoughts from a text that comes in pieces; what may turn out to begin one is held back."""

    def __init__(self, *, begins_inside: bool = False) -> None:
        """``begins_inside`` says that the model's replies begin with a thought whose opening tag is missing."""
        self._held = ""
        # The character before the held text, by which a tag may be quoted.
        self._before = ""
        # The form of the thought that the held text is in; "" for one whose opening tag is missing.
        self._form: str | None = "" if begins_inside else None
        # How many thoughts are open, one inside of the other.
        self._depth = 1
        # What followed the last closing tag, while more thoughts seem to have begun than ended.
        self._after_close: list[str] | None = None
        # What the thought held so far, where it may be text after all.
        self._doubtful: list[str] | None = [] if begins_inside else None
        self._says_if_cut = False
        self._line_is_blank = True
        self._has_said = False
        self._has_removed = False
        self.lacks_opening = False
        """Whether a thought ended that had not begun."""

    @property
    def has_begun(self) -> bool:
        """Whether there was any text yet."""
        return bool(self._before or self._held or self._doubtful)

    def add(self, piece: str) -> str:
        """Return what of the text is sure to be said by now."""
        self._held += piece
        said: list[str] = []
        while self._held and self._step(said):
            pass
        return "".join(said)

    def finish(self, *, complete: bool = True) -> str:
        """Return the rest. A reply that is not ``complete`` was cut, maybe in the middle of a thought."""
        if self._form == "fence" and _LAST_FENCE.search(self._held):
            self.add("\n")
        held, self._held = self._held, ""
        if self._form is None:
            return self._emit(held)
        if self._after_close is not None:
            # What seemed to begin a thought inside of the thought was its subject.
            self._has_removed = True
            return self._emit("".join([*self._after_close, held]))
        if self._doubtful is None or not (complete or self._says_if_cut):
            return ""
        text = "".join([*self._doubtful, held])
        if self._form:
            # Nothing closes the tag, so the text is about it.
            return self._emit(text)
        # This reply does not begin inside of a thought.
        self._form = self._doubtful = None
        return self.add(text) + self.finish(complete=complete)

    def _step(self, said: list[str]) -> bool:
        """Take what can be decided from the held text; return whether more can be."""
        if self._form is not None:
            return self._skip_thought()
        opening, lone = self._find(_OPEN), self._find(_ANY_CLOSE)
        if lone and (opening is None or lone.start() < opening.start()):
            # What was said before belongs to a thought, too; now it is known for the next reply.
            self.lacks_opening = self._has_removed = True
            before = self._take(lone)
            if self._has_said or said:
                said.append(self._emit(before))
            return True
        if opening is None:
            unfinished = _UNFINISHED.search(self._before + self._held, len(self._before))
            said.append(self._emit(self._take(unfinished, tag=False) if unfinished else self._take_all()))
            return False
        said.append(self._emit(self._take(opening)))
        self._enter(opening)
        return True

    def _find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return _first(pattern, self._before + self._held, len(self._before))

    def _take(self, found: re.Match[str], *, tag: bool = True) -> str:
        """Take the held text up to what was found in it, the tag itself included; return what stands before it."""
        text, skipped = self._before + self._held, len(self._before)
        end = found.end() if tag else found.start()
        self._before, self._held = text[max(end - 1, 0) : end], text[end:]
        return text[skipped : found.start()]

    def _take_all(self) -> str:
        text, self._held = self._held, ""
        self._before = text[-1:] or self._before
        return text

    def _enter(self, opening: re.Match[str]) -> None:
        self._form, self._depth = opening.lastgroup, 1
        is_heading = self._form == "bracket" and _is_plain(_PLAIN_IN_BRACKETS, opening)
        is_word = self._form in ("tag", "escaped", "fence") and _is_plain(_PLAIN, opening)
        self._says_if_cut = is_heading or not self._line_is_blank
        self._doubtful = [opening.group()] if self._says_if_cut or is_word else None

    def _skip_thought(self) -> bool:
        edge = self._find(_NESTED[self._form] if self._form else _NESTED_IN_UNNAMED)
        if edge is None:
            size = len(self._held) - _LONGEST_END
            if size > 0:
                self._keep(self._held[:size])
                self._before, self._held = self._held[size - 1], self._held[size:]
            return False
        thought = [*(self._doubtful or []), self._held[: edge.start() - len(self._before)]]
        if edge.lastgroup == "open" and not self._form and not any(part.strip() for part in thought):
            # The template has not opened the thought: the model did.
            opening = _OPEN.match(edge.string, edge.start())
            assert opening is not None, "one of the same forms"
            self._take(opening)
            self._enter(opening)
            return True
        before = self._take(edge)
        self._depth += 1 if edge.lastgroup == "open" else -1
        if self._depth > 0:
            self._keep(before + edge.group())
            if edge.lastgroup == "close":
                self._after_close = []
            return True
        self.lacks_opening = self.lacks_opening or not self._form
        self._form = self._doubtful = self._after_close = None
        self._has_removed = True
        return True

    def _keep(self, text: str) -> None:
        """Keep a part of a thought where it may be said after all."""
        for kept in (self._doubtful, self._after_close):
            if kept is not None:
                kept.append(text)

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


def may_begin_inside(model: str) -> bool:
    """Return whether the first reply of a model may lack the opening tag, by the model's name."""
    return _OPENED_BY_TEMPLATE.search(model) is not None


def without_thoughts(text: str, *, complete: bool = True) -> tuple[str, bool]:
    """Return a whole reply without thoughts, and whether one of them had no opening tag."""
    opening, lone = _first(_OPEN, text), _first(_ANY_CLOSE, text)
    lacks_opening = lone is not None and (opening is None or lone.start() < opening.start())
    thoughts = ThoughtFilter(begins_inside=lacks_opening)
    said = thoughts.add(text)
    return said + thoughts.finish(complete=complete), lacks_opening


def _first(pattern: re.Pattern[str], text: str, at: int = 0) -> re.Match[str] | None:
    """Return the first tag that is not quoted as code. What ends a thought may well follow code."""
    return next((found for found in pattern.finditer(text, at) if not _is_quoted(found, text)), None)


def _is_quoted(found: re.Match[str], text: str) -> bool:
    if text[found.start() - 1 : found.start()] != "`":
        return False
    begins = found.lastgroup == "open" or found.lastgroup in _FORMS
    return begins or text[found.end() : found.end() + 1] in ("`", "")


def _is_plain(names: re.Pattern[str], opening: re.Match[str]) -> bool:
    name = re.sub(r"^\W+(?:(?:begin|start)[\s_-]+(?:of[\s_-]+)?)?", "", opening.group(), flags=re.IGNORECASE)
    return names.match(name.removeprefix("lt;").strip()) is not None
