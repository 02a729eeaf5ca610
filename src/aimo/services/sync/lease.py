"""A role that only one process may have at a time, kept by a row in the database."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import leases as lease_queries
from aimo.db.queries.leases import HolderRow

log = structlog.get_logger(__name__)

_SECONDS = 4.0


def _process_start_time(pid: int) -> str:
    """When a process of this machine started, as the kernel counts; empty where it is gone or unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _pid_namespace() -> str:
    """Return where a PID means the same process as it does here; empty where the kernel does not tell."""
    try:
        # Kernels number their first namespaces alike, so the number means something within one boot only.
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _holder_is_gone(holder: str) -> bool:
    """Return whether a holder was a process of this PID namespace that runs no more; when in doubt, no."""
    host, pid, started, namespace = ([*holder.split("|"), "", "", ""])[:4]
    # Containers may share the host name, and still not see each other's processes.
    if host != socket.gethostname() or not namespace or namespace != _pid_namespace():
        return False
    return pid.isdigit() and bool(started) and _process_start_time(int(pid)) != started


class LeaseRow:
    """Holds a role as long as the process lives and reaches the database.

    A process that loses the database stops believing in its lease before anybody else can take it.
    """

    def __init__(self, database: Database, name: str, *, seconds: float = _SECONDS) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        pid = os.getpid()
        # The last number distinguishes two leases of one process, as tests have them.
        self.holder = f"{socket.gethostname()}|{pid}|{_process_start_time(pid)}|{_pid_namespace()}|{id(self)}"
        self._believed_until = 0.0
        self._written = 0
        self._others = _Renewals(seconds)
        self._failures = FailureLog(log, "lease renewal failed", over=f"the lease {name} can be renewed again")
        self._task: asyncio.Task[None] | None = None
        self.taken = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether this process has the role right now."""
        return time.monotonic() < self._believed_until

    async def start(self) -> None:
        """Try once, then keep trying and renewing in the background."""
        await self._try()
        self._task = asyncio.create_task(self._run(), name=f"lease-{self._name}")

    async def stop(self) -> None:
        """Give the role back, so that another process has it at once."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.held:
            self._believed_until = 0.0
            try:
                async with asyncio.timeout(2), self._database.reads() as connection:
                    await lease_queries.release(connection, lease=self._name, me=self.holder)
            except Exception as error:  # noqa: BLE001 (it expires by itself)
                log.warning("lease release failed", lease=self._name, error=type(error).__name__)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 4)
            await self._try()

    async def _try(self) -> None:
        asked = time.monotonic()
        had = self.held
        try:
            async with asyncio.timeout(self._seconds / 2):
                got = await self._take()
        except Exception as error:  # noqa: BLE001 (whatever it is, the lease runs out and is tried for again)
            self._failures.failed(error, lease=self._name)
            return
        self._failures.succeeded()
        self._believed_until = asked + self._seconds * 0.75 if got else 0.0
        if got and not had:
            log.info("lease taken", lease=self._name)
            self.taken.set()
        if not got:
            self.taken.clear()

    async def _take(self) -> bool:
        async with self._database.reads() as connection:
            expiry = self._next_expiry()
            seen = await lease_queries.holder(connection, lease=self._name)
            if seen is None:
                await lease_queries.create_unless_known(
                    connection, lease=self._name, holder=self.holder, expires_at=expiry
                )
                seen = await lease_queries.holder(connection, lease=self._name)
            dead = seen if seen and (_holder_is_gone(seen.holder) or self._others.have_ended(seen)) else None
            return await lease_queries.take(connection, lease=self._name, me=self.holder, expires_at=expiry, dead=dead)

    def _next_expiry(self) -> int:
        """Return another moment than the last time, even by a clock that stands still."""
        expiry = clock.now_ms() + int(self._seconds * 1000)
        self._written = expiry + (expiry == self._written)
        return self._written


class _Renewals:
    """For how long the holder of a lease has not renewed it, as this process has seen it by its monotonic clock.

    No clock of day is believed: it may have been ahead when the row was written, or be now.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: HolderRow | None = None
        self._since = 0.0

    def have_ended(self, seen: HolderRow) -> bool:
        """Return whether the row has stood unchanged for as long as a lease lasts."""
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since >= self._seconds
