"""What a user can do, as the rules of a state machine that compares the server with the reference model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.support.client import Answer, Client, plain_http
from tests.support.server import Server
from tests.support.waiting import eventually

from .concurrent_commands import ConcurrentCommand
from .reference_model import ReferenceModel, as_shown, folded

WORDS = ("tea", "Tea", "snow", "雪山", "日记", "100%", "under_score", "it's", "back\\slash", "ﬁne", "🎉", "mountain")
NAMES = st.sampled_from(("tea", " Tea ", "TEA", "雪", "snow", "x' OR '1'='1", "🎉", "e\u0301", "é"))
CONTENTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
# Which of the things that there are, counted round.
PICK = st.integers(0, 1000)
PICKS = st.lists(PICK, max_size=3)
WISHES = st.fixed_dictionaries(
    {"content": CONTENTS},
    optional={
        "tags": st.lists(NAMES, max_size=3),
        "categoryId": st.none() | PICK,
        "attachments": PICKS,
        "relationIds": PICKS,
        "isPublic": st.booleans(),
    },
)
Wish = dict[str, Any]


@dataclass
class Scene:
    """A server for all examples, and what was done to it."""

    server: Server
    beside: ConcurrentCommand
    done: Counter[str] = field(default_factory=Counter)


def where_there_are(things: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The user gets one of these things before the step while there is none.

    No precondition: what is left after a crash is chance, and what is drawn must not depend on that. And no step that
    does nothing instead: users begin with nothing, so that would be most of them.
    """

    def decorate(step: Callable[..., None]) -> Callable[..., None]:
        @wraps(step)
        def taken(life: UserActions, *given: Any, **drawn: Any) -> None:
            if not getattr(life.imagined, things):
                life.provide(things)
            step(life, *given, **drawn)
            life.scene.done[step.__name__] += 1

        return taken

    return decorate


