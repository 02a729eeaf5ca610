"""Whatever a user does in whatever order, with crashes in between, the server has what it acknowledged."""

from __future__ import annotations

import copy
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Literal, cast

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.support.client import Answer, Client, plain_http
from tests.support.server import AIMO, Server, environment
from tests.support.waiting import eventually

from .concurrent_commands import ConcurrentCommand
from .reference_model import ReferenceModel, as_shown, folded, name_key

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


# How to ask for what a crash cuts off.
REQUESTS: dict[str, Callable[[str], tuple[str, str]]] = {
    "POST": lambda _: ("POST", "/memos"),
    "PUT": lambda memo_id: ("PUT", f"/memos/{memo_id}"),
    "DELETE": lambda memo_id: ("DELETE", f"/memos/{memo_id}"),
    "RESTORE": lambda memo_id: ("POST", f"/trash/{memo_id}/restore"),
    "PURGE": lambda memo_id: ("DELETE", f"/trash/{memo_id}"),
}
OF_THE_TRASH = ("RESTORE", "PURGE")

Kind = Literal["crash", "standstill", "rebuild"]


@dataclass
class Disruption:
    """When something happens to the server, and what is asked of it at that moment."""

    after: int
    pick: int
    wish: Wish
    how: str
    milliseconds: int


MISFORTUNES = st.builds(
    Disruption,
    after=st.integers(1, 15),
    pick=PICK,
    wish=WISHES,
    how=st.sampled_from(("POST", "PUT", "DELETE", "RESTORE", "PURGE")),
    milliseconds=st.integers(0, 15),
)


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
        def taken(life: Life, *given: Any, **drawn: Any) -> None:
            if not getattr(life.imagined, things):
                life.provide(things)
            step(life, *given, **drawn)
            life.scene.done[step.__name__] += 1

        return taken

    return decorate


