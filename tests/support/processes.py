"""Other programs as children that never outlive the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# Reads until the tests close the pipe or die, then kills what they started.
_LIFELINE = 'read -r _; kill -s KILL -- "-$1"'


class Process:
    """A program in a process group of its own, writing to a log file.

    When the tests themselves are killed, the whole group is killed as well.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                start_new_session=True,
            )
        self._lifeline = subprocess.Popen(
            ["/bin/sh", "-c", _LIFELINE, "lifeline", str(self.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Id of the program, and of its process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the program ended (negative: the signal); None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the program alone."""
        self._process.send_signal(number)

    def stop(self, timeout: float = 15) -> int:
        """Ask the program to end, wait, and give its exit code; the rest of its group is killed.

        Raises:
            AssertionError: it did not end in time; it is killed then.
        """
        if self.running:
            self._process.terminate()
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {timeout:g} s of SIGTERM\n{self.log_tail()}") from None
        finally:
            self.kill()
        return code

    def kill(self) -> None:
        """Kill the whole process group at once, as a power cut would, and wait until the program is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._lifeline.kill()
        self._lifeline.communicate()

    def log_tail(self, lines: int = 60) -> str:
        """The end of what the program has written."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])
