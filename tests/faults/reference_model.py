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
    """Everything of one user; tags, categories and files by their ids.

    ``memos`` are the live ones; both they and those in the ``trash`` keep relations to each other.
    """

    memos: dict[str, Memo] = field(default_factory=dict)
    trash: dict[str, Memo] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Memo]:
        """The live memos and those in the trash."""
        return self.memos | self.trash

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
            memo.relations = [each for each in targets if each in self.known and each != memo_id]
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

    def put_into_trash(self, memo_id: str) -> None:
        self.trash[memo_id] = self.memos.pop(memo_id)

    def restore(self, memo_id: str) -> None:
        self.memos[memo_id] = self.trash.pop(memo_id)

    def delete_for_good(self, memo_ids: Iterable[str]) -> None:
        """Forget memos in the trash, and those of their files that no other memo lists."""
        gone = [self.trash.pop(memo_id) for memo_id in list(memo_ids)]
        for memo in self.known.values():
            memo.relations = [each for each in memo.relations if each in self.known]
        listed = {file_id for memo in gone for file_id in memo.files}
        for file_id in listed - {file_id for memo in self.known.values() for file_id in memo.files}:
            self.forget_file(file_id)

    def forget_tag(self, tag_id: str) -> None:
        del self.tags[tag_id]
        for memo in self.known.values():
            memo.tags = [each for each in memo.tags if each != tag_id]

    def forget_category(self, category_id: str) -> None:
        del self.categories[category_id]
        for memo in self.known.values():
            memo.category = None if memo.category == category_id else memo.category

    def forget_file(self, file_id: str) -> None:
        del self.files[file_id]
        for memo in self.known.values():
            memo.files = [each for each in memo.files if each != file_id]

    def shown_memos(self) -> dict[str, Any]:
        """The live memos in the form of `as_shown`."""
        return {
            memo_id: self._shown(memo) | {"relations": [each for each in memo.relations if each in self.memos]}
            for memo_id, memo in self.memos.items()
        }

    def shown_trash(self) -> dict[str, Any]:
        """The memos in the trash in the form of `as_shown`."""
        return {memo_id: self._shown(memo) for memo_id, memo in self.trash.items()}

    def _shown(self, memo: Memo) -> dict[str, Any]:
        counts = self.counts()
        return {
            "content": memo.content,
            "tags": [(tag_id, self.tags[tag_id], counts[tag_id]) for tag_id in memo.tags],
            "category": memo.category,
            "files": memo.files,
            "relations": [],
            "public": memo.public,
        }

    def backlinks(self, memo_id: str) -> set[str]:
        """The live memos that relate to a live memo."""
        return {each for each, memo in self.memos.items() if memo_id in memo.relations}

    def counts(self) -> dict[str, int]:
        """How many live memos carry each tag."""
        return {tag_id: sum(tag_id in memo.tags for memo in self.memos.values()) for tag_id in self.tags}

    def with_words(self, words: Iterable[str]) -> set[str]:
        """The live memos that contain all these words."""
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