class Life(RuleBasedStateMachine):
    """One user's life; once, something happens to the server meanwhile."""

    def __init__(self, scene: Scene, kind: Kind | None) -> None:
        super().__init__()
        self.scene = scene
        self.kind = kind
        scene.done["examples"] += 1
        self.user: Client = scene.server.user()
        self.imagined = ReferenceModel(categories={each["categoryId"]: each["name"] for each in self._categories()})
        self.steps = 0
        self.misfortune: Disruption | None = None

    @initialize(misfortune=MISFORTUNES, wishes=st.lists(WISHES, min_size=2, max_size=3))
    def fate(self, misfortune: Disruption, wishes: list[Wish]) -> None:
        self.upload(b"tea")
        for wish in wishes:
            self.write(wish)
        self.misfortune = misfortune if self.kind else None

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
        body = self._meant(wish)
        self._written(self.user.post("/memos", body), body)

    @rule(pick=PICK, wish=WISHES)
    @where_there_are("memos")
    def rewrite(self, pick: int, wish: Wish) -> None:
        body = self._meant(wish)
        self._written(self.user.put(f"/memos/{self._memo(pick)}", body), body)

    @rule(pick=PICK, names=st.lists(NAMES, max_size=3))
    @where_there_are("memos")
    def tag(self, pick: int, names: list[str]) -> None:
        memo_id = self._memo(pick)
        memo = self.user.put(f"/memos/{memo_id}/tags", {"tags": names}).data["memo"]
        self.imagined.write(memo_id, {"content": self.imagined.memos[memo_id].content, "tags": names}, memo["tags"])

    @rule(pick=PICK)
    @where_there_are("memos")
    def delete(self, pick: int) -> None:
        memo_id = self._memo(pick)
        self.user.delete(f"/memos/{memo_id}").data  # noqa: B018 (must succeed)
        self.imagined.put_into_trash(memo_id)
        assert self.user.get(f"/memos/{memo_id}").code == 3

    @rule(pick=PICK)
    @where_there_are("trash")
    def restore(self, pick: int) -> None:
        memo_id = _nth(self.imagined.trash, pick)
        self.user.post(f"/trash/{memo_id}/restore").data  # noqa: B018 (must succeed)
        self.imagined.restore(memo_id)
        assert self.user.post(f"/trash/{memo_id}/restore").code == 2

    @rule(pick=PICK)
    @where_there_are("trash")
    def delete_for_good(self, pick: int) -> None:
        memo_id = _nth(self.imagined.trash, pick)
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
        memo_id = self._memo(pick)
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
        tag_id = _nth(self.imagined.tags, pick)
        taken = self.imagined.tag_named(name) not in (None, tag_id)
        assert self.user.put(f"/tags/{tag_id}", {"name": name}).code == (2 if taken else 0)
        if not taken:
            self.imagined.tags[tag_id] = name.strip()

    @rule(pick=PICK)
    @where_there_are("tags")
    def delete_tag(self, pick: int) -> None:
        tag_id = _nth(self.imagined.tags, pick)
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
        category_id = _nth(self.imagined.categories, pick)
        taken = self.imagined.category_named(name) not in (None, category_id)
        assert self.user.put(f"/categories/{category_id}", {"name": name}).code == (3001 if taken else 0)
        if not taken:
            self.imagined.categories[category_id] = name.strip()

    @rule(pick=PICK)
    @where_there_are("categories")
    def delete_category(self, pick: int) -> None:
        category_id = _nth(self.imagined.categories, pick)
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
        file_id = _nth(self.imagined.files, pick)
        self.user.delete(f"/attachments/{file_id}").data  # noqa: B018 (must succeed)
        self.imagined.forget_file(file_id)
        assert self.user.get(f"/attachments/{file_id}/download").status == 404

    @rule(word=st.sampled_from([*WORDS, "%", "_", "山", "nowhere"]))
    def search_words(self, word: str) -> None:
        wanted = self.imagined.with_words([word])
        eventually(lambda: self._ids(self.user.get("/memos", search=word, limit=100)) == wanted, f"found by {word!r}")

    @rule(pick=PICK)
    @where_there_are("memos")
    def search_meaning(self, pick: int) -> None:
        text = self.imagined.memos[self._memo(pick)].content
        self._in_step()
        page = self.user.post("/memos/search/vector", {"query": text, "limit": 100}).data
        assert page["pagination"]["total"] == len(self.imagined.memos)
        assert {memo["memoId"] for memo in page["items"]} == set(self.imagined.memos)
        same = [memo for memo in page["items"] if memo["content"] == text]
        assert min(memo["relevanceScore"] for memo in same) >= page["items"][0]["relevanceScore"] - 0.001

    @rule(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True))
    def search_both(self, words: list[str]) -> None:
        self._in_step()
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

    @invariant()
    def shows_everything(self) -> None:
        self.scene.done["steps"] += 1
        self.steps += 1
        self._compare()
        if self.misfortune and self.steps > self.misfortune.after:
            self._suffer()

    def teardown(self) -> None:
        if self.misfortune:
            self._suffer()
        self._compare_rest()
        self._in_step()
        assert self.scene.beside.broken() == []
        # So that checking does not become slower with every example.
        for memo_id in self.imagined.memos:
            self.user.delete(f"/memos/{memo_id}").data  # noqa: B018 (must succeed)
        assert self.user.delete("/trash").data["deleted"] == len(self.imagined.known)
        self.user.close()

    def _suffer(self) -> None:
        assert self.misfortune
        mine, self.misfortune = self.misfortune, None
        if not self.imagined.memos:
            self.write(mine.wish)
        if mine.how in OF_THE_TRASH and not self.imagined.trash:
            self.delete(mine.pick)
        if self.kind == "crash":
            self._crash(mine)
        elif self.kind == "standstill":
            self._stand_still(mine)
        else:
            self._rebuild()
        self._compare()

    def _crash(self, misfortune: Disruption) -> None:
        """Killed while it is asked to write: what was acknowledged is there, the other is there whole or not at all."""
        how = misfortune.how
        memo_id = _nth(self.imagined.trash if how in OF_THE_TRASH else self.imagined.memos, misfortune.pick)
        body = self._meant(misfortune.wish) if how in ("POST", "PUT") else None
        answers: list[Answer] = []

        def ask() -> None:
            try:
                answers.append(self.user.request(*REQUESTS[how](memo_id), body))
            except httpx.TransportError:
                self.scene.done["write cut off"] += 1

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(misfortune.milliseconds / 1000)
        self.scene.server.kill()
        asking.join()
        self.scene.server.start()
        self._find_out(how, memo_id, body, acknowledged=any(answer.code == 0 for answer in answers))

    def _find_out(self, how: str, memo_id: str, body: Wish | None, *, acknowledged: bool) -> None:
        listed = {memo["memoId"]: memo for memo in self.user.get("/memos", limit=100).data["items"]}
        after = copy.deepcopy(self.imagined)
        if how == "DELETE":
            after.put_into_trash(memo_id)
        elif how == "RESTORE":
            after.restore(memo_id)
        elif how == "PURGE":
            after.delete_for_good([memo_id])
        else:
            [target] = (set(listed) - set(after.memos) or {""}) if how == "POST" else {memo_id}
            if target in listed and body:
                mine = {name_key(name) for name in body.get("tags", ())}
                made = [tag for tag in listed[target]["tags"] if name_key(tag["name"]) in mine]
                # What it would have made is only known when it was done.
                if len(made) == len(mine):
                    after.write(target, body, made)
        seen = ({each: as_shown(memo) for each, memo in listed.items()}, self._trash())
        if acknowledged or seen != (self.imagined.shown_memos(), self.imagined.shown_trash()):
            assert seen == (after.shown_memos(), after.shown_trash())
            self.imagined = after

    def _stand_still(self, misfortune: Disruption) -> None:
        """Nobody applies entries for a while: they wait, and no search shows what is gone."""
        self._in_step()
        self.scene.beside.take_role()
        try:
            eventually(lambda: not self._sync()["writer"], "the server notices")
            steps = {"DELETE": self.delete, "RESTORE": self.restore, "PURGE": self.delete_for_good}
            files = len(self.imagined.files)
            if step := steps.get(misfortune.how):
                step(misfortune.pick)
            else:
                self.write(misfortune.wish)
            # Files that go with a memo have an entry each.
            assert self._sync()["waiting"] == 1 + files - len(self.imagined.files)
            self._compare()
            for search in ("/memos/search/vector", "/memos/search"):
                body = {"query": misfortune.wish["content"], "limit": 100}
                assert self._ids(self.user.post(search, body)) <= set(self.imagined.memos)
        finally:
            self.scene.beside.give_role_back()
        self._in_step()

    def _rebuild(self) -> None:
        told = subprocess.run(
            [str(AIMO), "sync", "rebuild"],
            env=environment(self.scene.server.settings),
            cwd=self.scene.server.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        assert f"Rebuilding {len(self.imagined.memos)} memos" in told.stdout

    def _compare(self) -> None:
        listed = self.user.get("/memos", limit=100).data["items"]
        assert {memo["memoId"]: as_shown(memo) for memo in listed} == self.imagined.shown_memos()
        assert self._trash() == self.imagined.shown_trash()

    def _compare_rest(self) -> None:
        tags = self.user.get("/tags").data["tags"]
        assert {tag["tagId"]: tag["name"] for tag in tags} == self.imagined.tags
        assert {tag["tagId"]: tag["usageCount"] for tag in tags} == self.imagined.counts()
        assert {each["categoryId"]: each["name"] for each in self._categories()} == self.imagined.categories
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

    def _meant(self, wish: Wish) -> Wish:
        """A request's body: ids in place of picks."""
        body = dict(wish)
        for key, there in (("attachments", self.imagined.files), ("relationIds", self.imagined.known)):
            if key in body:
                body[key] = [_nth(there, pick) for pick in body[key]] if there else []
        if isinstance(body.get("categoryId"), int):
            body["categoryId"] = _nth(self.imagined.categories, body["categoryId"]) if self.imagined.categories else "?"
        return body

    def _written(self, answer: Answer, body: Wish) -> None:
        memo = answer.data["memo"]
        self.imagined.write(memo["memoId"], body, memo["tags"])

    def _memo(self, pick: int) -> str:
        return _nth(self.imagined.memos, pick)

    def _trash(self) -> dict[str, Any]:
        page = self.user.get("/trash", pageSize=100).data
        assert page["total"] == len(page["list"])
        return {memo["memoId"]: as_shown(memo) for memo in page["list"]}

    def _categories(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.user.get("/categories").data["categories"]
        return found

    def _sync(self) -> dict[str, Any]:
        state: dict[str, Any] = self.user.http.get("/readyz").json()["sync"]
        return state

    def _in_step(self) -> None:
        eventually(lambda: self._sync()["waiting"] == 0, "everything is applied", timeout=30)

    @staticmethod
    def _ids(answer: Answer) -> set[str]:
        return {memo["memoId"] for memo in answer.data["items"]}


def _nth(things: Any, pick: int) -> str:
    names: list[str] = list(things)
    return names[pick % len(names)]


def live(scene: Scene, kind: Kind | None, examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        # Finding a shorter life that fails takes as many servers as the whole test.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(cast(type[Life], partial(Life, scene, kind)), settings=chosen)
    scene.done[f"with a {kind}" if kind else "calm"] += examples


# How many lives of each kind; misfortunes take seconds each, so the ordinary run shares them out.
FEW: dict[str, dict[Kind | None, int]] = {
    "sqlite": {None: 5, "crash": 2, "rebuild": 2},
    "mysql": {None: 5, "standstill": 2},
}
MANY: dict[Kind | None, int] = {None: 300, "crash": 100, "standstill": 50, "rebuild": 50}


@pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.long)])
def test_any_sequence_of_actions_matches_the_reference_model(
    server: Callable[..., Server], migrated_database: dict[str, str], many: bool
) -> None:
    running = server(**migrated_database)
    few = FEW["mysql" if "MYSQL_HOST" in migrated_database else "sqlite"]
    with ConcurrentCommand(running) as beside:
        scene = Scene(running, beside)
        for kind, examples in (MANY if many else few).items():
            live(scene, kind, examples, steps=25 if many else 15)
    print(", ".join(f"{number} {what}" for what, number in scene.done.items()))
