"""Users see where they are logged in and can end it, at once and for all processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.waiting import eventually

SECRET = "a secret of the tests, long enough"
NEW_PASSWORD = "Another-passw0rd"


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    """A server of two processes on each kind of database."""
    return module_server(**shared_database(request.param), WORKERS="2", JWT_SECRET=SECRET)


def again(client: Client, user_agent: str = "another browser") -> Client:
    """The same user, logged in once more."""
    other = Client(client.url)
    other.http.headers["User-Agent"] = user_agent
    return other.login(client.email, client.password)


def old_token(uid: str, *, issued: float | None = None, lifetime: float = 3600) -> str:
    """A token as earlier releases issued them."""
    issued = time.time() if issued is None else issued
    return jwt.encode({"uid": uid, "iat": int(issued), "exp": int(issued + lifetime)}, SECRET, "HS256")


def with_token(client: Client, token: str) -> Client:
    other = Client(client.url)
    other.token = token
    return other


def sessions(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/user/sessions").data["sessions"]
    return found


def refused(client: Client) -> bool:
    """Whether the token is refused, by whichever process is asked."""
    statuses = set()
    for _ in range(8):
        # Each on a connection of its own, so that both processes are met.
        headers = {"Authorization": f"Bearer {client.token}", "Connection": "close"}
        statuses.add(client.http.get("/api/v1/user/info", headers=headers).status_code)
    assert len(statuses) == 1, statuses
    return statuses == {401}


def test_a_token_names_its_session_beside_the_claims_of_before(running: Server) -> None:
    alice = running.user()
    claims = jwt.decode(str(alice.token), SECRET, algorithms=["HS256"])
    assert claims.keys() == {"uid", "iat", "exp", "sid"}
    assert claims["exp"] - claims["iat"] == 90 * 24 * 3600
    assert [session["id"] for session in sessions(alice)] == [claims["sid"]]


def test_users_see_where_they_are_logged_in(running: Server) -> None:
    alice = running.user()
    phone = again(alice, "A phone " + "x" * 5000)
    listed = sessions(phone)
    assert [session["current"] for session in listed] == [True, False]
    assert [session["current"] for session in sessions(alice)] == [False, True]
    assert listed[0]["userAgent"].startswith("A phone xx")
    assert len(listed[0]["userAgent"]) <= 200
    assert {session["address"] for session in listed} == {"127.0.0.1"}
    now = time.time() * 1000
    for session in listed:
        assert abs(session["createdAt"] - now) < 60_000
        assert abs(session["lastUsedAt"] - now) < 60_000
        assert abs(session["expiresAt"] - session["createdAt"] - 90 * 24 * 3600 * 1000) < 2000


def test_logging_out_ends_the_session_at_once_in_every_process(running: Server) -> None:
    alice = running.user()
    phone = again(alice)
    assert not refused(phone)
    answer = phone.post("/auth/logout")
    assert answer.data["message"]
    assert "aimo_token=; Max-Age=0; Path=/" in answer.headers["set-cookie"]
    assert refused(phone)
    assert phone.get("/user/info").envelope == {"success": False, "message": "Invalid token"}
    assert not refused(alice)
    assert len(sessions(alice)) == 1


def test_logging_out_twice_or_without_a_token_succeeds(running: Server) -> None:
    alice = running.user()
    for client in (alice, alice, with_token(alice, "nonsense"), running.client()):
        answer = client.post("/auth/logout")
        assert (answer.status, answer.code) == (200, 0)
        assert "Max-Age=0" in answer.headers["set-cookie"]


def test_an_old_token_can_be_logged_out_by_itself(running: Server) -> None:
    alice = running.user()
    first = with_token(alice, old_token(alice.uid, issued=time.time() - 100))
    second = with_token(alice, old_token(alice.uid, issued=time.time() - 50))
    assert (refused(first), refused(second)) == (False, False)
    assert first.post("/auth/logout").code == 0
    assert first.post("/auth/logout").code == 0
    assert (refused(first), refused(second), refused(alice)) == (True, False, False)
    # The last character of a signature has bits that nobody reads.
    assert first.token
    spelt = [f"{first.token[:-1]}{last}" for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    assert {with_token(alice, token).get("/user/info").status for token in spelt} == {401}


def test_one_session_can_be_ended_and_only_ones_own(running: Server) -> None:
    alice, mallory = running.user(), running.user()
    phone = again(alice)
    [phones] = [session["id"] for session in sessions(phone) if session["current"]]
    for unknown in (phones, "sess0", "old:0", "%00", "x" * 300, "é"):
        answer = mallory.delete(f"/user/sessions/{unknown}")
        assert (answer.code, answer.message) == (3, "Session not found"), unknown
    assert not refused(phone)
    assert alice.delete(f"/user/sessions/{phones}").data | {"message": ""} == {
        "message": "",
        "ended": 1,
        "currentRemains": True,
    }
    assert refused(phone)
    assert alice.delete(f"/user/sessions/{phones}").code == 3
    [own] = [session["id"] for session in sessions(alice)]
    assert alice.delete(f"/user/sessions/{own}").data["currentRemains"] is False
    assert refused(alice)


@pytest.mark.parametrize("keep", [False, True])
def test_logging_out_everywhere_ends_all_sessions_and_old_tokens(running: Server, keep: bool) -> None:
    alice, bob = running.user(), running.user()
    phone, old = again(alice), with_token(alice, old_token(alice.uid))
    bobs = with_token(bob, old_token(bob.uid))
    answer = alice.delete("/user/sessions", params={"keepCurrent": "true"} if keep else {}).data
    assert (answer["ended"], answer["currentRemains"], "token" in answer) == (1 if keep else 2, keep, False)
    assert (refused(alice), refused(phone), refused(old)) == (not keep, True, True)
    assert (refused(bob), refused(bobs)) == (False, False)
    assert not refused(again(alice)), "a login in the same second is a new one"


def test_old_tokens_are_compared_by_the_second_of_their_issue(running: Server) -> None:
    alice = running.user()
    earlier, same = (old_token(alice.uid, issued=time.time() - ago) for ago in (60, 0))
    alice.delete("/user/sessions")
    later = old_token(alice.uid, issued=time.time() + 30)
    assert [refused(with_token(alice, token)) for token in (earlier, same, later)] == [True, True, False]


def test_a_clock_that_was_ahead_keeps_no_old_token_alive(running: Server) -> None:
    alice = running.user()
    ahead = with_token(alice, old_token(alice.uid, issued=time.time() + 3600))
    assert not refused(ahead)
    ahead.delete("/user/sessions")
    assert refused(ahead)
    # The time from which tokens are valid never goes back.
    again(alice).delete("/user/sessions")
    assert refused(ahead)
    assert not refused(again(alice))


def test_an_old_token_that_shall_stay_is_replaced(running: Server) -> None:
    alice = running.user()
    old = with_token(alice, old_token(alice.uid))
    answer = old.delete("/user/sessions", params={"keepCurrent": "true"}).data
    assert (answer["ended"], answer["currentRemains"]) == (1, False)
    assert (refused(old), refused(alice)) == (True, True)
    assert not refused(with_token(alice, answer["token"]))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_new_password_ends_other_sessions_where_that_is_asked_for(running: Server, method: str) -> None:
    alice = running.user()
    phone = again(alice)
    body = {"oldPassword": alice.password, "newPassword": NEW_PASSWORD}
    assert alice.request(method, "/user/password", body).data == {"message": "密码修改成功"}
    assert (refused(alice), refused(phone)) == (False, False)
    back = {"oldPassword": NEW_PASSWORD, "newPassword": alice.password, "logoutOthers": True}
    assert alice.request(method, "/user/password", back | {"logoutOthers": "perhaps"}).code == 2
    assert alice.request(method, "/user/password", back | {"oldPassword": "wrong-password"}).code == 1002
    assert (refused(alice), refused(phone)) == (False, False)
    told = alice.request(method, "/user/password", back).data
    assert told == {"message": "密码修改成功", "ended": 1, "currentRemains": True}
    assert (refused(alice), refused(phone)) == (False, True)


def test_a_forged_session_opens_nothing(running: Server) -> None:
    alice, bob = running.user(), running.user()
    now = int(time.time())
    bobs = jwt.decode(str(bob.token), SECRET, algorithms=["HS256"])["sid"]
    for sid in (bobs, "sess00000000000000000000000", "", 5, None, ["x"], "a b"):
        token = jwt.encode({"uid": alice.uid, "iat": now, "exp": now + 60, "sid": sid}, SECRET, "HS256")
        # Without a session it is a token like those of earlier releases.
        assert refused(with_token(alice, token)) == (sid is not None), sid


def test_of_several_cookies_the_valid_one_counts_unless_another_user_has_one_too(running: Server) -> None:
    alice, mallory = running.user(), running.user()
    ended = again(alice)
    ended.post("/auth/logout").data  # noqa: B018 (must succeed)
    second = again(alice)

    def told(*tokens: str | None) -> tuple[int, Any]:
        cookie = {"Cookie": "; ".join(f"aimo_token={token}" for token in tokens)}
        answer = Client(running.url).request("GET", "/user/info", headers=cookie)
        return answer.status, answer.envelope.get("data", {}).get("uid", answer.message)

    for stale in (ended.token, "forged", old_token(alice.uid, lifetime=-1)):
        assert told(stale, alice.token) == told(alice.token, stale) == (200, alice.uid)
    assert told(second.token, alice.token) == (200, alice.uid)
    assert told(ended.token, "forged") == (401, "Invalid token")
    assert told(mallory.token, alice.token) == told(alice.token, mallory.token) == (401, "Authentication required")
    assert told(alice.token, "1", "2", "3", "4") == (401, "Authentication required")


def test_the_oldest_of_too_many_sessions_ends(running: Server) -> None:
    alice = running.user()
    phone = again(alice)
    for _ in range(99):
        last = again(alice)
    assert refused(alice)
    assert (refused(phone), refused(last)) == (False, False)
    assert len(sessions(last)) == 100


def test_the_last_use_is_noted_now_and_then(
    server: Callable[..., Server], mysql_database: dict[str, str], mariadb: MariaDB
) -> None:
    running = server(**mysql_database)
    alice = running.user()
    name = mysql_database["MYSQL_DATABASE"]

    def last_used() -> Any:
        [[value]] = mariadb.execute("SELECT last_used_at FROM sessions", database=name)
        return value

    fresh = last_used()
    for _ in range(5):
        assert alice.get("/user/info").code == 0
    assert last_used() == fresh
    mariadb.execute("UPDATE sessions SET last_used_at = last_used_at - INTERVAL 1 DAY", database=name)
    assert alice.get("/user/info").code == 0
    eventually(lambda: last_used() >= fresh)


def test_of_password_changes_at_once_only_one_counts(server: Callable[..., Server], database: dict[str, str]) -> None:
    running = server(**database, RATE_LIMIT="off")
    alice = running.user()
    others = []
    for _ in range(4):
        other = running.client()
        other.token = alice.token
        others.append(other)
    wanted = [f"another-long-password-{number}" for number in range(4)]

    def change(client: Client, password: str) -> int | None:
        return client.post("/user/password", {"oldPassword": alice.password, "newPassword": password}).code

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(change, others, wanted))
    assert sorted(codes, key=str) == [0, 1002, 1002, 1002]
    login = {"email": alice.email, "password": wanted[codes.index(0)]}
    assert running.client().post("/auth/login", login).code == 0
