"""HAProxy with the profile that AIMO ships for clusters."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from .ports import free_port
from .processes import Process

PROFILE = Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"


class HAProxy:
    """In front of three servers on this machine."""

    def __init__(self, ports: Sequence[int], log: Path) -> None:
        program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        assert program, "HAProxy is missing; `apt-get install haproxy` installs it"
        self.port = free_port()
        nodes = {f"NODE{number}": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)}
        listens = {"LISTEN": f"127.0.0.1:{self.port}"}
        self._process = Process([program, "-db", "-f", str(PROFILE)], log=log, env={**nodes, **listens})

    def __enter__(self) -> HAProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
