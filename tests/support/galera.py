"""A real Galera cluster of MariaDB servers on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

from .mariadb import MariaDB
from .ports import free_port

_LIBRARIES = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
_EMPTY = "00000000-0000-0000-0000-000000000000:-1"


def _library() -> str:
    found = next((path for path in _LIBRARIES if Path(path).exists()), None)
    assert found, "Galera is missing; `apt-get install galera-4` installs it"
    return found


class Node(MariaDB):
    """One server of a cluster. After a crash it takes what it has missed from the others."""

    def __init__(self) -> None:
        super().__init__(options=("--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"))
        self.group_port = free_port()
        self._transfer_port, self._copy_port = free_port(), free_port()

    def join(self, addresses: str, *, first: bool = False) -> None:
        """Start as a member; the first one begins the cluster."""
        provider = (
            f"base_port={self.group_port};gmcast.listen_addr=tcp://127.0.0.1:{self.group_port};"
            f"ist.recv_addr=127.0.0.1:{self._transfer_port};gcache.size=64M;pc.recovery=false;"
            "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.keepalive_period=PT0.3S;"
            "evs.inactive_check_period=PT0.3S"
        )
        options = [
            "--wsrep-on=ON",
            f"--wsrep-provider={_library()}",
            f"--wsrep-cluster-address={'gcomm://' if first else addresses}",
            f"--wsrep-node-address=127.0.0.1:{self.group_port}",
            f"--wsrep-provider-options={provider}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{self._copy_port}",
            *(["--wsrep-new-cluster"] if first else []),
        ]
        before = list(self._options)
        self._options += options
        if not first:
            self._options.append(f"--wsrep-start-position={self._position()}")
        try:
            self.start()
        finally:
            self._options = before

    def copy_from(self, other: MariaDB) -> None:
        """Begin with the data of a server that is stopped."""
        shutil.copytree(other.folder / "data", self.folder / "data")
        if self.user:
            for path in (self.folder / "data", *(self.folder / "data").rglob("*")):
                shutil.chown(path, self.user)

    def _position(self) -> str:
        """Return the last transaction that this server has: a crashed one asks InnoDB."""
        state = (self.folder / "data" / "grastate.dat").read_text(encoding="utf-8")
        found = dict(re.findall(r"^(uuid|seqno):\s+(\S+)$", state, re.MULTILINE))
        return f"{found['uuid']}:{found['seqno']}" if found.get("seqno", "-1") != "-1" else self._recovered()

    def _recovered(self) -> str:
        said = subprocess.run(
            self.command("--wsrep-on=ON", f"--wsrep-provider={_library()}", "--wsrep-recover"),
            capture_output=True,
            text=True,
            errors="replace",
            cwd=self.folder,
            user=self.user,
            timeout=60,
            check=False,
        )
        position = re.findall(r"Recovered position: (\S+)", said.stderr)
        return position[-1] if position else _EMPTY


class Galera:
    """Three nodes that replicate to each other; any of them takes writes."""

    def __init__(self, size: int = 3) -> None:
        self.nodes = [Node() for _ in range(size)]

    @property
    def addresses(self) -> str:
        """Where the nodes find each other."""
        return "gcomm://" + ",".join(f"127.0.0.1:{node.group_port}" for node in self.nodes)

    def start(self) -> Galera:
        """Start all nodes, from one and the same data, so that none has to send everything to another."""
        first, *others = self.nodes
        first.join(self.addresses, first=True)
        first.stop()
        for other in others:
            other.copy_from(first)
        first.join(self.addresses, first=True)
        for other in others:
            other.join(self.addresses)
        self.wait_until_complete()
        return self

    def rejoin(self, node: Node) -> None:
        """Start a node that was killed, and wait until it has what it missed."""
        node.join(self.addresses)
        self.wait_until_complete()

    def wait_until_complete(self, timeout: float = 60) -> None:
        """Wait until every node is in step with the others."""
        deadline = time.monotonic() + timeout
        while not all(_is_synced(node, len(self.nodes)) for node in self.nodes):
            assert time.monotonic() < deadline, "the cluster does not come together"
            time.sleep(0.1)

    def close(self) -> None:
        """Kill the nodes and remove their data."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Galera:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _is_synced(node: Node, size: int) -> bool:
    rows = node.execute("SHOW STATUS WHERE Variable_name IN ('wsrep_local_state_comment', 'wsrep_cluster_size')")
    return dict(rows) == {"wsrep_local_state_comment": "Synced", "wsrep_cluster_size": str(size)}
