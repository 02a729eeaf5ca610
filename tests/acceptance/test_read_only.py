"""The server needs no more than compose.yaml gives it: one data folder, one folder for temporary files, no privilege.

Taking the rest away takes root, as containers give it.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.backups import PICTURE
from tests.support.server import AIMO, Server

# Everything becomes read-only but the two folders and the kernel's own file systems; then privileges are given up.
_CONTAINED = """
set -e
mount --bind "$1" "$1"
mount -t tmpfs -o size=256m,noexec,nosuid,nodev tmpfs "$2"
while read -r _ _ _ _ point _; do
  case $point in
    "$1"|"$2"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;;
    *) mount -o remount,bind,ro "$point" ;;
  esac
done < /proc/self/mountinfo
shift 2
exec setpriv --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


class ContainedServer(Server):
    """A server that can write to its data folder and one for temporary files only."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "tmp"
        settings = {
            "NODE_ENV": "production",
            "JWT_SECRET": "0123456789abcdef0123456789abcdef",
            "EMBEDDER": "local",
            "WORKERS": "2",
            "TMPDIR": str(self.scratch),
            "HOME": "/nonexistent",
        }
        super().__init__(folder, settings)
        for path in (self.data_dir, self.scratch):
            path.mkdir(mode=0o700)
        contained = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _CONTAINED, "sh")
        self.command = (*contained, str(self.data_dir), str(self.scratch), str(AIMO), "serve")  # type: ignore[misc]


def test_a_server_without_privileges_writes_to_its_data_and_temporary_folders_only(tmp_path: Path) -> None:
    running = ContainedServer(tmp_path / "contained")
    try:
        running.start()
        for pid in (running.process.pid, *children(running.process.pid)):
            status = Path(f"/proc/{pid}/status").read_text()
            assert set(re.findall(r"Cap(?:Prm|Eff|Bnd|Inh):\s+(\w+)", status)) == {"0" * 16}
            assert re.search(r"NoNewPrivs:\s+1", status)
            mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
            assert [line for line in mounts if line.split()[4] == "/" and line.split()[5].startswith("ro")]
        client = running.user()
        upload = {"file": ("a.png", PICTURE, "image/png")}
        kept = client.post("/attachments/upload", files=upload).data["attachment"]
        memo = client.post("/memos", {"content": "snow", "attachments": [kept["attachmentId"]]}).data["memo"]
        client.post("/user/avatar", files={"avatar": ("me.png", PICTURE, "image/png")}).data  # noqa: B018
        assert client.get(f"/memos/{memo['memoId']}").code == 0
        assert client.post("/memos/search/vector", {"query": "snow"}).code == 0
        assert client.http.get("/readyz").status_code == 200
        log = running.log.read_text(encoding="utf-8")
        assert "Read-only file system" not in log
        assert "Permission denied" not in log
    finally:
        running.close()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]
