"""What a handler did not expect is logged with its traceback; that the database is away, in a line a minute."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from litestar.testing import AsyncTestClient
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from aimo.db.failure_log import FailureLog
from aimo.http.output import envelope

ERRORS: dict[str, Exception] = {
    "away": OperationalError("SELECT 1", {}, Exception(2003, "Connection refused")),
    "bug": KeyError("a"),
    "file": PermissionError(13, "Permission denied", "/somewhere"),
    "slow": TimeoutError(),
}


@get("/{name:str}", opt={"failure": {}}, sync_to_thread=False)
def fail(name: FromPath[str]) -> None:
    raise ERRORS[name]


async def logged_for(names: list[str]) -> list[Any]:
    app = Litestar([fail], exception_handlers=envelope.EXCEPTION_HANDLERS, openapi_config=None)
    async with AsyncTestClient(app) as client:
        with capture_logs() as logged:
            for name in names:
                assert (await client.get(f"/{name}")).status_code == 200
    return logged


def test_an_outage_is_told_once_and_everything_else_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_outages", FailureLog(envelope.log, "a request failed for want of the database"))
    logged = asyncio.run(logged_for(["away", "bug", "away", "bug", "file", "slow", "away"]))
    told, *others = logged
    assert told["event"] == "a request failed for want of the database"
    assert "check MYSQL_HOST" in told["reason"] and "exc_info" not in told
    assert [type(entry["exc_info"]).__name__ for entry in others] == [
        "KeyError",
        "KeyError",
        "PermissionError",
        "TimeoutError",
    ]
