"""Whether this processor has the instructions that LanceDB is compiled for; without them it would die of SIGILL."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from aimo.errors import ConfigurationError

_CPUINFO = Path("/proc/cpuinfo")
_X86 = ("x86_64", "amd64")

NEEDED: Final = ("avx2", "fma", "f16c")
"""Flags in `/proc/cpuinfo` of what LanceDB's wheels for x86-64 use without asking."""

# The same library, which asks first.
_COMPATIBLE = "lancedb-compat"


def require_instructions() -> None:
    """Check the processor; call it before `lancedb` is imported.

    Raises:
        ConfigurationError: it lacks something; the text says what, and what to do.
    """
    if platform.machine().lower() not in _X86:
        return
    try:
        with _CPUINFO.open(encoding="utf-8", errors="replace") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return  # Not Linux, or not shown in here: nothing is known.
    missing = missing_instructions(flags)
    if missing and not _is_installed(_COMPATIBLE):
        raise ConfigurationError(
            f"This processor has no {', '.join(missing).upper()}, which LanceDB needs (Intel from Haswell, 2013; AMD "
            "from Excavator, 2015). In a virtual machine choose the processor of the host (CPU type `host`); on an "
            f"older machine run `pip uninstall -y lancedb && pip install {_COMPATIBLE}=={version('lancedb')}`"
        )


def missing_instructions(cpuinfo: str) -> tuple[str, ...]:
    """Return which of the needed flags the first processor of `/proc/cpuinfo` lacks; none where it lists no flags."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            flags = value.split()
            return tuple(flag for flag in NEEDED if flag not in flags)
    return ()


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
