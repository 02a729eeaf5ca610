"""Whatever a user does in whatever order, with crashes in between, the server has what it acknowledged."""

from __future__ import annotations

import copy
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from tests.support.client import Answer
from tests.support.server import AIMO, Server, environment
from tests.support.waiting import eventually

from .concurrent_commands import ConcurrentCommand
from .reference_model import as_shown, name_key
from .user_actions import PICK, WISHES, Scene, UserActions, Wish, nth

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


class Life(UserActions):
    """One user's life; once, something happens to the server meanwhile."""

    def __init__(self, scene: Scene, kind: Kind | None) -> None:
        super().__init__(scene)
        self.kind = kind
        self.steps = 0
        self.misfortune: Disruption | None = None

    @initialize(misfortune=MISFORTUNES, wishes=st.lists(WISHES, min_size=2, max_size=3))
    def fate(self, misfortune: Disruption, wishes: list[Wish]) -> None:
        self.upload(b"tea")
        for wish in wishes:
            self.write(wish)
        self.misfortune = misfortune if self.kind else None

    @invariant()
    def shows_everything(self) -> None:
        self.scene.done["steps"] += 1
        self.steps += 1
        self.compare()
        if self.misfortune and self.steps > self.misfortune.after:
            self._suffer()

    def teardown(self) -> None:
        if self.misfortune:
            self._suffer()
        self.compare_rest()
        self.in_step()
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
        self.compare()

    def _crash(self, misfortune: Disruption) -> None:
        """Killed while it is asked to write: what was acknowledged is there, the other is there whole or not at all."""
        how = misfortune.how
        memo_id = nth(self.imagined.trash if how in OF_THE_TRASH else self.imagined.memos, misfortune.pick)
        body = self.meant(misfortune.wish) if how in ("POST", "PUT") else None
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
        seen = ({each: as_shown(memo) for each, memo in listed.items()}, self.trash())
        if acknowledged or seen != (self.imagined.shown_memos(), self.imagined.shown_trash()):
            assert seen == (after.shown_memos(), after.shown_trash())
            self.imagined = after

    def _stand_still(self, misfortune: Disruption) -> None:
        """Nobody applies entries for a while: they wait, and no search shows what is gone."""
        self.in_step()
        self.scene.beside.take_role()
        try:
            eventually(lambda: not self.sync()["writer"], "the server notices")
            steps = {"DELETE": self.delete, "RESTORE": self.restore, "PURGE": self.delete_for_good}
            files = len(self.imagined.files)
            if step := steps.get(misfortune.how):
                step(misfortune.pick)
            else:
                self.write(misfortune.wish)
            # Files that go with a memo have an entry each.
            assert self.sync()["waiting"] == 1 + files - len(self.imagined.files)
            self.compare()
            for search in ("/memos/search/vector", "/memos/search"):
                body = {"query": misfortune.wish["content"], "limit": 100}
                assert self.ids(self.user.post(search, body)) <= set(self.imagined.memos)
        finally:
            self.scene.beside.give_role_back()
        self.in_step()

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
