"""Many clients at once: counts stay right, a name is one thing, and nobody hears of a deadlock."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub

CLIENTS = 20
MEMOS = 200
ROUNDS = 15
BA_TOKEN = "machine-token-of-the-tests"


@pytest.fixture(
    scope="module", params=[("mysql", 1), ("mysql", 2), ("sqlite", 1)], ids=lambda kind: f"{kind[0]}-{kind[1]}"
)
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    """A server, with one process or two."""
    kind, workers = request.param
    database = shared_database(kind)
    machine = {"BA_AUTH_ENABLED": "true", "BA_AUTH_TOKEN": BA_TOKEN}
    return module_server(**database, **module_stub.settings(), **machine, WORKERS=str(workers))


def _copies(running: Server, owner: Client) -> list[Client]:
    """As many clients of one user."""
    copies = [running.client() for _ in range(CLIENTS)]
    for copy in copies:
        copy.token = owner.token
    return copies


def _at_once(clients: Sequence[Client], work: Callable[[Client, int], list[Answer]]) -> list[Answer]:
    """What everybody is answered who starts at the same moment."""
    gate = threading.Barrier(len(clients))

    def run(number: int) -> list[Answer]:
        gate.wait()
        return work(clients[number], number)

    with ThreadPoolExecutor(len(clients)) as threads:
        return [answer for answers in threads.map(run, range(len(clients))) for answer in answers]


@pytest.fixture(autouse=True)
def no_error_is_logged(running: Server) -> Iterator[None]:
    """Lost races are run again in silence; an error in the log would be one that a user may have met."""
    known = running.log.stat().st_size
    yield
    with running.log.open("rb") as log:
        log.seek(known)
        assert b'"level": "error"' not in log.read()


def _tags(client: Client) -> dict[str, dict[str, Any]]:
    return {tag["name"]: tag for tag in client.get("/tags").data["tags"]}


def _carried(client: Client) -> Counter[str]:
    """How many memos carry each tag, as the memos themselves say."""
    memos = client.get("/memos", limit=10_000).data["items"]
    assert len({memo["memoId"] for memo in memos}) == len(memos)
    return Counter(tag["name"] for memo in memos for tag in memo["tags"])


def test_usage_counts_survive_twenty_clients(running: Server) -> None:
    """Adding and removing tags in every way at once: each count is the number of memos that carry the tag."""
    owner = running.user()
    names = ["shared", "other", "third"]
    bodies = [{"content": f"memo {number}", "tags": ["shared"] if number % 2 else []} for number in range(MEMOS)]
    clients = _copies(running, owner)
    made = _at_once(clients, lambda client, number: [client.post("/memos", body) for body in bodies[number::CLIENTS]])
    memo_ids = [answer.data["memo"]["memoId"] for answer in made]

    def work(client: Client, number: int) -> list[Answer]:
        chance = random.Random(number)
        answers = []
        for _ in range(ROUNDS):
            memo_id = chance.choice(memo_ids)
            chosen = chance.sample(names, chance.randrange(4))
            match chance.randrange(5):
                case 0:
                    answers.append(client.put(f"/memos/{memo_id}", {"content": "changed", "tags": chosen}))
                case 1:
                    mine = client.post("/memos", {"content": "short-lived", "tags": chosen})
                    answers += [mine, client.delete(f"/memos/{mine.data['memo']['memoId']}")]
                case 2:
                    answers.append(client.post("/memos", {"content": "one more", "tags": ["shared", *chosen]}))
                case _:
                    answers.append(client.put(f"/memos/{memo_id}/tags", {"tags": chosen}))
        return answers

    answers = _at_once(clients, work)
    assert Counter((answer.status, answer.code) for answer in answers).keys() == {(200, 0)}
    tags, carried = _tags(owner), _carried(owner)
    assert {name: tag["usageCount"] for name, tag in tags.items()} == {name: carried[name] for name in names}
    for name in names:
        assert owner.get("/memos", tags=name, limit=1).data["pagination"]["total"] == carried[name]


def test_deleting_a_tag_during_tagging_leaves_no_reference(running: Server) -> None:
    """Whoever comes first: no memo shows a removed tag, and the counts are right."""
    owner = running.user()
    clients = _copies(running, owner)
    memo_ids = [
        owner.post("/memos", {"content": f"memo {n}", "tags": ["fleeting"]}).data["memo"]["memoId"]
        for n in range(CLIENTS)
    ]

    def work(client: Client, number: int) -> list[Answer]:
        if number % 4:
            return [client.put(f"/memos/{memo_ids[number]}/tags", {"tags": ["fleeting", "kept"]}) for _ in range(4)]
        tag = _tags(client).get("fleeting")
        return [client.delete(f"/tags/{tag['tagId']}")] if tag else []

    answers = _at_once(clients, work)
    # Removed by somebody else a moment before is the one failure there may be.
    assert {answer.code for answer in answers} <= {0, 3}
    tags, carried = _tags(owner), _carried(owner)
    assert {name: tag["usageCount"] for name, tag in tags.items()} == {name: carried[name] for name in tags}
    assert set(carried) <= set(tags)


def test_one_new_name_makes_one_tag(running: Server) -> None:
    """Twenty clients make a tag of one name at once, directly and with memos: it is one tag."""
    owner = running.user()
    spellings = ["Fresh Tag", " fresh tag ", "FRESH TAG", "fresh tag"]

    def work(client: Client, number: int) -> list[Answer]:
        spelling = spellings[number % len(spellings)]
        if number % 2:
            return [client.post("/tags", {"name": spelling})]
        return [client.post("/memos", {"content": f"with a tag {number}", "tags": [spelling]})]

    answers = [answer.data for answer in _at_once(_copies(running, owner), work)]
    found = {answer["tag"]["tagId"] if "tag" in answer else answer["memo"]["tags"][0]["tagId"] for answer in answers}
    [tag] = owner.get("/tags").data["tags"]
    assert found == {tag["tagId"]}
    assert tag["usageCount"] == CLIENTS // 2


def test_one_new_name_makes_one_category(running: Server) -> None:
    """One client makes the category, the others hear that it exists; machines that name it all get the same."""
    owner = running.user()
    answers = _at_once(
        _copies(running, owner),
        lambda client, number: [client.post("/categories", {"name": "Ideas" if number % 2 else "ideas "})],
    )
    assert Counter(answer.code for answer in answers) == {0: 1, 3001: CLIENTS - 1}
    machines = [running.client() for _ in range(CLIENTS)]
    headers = {"Authorization": f"Bearer {BA_TOKEN}"}

    def write(client: Client, number: int) -> list[Answer]:
        body = {"content": f"from a machine {number}", "category": "Plans"}
        return [client.post("/memos/ba/create", body, params={"uid": owner.uid}, headers=headers)]

    assert len({answer.data["memo"]["categoryId"] for answer in _at_once(machines, write)}) == 1
    names = [category["name"].strip().casefold() for category in owner.get("/categories").data["categories"]]
    assert sorted(names) == ["ideas", "plans", "日记"]


def test_one_e_mail_makes_one_account(running: Server) -> None:
    """Twenty registrations of one e-mail at once: one succeeds, and its password is the one that works."""
    email = f"wanted.{random.randrange(10**9)}@example.test"
    guests = [running.client() for _ in range(CLIENTS)]
    answers = _at_once(
        guests,
        lambda client, number: [client.post("/auth/register", {"email": email, "password": f"password-{number}"})],
    )
    assert Counter(answer.code for answer in answers) == {0: 1, 1001: CLIENTS - 1}
    [winner] = [number for number, answer in enumerate(answers) if answer.code == 0]
    client = running.client().login(email, f"password-{winner}")
    assert client.uid == answers[winner].data["user"]["uid"]
    assert len(client.get("/categories").data["categories"]) == 1
