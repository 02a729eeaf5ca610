"""What an operator sees of a running server (docs/decisions/32-metrics-access.md, docs/monitoring.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.client import plain_http
from tests.support.server import Server
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


def figures(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def counted(text: str, route: str, status: str = "2xx") -> float:
    pattern = re.compile(r"aimo_http_request_seconds_count\{(.*)\}")
    return sum(
        value
        for name, value in figures(text).items()
        if (match := pattern.match(name)) and f'route="{route}"' in match[1] and f'status="{status}"' in match[1]
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_any_worker_answers_for_all(server: Callable[..., Server], workers: str) -> None:
    running = server(WORKERS=workers)
    alice = running.user()
    memo_id = alice.post("/memos", {"content": "hello"}).data["memo"]["memoId"]
    for _ in range(20):
        with plain_http(running.url) as fresh:
            token = {"Authorization": f"Bearer {alice.token}"}
            assert fresh.get(f"/api/v1/memos/{memo_id}?secret=1", headers=token).status_code == 200
            assert fresh.get("/api/v1/memos").status_code == 401

    def complete() -> str | None:
        with plain_http(running.url) as fresh:
            text = fresh.get("/metrics").text
        known = figures(text)
        settled = known["aimo_sync_writers"] == 1 and known["aimo_outbox_waiting"] == 0
        pools = known["aimo_database_connections_limit"] == 10 * int(workers)
        noted = counted(text, "(refused)", "4xx") == 20  # a request is noted after its answer has left
        return text if settled and pools and noted else None

    for _ in range(3):
        text = eventually(complete)
        assert counted(text, "/api/v1/memos/{memo_id}") == 20
        assert counted(text, "(refused)", "4xx") == 20
        assert memo_id not in text
        assert figures(text)["aimo_database_up"] == 1
        assert figures(text)["aimo_sync_lag_seconds"] == 0


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server]) -> Server:
    return module_server(METRICS_TOKEN="metrics-secret", AIMO_LOG_LEVEL="debug")


def test_strangers_need_the_token(running: Server) -> None:
    http = running.client().http
    forwarded = {"X-Forwarded-For": "203.0.113.5"}
    assert http.get("/metrics").status_code == 200
    headers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer é"},
    )
    for header in headers:
        answer = http.get("/metrics", headers={k.encode(): v.encode() for k, v in (forwarded | header).items()})
        assert answer.status_code == 401
        assert "aimo_" not in answer.text
    assert http.get("/metrics", headers={**forwarded, "Authorization": "Bearer metrics-secret"}).status_code == 200


PAGES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Referer": "http://localhost/page"},
    {"Host": "rebound.evil.example"},
]
TOKEN = {"Authorization": "Bearer metrics-secret"}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_in_a_browser_on_this_machine_reads_figures(running: Server, page: dict[str, str]) -> None:
    http = running.client().http
    given = page if "Host" in page else page | TOKEN
    answer = http.get("/metrics", headers=given)
    assert (answer.status_code, "aimo_" in answer.text) == (401, False)
    for path in ("/readyz", "/healthz", "/api/v1/health"):
        told = http.get(path, headers=given).json()
        assert told.get("data", told) in ({"status": "ready"}, {"status": "ok"})


def test_whoever_types_the_address_on_this_machine_sees_figures(running: Server) -> None:
    assert running.client().http.get("/metrics", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_with_a_public_address_figures_need_the_token(module_server: Callable[..., Server]) -> None:
    public = module_server(PUBLIC_URL="https://memo.example.com", METRICS_TOKEN="metrics-secret").client().http
    assert public.get("/metrics").status_code == 401
    assert public.get("/metrics", headers=TOKEN).status_code == 200
    assert public.get("/readyz").json() == {"status": "ready"}
    assert public.get("/healthz").json() == {"status": "ok"}
    assert public.get("/readyz", headers=TOKEN).json()["database"] == "sqlite"


def test_without_a_token_nobody_reads_figures_of_a_public_address(module_server: Callable[..., Server]) -> None:
    public = module_server(PUBLIC_URL="https://memo.example.com").client().http
    for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer"}, {"Authorization": ""}):
        assert public.get("/metrics", headers=given).status_code == 401


def test_requests_are_logged_by_route_and_never_by_what_they_hold(running: Server) -> None:
    alice = running.user()
    alice.get("/memos", search="unspeakable", tags=["also-secret"])

    def logged() -> str | None:
        lines = running.log.read_text(encoding="utf-8").splitlines()
        return next((line for line in lines if '"request"' in line and '"/api/v1/memos"' in line), None)

    line = eventually(logged, "a request is logged after its answer has left")
    log = running.log.read_text(encoding="utf-8")
    for part in ('"method": "GET"', '"status": 200', '"ms": ', '"request_id": '):
        assert part in line
    assert '"statement": "tags.by_names"' in log
    for secret in ("unspeakable", "also-secret", alice.password, str(alice.token), alice.email):
        assert secret not in log


def test_every_metric_is_documented(running: Server) -> None:
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    text = running.client().http.get("/metrics").text
    names = set(re.findall(r"^# TYPE (aimo_\w+) ", text, re.MULTILINE))
    assert len(names) > 8
    page = page.replace("`…_", "`aimo_database_connections_")
    assert [name for name in names if not name.endswith("_created") and f"`{name}`" not in page] == []
