"""Guessing passwords and making accounts in bulk is slowed down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.client import Answer, Client
from tests.support.server import Server

from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output import openapi

PASSWORD = "Passw0rd-test"
# As wrong as any, and refused without the work of a hash.
NO_TEXT = 1


def log_in(client: Client, email: str, password: Any, address: str = "") -> Answer:
    return client.post("/auth/login", {"email": email, "password": password}, headers=from_(address))


def register(client: Client, email: str, address: str = "") -> Answer:
    return client.post("/auth/register", {"email": email, "password": PASSWORD}, headers=from_(address))


def from_(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address} if address else {}


def assert_refused(answer: Answer, longest: int) -> None:
    assert answer.status == 429
    assert answer.code == 6
    assert answer.envelope["data"] is None
    assert 0 < int(answer.headers["Retry-After"]) <= longest


def test_ten_failed_logins_lock_the_account_for_the_address_but_for_no_other(
    server: Callable[..., Server], migrated_database: dict[str, str]
) -> None:
    running = server(**migrated_database, RATE_LIMIT="on", TRUSTED_PROXIES="127.0.0.0/8", WORKERS="2")
    client = running.client()
    for name in ("alice", "bob"):
        assert register(client, f"{name}@example.test").code == 0
    for _ in range(10):
        assert log_in(client, "alice@example.test", "wrong", "203.0.113.1").code == 1002
    assert_refused(log_in(client, "alice@example.test", PASSWORD, "203.0.113.1"), 900)
    assert log_in(client, "bob@example.test", PASSWORD, "203.0.113.1").code == 0
    assert log_in(client, "alice@example.test", PASSWORD, "198.51.100.7").code == 0


def test_wrong_old_passwords_count_as_failed_logins(
    server: Callable[..., Server], migrated_database: dict[str, str]
) -> None:
    running = server(**migrated_database, RATE_LIMIT="on", TRUSTED_PROXIES="127.0.0.0/8")
    alice = running.client().register("alice@example.test")

    def change(old: str, address: str) -> Answer:
        body = {"oldPassword": old, "newPassword": "another password"}
        return alice.post("/user/password", body, headers=from_(address))

    for _ in range(9):
        assert change("wrong", "203.0.113.1").code == 1002
    assert log_in(running.client(), "alice@example.test", "wrong", "203.0.113.1").code == 1002
    assert_refused(change(PASSWORD, "203.0.113.1"), 900)
    assert_refused(log_in(running.client(), "alice@example.test", PASSWORD, "203.0.113.1"), 900)
    assert alice.get("/user/info").code == 0
    assert change(PASSWORD, "203.0.113.2").code == 0


def test_concurrent_guesses_do_not_bypass_the_limit(
    server: Callable[..., Server], migrated_database: dict[str, str]
) -> None:
    running = server(**migrated_database, RATE_LIMIT="on", WORKERS="2")
    client = running.client()
    register(client, "alice@example.test")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: log_in(client, "alice@example.test", "wrong"), range(32)))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 22


def test_thirty_failed_logins_lock_the_address_but_no_other(server: Callable[..., Server]) -> None:
    running = server(RATE_LIMIT="on", TRUSTED_PROXIES="127.0.0.0/8")
    client = running.client()
    register(client, "alice@example.test")
    for number in range(30):
        assert log_in(client, f"nobody{number}@example.test", NO_TEXT, f"6.6.6.{number}, 203.0.113.5").code == 1000
    assert_refused(log_in(client, "alice@example.test", PASSWORD, "203.0.113.5"), 900)
    assert log_in(client, "alice@example.test", PASSWORD, "203.0.113.6").code == 0
    for number in range(30):
        assert log_in(client, f"other{number}@example.test", NO_TEXT, f"2001:db8:0:1::{number:x}").code == 1000
    assert_refused(log_in(client, "alice@example.test", PASSWORD, "2001:db8:0:1:ffff::1"), 900)


def test_ten_accounts_or_taken_addresses_an_hour_from_one_address(server: Callable[..., Server]) -> None:
    running = server(RATE_LIMIT="on", TRUSTED_PROXIES="127.0.0.1")
    client = running.client()
    assert register(client, "").code == 2
    for number in range(5):
        assert register(client, f"user{number}@example.test").code == 0
        assert register(client, "user0@example.test").code == 1001
    assert_refused(register(client, "user0@example.test"), 3600)
    assert_refused(register(client, "user5@example.test"), 3600)
    assert register(client, "user5@example.test", "203.0.113.5").code == 0


def test_forwarded_addresses_of_strangers_are_not_believed(server: Callable[..., Server]) -> None:
    client = server(RATE_LIMIT="on").client()
    answers = [log_in(client, f"nobody{n}@example.test", NO_TEXT, f"203.0.113.{n}") for n in range(31)]
    assert [answer.status for answer in answers] == [200] * 30 + [429]


def test_the_answer_is_documented() -> None:
    document: Any = openapi.document(CONTROLLERS, DEPENDENCIES)
    for path in ("/api/v1/auth/login", "/api/v1/auth/register", "/api/v1/user/password"):
        answer = document["paths"][path]["post"]["responses"]["429"]
        assert "Retry-After" in answer["headers"]
