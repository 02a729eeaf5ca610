"""What one user should have, kept in memory: the tests do the same to it as to the server, and compare."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def name_key(name: str) -> str:
    """What makes two names of tags or categories the same (docs/decisions/11-names-of-tags-and-categories.md)."""
    return folded(name).strip()


def folded(text: str) -> str:
    """What a search by words compares (docs/decisions/10-folding-and-literal-search.md)."""
    return unicodedata.normalize("NFKC", text).casefold()


@dataclass
class Memo:
    """A memo as it should be; everything but the text by id, in order."""

    content: str
    tags: list[str] = field(default_factory=list)
    category: str | None = None
    files: list[str] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    public: bool = False


@dataclass
class ReferenceModel:
    """Everything of one user; tags, categories and files by their ids."""

    memos: dict[str, Memo] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def tag_named(self, name: str) -> str | None:
        return _named(self.tags, name)

    def category_named(self, name: str) -> str | None:
        return _named(self.categories, name)

    def write(self, memo_id: str, body: Mapping[str, Any], answered_tags: Iterable[Mapping[str, Any]]) -> None:
        """Create or change a memo as a request asks; ids of tags that it made come from the answer."""
        before = self.memos.get(memo_id)
        memo = self.memos[memo_id] = before or Memo("")
        memo.content = body["content"]
        if "tags" in body:
            memo.tags = self._tagged(body["tags"], answered_tags)
        if "categoryId" in body:
            given = body["categoryId"]
            memo.category = given if given in self.categories else None
        if "attachments" in body:
            memo.files = list(dict.fromkeys(body["attachments"]))
        if "relationIds" in body:
            targets = dict.fromkeys(body["relationIds"])
            memo.relations = [each for each in targets if each in self.memos and each != memo_id]
        memo.public = body.get("isPublic", memo.public)

    def _tagged(self, names: Iterable[str], answered: Iterable[Mapping[str, Any]]) -> list[str]:
        made = {name_key(tag["name"]): tag["tagId"] for tag in answered}
        wanted = dict.fromkeys(name_key(name) for name in names)
        first = {name_key(name): name.strip() for name in reversed(list(names))}
        for key in wanted:
            if self.tag_named(key) is None:
                assert key in made, f"no tag {key!r} in the answer"
                self.tags[made[key]] = first[key]
        return [tag_id for key in wanted if (tag_id := self.tag_named(key))]

    def forget_memo(self, memo_id: str) -> None:
        del self.memos[memo_id]
        for memo in self.memos.values():
            memo.relations = [each for each in memo.relations if each != memo_id]

    def forget_tag(self, tag_id: str) -> None:
        del self.tags[tag_id]
        for memo in self.memos.values():
            memo.tags = [each for each in memo.tags if each != tag_id]

    def forget_category(self, category_id: str) -> None:
        del self.categories[category_id]
        for memo in self.memos.values():
            memo.category = None if memo.category == category_id else memo.category

    def forget_file(self, file_id: str) -> None:
        del self.files[file_id]
        for memo in self.memos.values():
            memo.files = [each for each in memo.files if each != file_id]

    def shown_memos(self) -> dict[str, Any]:
        """The memos in the form of `as_shown`."""
        counts = self.counts()
        return {
            memo_id: {
                "content": memo.content,
                "tags": [(tag_id, self.tags[tag_id], counts[tag_id]) for tag_id in memo.tags],
                "category": memo.category,
                "files": memo.files,
                "relations": memo.relations,
                "public": memo.public,
            }
            for memo_id, memo in self.memos.items()
        }

    def counts(self) -> dict[str, int]:
        """How many memos carry each tag."""
        return {tag_id: sum(tag_id in memo.tags for memo in self.memos.values()) for tag_id in self.tags}

    def with_words(self, words: Iterable[str]) -> set[str]:
        """The memos that contain all these words."""
        wanted = [folded(word) for word in words]
        return {memo_id for memo_id, memo in self.memos.items() if all(word in folded(memo.content) for word in wanted)}


def as_shown(memo: Mapping[str, Any]) -> dict[str, Any]:
    """What matters of a memo in an answer of the list."""
    return {
        "content": memo["content"],
        "tags": [(tag["tagId"], tag["name"], tag["usageCount"]) for tag in memo["tags"]],
        "category": memo["categoryId"],
        "files": [file["attachmentId"] for file in memo["attachments"]],
        "relations": [target["memoId"] for target in memo.get("relations", [])],
        "public": memo["isPublic"],
    }


def _named(things: Mapping[str, str], name: str) -> str | None:
    return next((known for known, given in things.items() if name_key(given) == name_key(name)), None)