class UserActions(RuleBasedStateMachine):
    """Everything a user can do, as rules; each is done to the reference model too."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        scene.done["examples"] += 1
        self.user: Client = scene.server.user()
        self.imagined = ReferenceModel(categories={each["categoryId"]: each["name"] for each in self.categories()})

    def provide(self, things: str) -> None:
        """Make the first of some things."""
        if things == "tags":
            self.make_tag("tea")
        elif things == "categories":
            self.make_category("tea")
        elif things == "files":
            self.upload(b"tea")
        else:
            file = [0] if self.imagined.files else []
            self.write({"content": "tea", "tags": ["tea"], "attachments": file, "relationIds": [0]})
            if things == "trash":
                self.delete(len(self.imagined.memos) - 1)

    @rule(wish=WISHES)
    def write(self, wish: Wish) -> None:
        body = self.meant(wish)
        self.written(self.user.post("/memos", body), body)

    @rule(pick=PICK, wish=WISHES)
    @where_there_are("memos")
    def rewrite(self, pick: int, wish: Wish) -> None:
        body = self.meant(wish)
        self.written(self.user.put(f"/memos/{self.memo(pick)}", body), body)

    @rule(pick=PICK, names=st.lists(NAMES, max_size=3))
    @where_there_are("memos")
    def tag(self, pick: int, names: list[str]) -> None:
        memo_id = self.memo(pick)
        memo = self.user.put(f"/memos/{memo_id}/tags", {"tags": names}).data["memo"]
        self.imagined.write(memo_id, {"content": self.imagined.memos[memo_id].content, "tags": names}, memo["tags"])

    @rule(pick=PICK)
    @where_there_are("memos")
    def delete(self, pick: int) -> None:
        memo_id = self.memo(pick)
        self.user.delete(f"/memos/{memo_id}").data  # noqa: B018 (must succeed)
        self.imagined.put_into_trash(memo_id)
        assert self.user.get(f"/memos/{memo_id}").code == 3

    @rule(pick=PICK)
    @where_there_are("trash")
    def restore(self, pick: int) -> None:
        memo_id = nth(self.imagined.trash, pick)
        self.user.post(f"/trash/{memo_id}/restore").data  # noqa: B018 (must succeed)
        self.imagined.restore(memo_id)
        assert self.user.post(f"/trash/{memo_id}/restore").code == 2

    @rule(pick=PICK)
    @where_there_are("trash")
    def delete_for_good(self, pick: int) -> None:
        memo_id = nth(self.imagined.trash, pick)
        self.user.delete(f"/trash/{memo_id}").data  # noqa: B018 (must succeed)
        self.imagined.delete_for_good([memo_id])
        assert self.user.post(f"/trash/{memo_id}/restore").code == 3

    @rule()
    @where_there_are("trash")
    def empty_trash(self) -> None:
        assert self.user.delete("/trash").data["deleted"] == len(self.imagined.trash)
        self.imagined.delete_for_good(self.imagined.trash)

    @rule(pick=PICK)
    @where_there_are("memos")
    def spare_live_memos(self, pick: int) -> None:
        memo_id = self.memo(pick)
        for answer in (self.user.delete(f"/trash/{memo_id}"), self.user.post(f"/trash/{memo_id}/restore")):
            assert (answer.code, answer.message) == (2, "Memo is not in trash")

    @rule(word=st.sampled_from([*WORDS, "%", "_"]))
    def search_trash(self, word: str) -> None:
        found = self.user.get("/trash", keyword=word, pageSize=100).data["list"]
        containing = {each for each, memo in self.imagined.trash.items() if folded(word) in folded(memo.content)}
        assert {memo["memoId"] for memo in found} == containing

    @rule(name=NAMES)
    def make_tag(self, name: str) -> None:
        tag = self.user.post("/tags", {"name": name}).data["tag"]
        known = self.imagined.tag_named(name)
        assert known in (None, tag["tagId"])
        self.imagined.tags.setdefault(tag["tagId"], name.strip())

    @rule(pick=PICK, name=NAMES)
    @where_there_are("tags")
    def rename_tag(self, pick: int, name: str) -> None:
        tag_id = nth(self.imagined.tags, pick)
        taken = self.imagined.tag_named(name) not in (None, tag_id)
        assert self.user.put(f"/tags/{tag_id}", {"name": name}).code == (2 if taken else 0)
        if not taken:
            self.imagined.tags[tag_id] = name.strip()

    @rule(pick=PICK)
    @where_there_are("tags")
    def delete_tag(self, pick: int) -> None:
        tag_id = nth(self.imagined.tags, pick)
        self.user.delete(f"/tags/{tag_id}").data  # noqa: B018 (must succeed)
        self.imagined.forget_tag(tag_id)

    @rule(name=NAMES)
    def make_category(self, name: str) -> None:
        answer = self.user.post("/categories", {"name": name})
        if self.imagined.category_named(name):
            assert answer.code == 3001
        else:
            self.imagined.categories[answer.data["category"]["categoryId"]] = name.strip()

    @rule(pick=PICK, name=NAMES)
    @where_there_are("categories")
    def rename_category(self, pick: int, name: str) -> None:
        category_id = nth(self.imagined.categories, pick)
        taken = self.imagined.category_named(name) not in (None, category_id)
        assert self.user.put(f"/categories/{category_id}", {"name": name}).code == (3001 if taken else 0)
        if not taken:
            self.imagined.categories[category_id] = name.strip()

    @rule(pick=PICK)
    @where_there_are("categories")
    def delete_category(self, pick: int) -> None:
        category_id = nth(self.imagined.categories, pick)
        self.user.delete(f"/categories/{category_id}").data  # noqa: B018 (must succeed)
        self.imagined.forget_category(category_id)

    @rule(content=st.binary(max_size=50))
    def upload(self, content: bytes) -> None:
        file = {"file": ("a.bin", content, "application/octet-stream")}
        made = self.user.post("/attachments/upload", files=file).data["attachment"]
        self.imagined.files[made["attachmentId"]] = content

    @rule(pick=PICK)
    @where_there_are("files")
    def delete_file(self, pick: int) -> None:
        file_id = nth(self.imagined.files, pick)
        self.user.delete(f"/attachments/{file_id}").data  # noqa: B018 (must succeed)
        self.imagined.forget_file(file_id)
        assert self.user.get(f"/attachments/{file_id}/download").status == 404

    @rule(word=st.sampled_from([*WORDS, "%", "_", "山", "nowhere"]))
    def search_words(self, word: str) -> None:
        wanted = self.imagined.with_words([word])
        eventually(lambda: self.ids(self.user.get("/memos", search=word, limit=100)) == wanted, f"found by {word!r}")

    @rule(pick=PICK)
    @where_there_are("memos")
    def search_meaning(self, pick: int) -> None:
        text = self.imagined.memos[self.memo(pick)].content
        self.in_step()
        page = self.user.post("/memos/search/vector", {"query": text, "limit": 100}).data
        assert page["pagination"]["total"] == len(self.imagined.memos)
        assert {memo["memoId"] for memo in page["items"]} == set(self.imagined.memos)
        same = [memo for memo in page["items"] if memo["content"] == text]
        assert min(memo["relevanceScore"] for memo in same) >= page["items"][0]["relevanceScore"] - 0.001

    @rule(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True))
    def search_both(self, words: list[str]) -> None:
        self.in_step()
        items = self.user.post("/memos/search", {"query": " ".join(words), "limit": 100}).data["items"]
        found = [memo["memoId"] for memo in items]
        literal = self.imagined.with_words(words)
        assert set(found) <= set(self.imagined.memos)
        assert set(found[: len(literal)]) == literal

    @rule()
    def look_from_outside(self) -> None:
        public = {memo_id for memo_id, memo in self.imagined.memos.items() if memo.public}
        with plain_http(f"{self.user.url}/api/v1/memos/public", timeout=30) as nobody:
            listed = nobody.get(f"/{self.user.uid}", params={"limit": 100}).json()["data"]["items"]
            assert {memo["memoId"] for memo in listed} == public
            for memo_id in self.imagined.known:
                assert nobody.get(f"/memo/{memo_id}").json()["code"] == (0 if memo_id in public else 3)

    def compare(self) -> None:
        listed = self.user.get("/memos", limit=100).data["items"]
        assert {memo["memoId"]: as_shown(memo) for memo in listed} == self.imagined.shown_memos()
        assert self.trash() == self.imagined.shown_trash()

    def compare_rest(self) -> None:
        tags = self.user.get("/tags").data["tags"]
        assert {tag["tagId"]: tag["name"] for tag in tags} == self.imagined.tags
        assert {tag["tagId"]: tag["usageCount"] for tag in tags} == self.imagined.counts()
        assert {each["categoryId"]: each["name"] for each in self.categories()} == self.imagined.categories
        for memo_id in self.imagined.memos:
            page = self.user.get(f"/memos/{memo_id}/backlinks", limit=100).data
            backlinks = self.imagined.backlinks(memo_id)
            assert {memo["memoId"] for memo in page["items"]} == backlinks
            assert page["pagination"]["total"] == len(backlinks)
        for memo_id in self.imagined.trash:
            assert self.user.get(f"/memos/{memo_id}").code == 3
        files = self.user.get("/attachments", limit=100).data["items"]
        assert {file["attachmentId"] for file in files} == set(self.imagined.files)
        for file_id, content in self.imagined.files.items():
            assert self.user.get(f"/attachments/{file_id}/download").content == content

    def meant(self, wish: Wish) -> Wish:
        """A request's body: ids in place of picks."""
        body = dict(wish)
        for key, there in (("attachments", self.imagined.files), ("relationIds", self.imagined.known)):
            if key in body:
                body[key] = [nth(there, pick) for pick in body[key]] if there else []
        if isinstance(body.get("categoryId"), int):
            body["categoryId"] = nth(self.imagined.categories, body["categoryId"]) if self.imagined.categories else "?"
        return body

    def written(self, answer: Answer, body: Wish) -> None:
        memo = answer.data["memo"]
        self.imagined.write(memo["memoId"], body, memo["tags"])

    def memo(self, pick: int) -> str:
        return nth(self.imagined.memos, pick)

    def trash(self) -> dict[str, Any]:
        page = self.user.get("/trash", pageSize=100).data
        assert page["total"] == len(page["list"])
        return {memo["memoId"]: as_shown(memo) for memo in page["list"]}

    def categories(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.user.get("/categories").data["categories"]
        return found

    def sync(self) -> dict[str, Any]:
        state: dict[str, Any] = self.user.http.get("/readyz").json()["sync"]
        return state

    def in_step(self) -> None:
        eventually(lambda: self.sync()["waiting"] == 0, "everything is applied", timeout=30)

    @staticmethod
    def ids(answer: Answer) -> set[str]:
        return {memo["memoId"] for memo in answer.data["items"]}


def nth(things: Any, pick: int) -> str:
    names: list[str] = list(things)
    return names[pick % len(names)]
