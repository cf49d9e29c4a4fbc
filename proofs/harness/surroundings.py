"""What a run stood on: the versions and the file system, told with each result."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("swarm-proofs", "hypothesis", "filelock", "pytest")
_MOUNTS: Final = Path("/proc/mounts")


def surroundings(folder: Path) -> dict[str, str]:
    """Versions of Python and packages, the system, and the file system that ``folder`` is on."""
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "system": f"{platform.system()} {platform.release()}",
        "file system": file_system(folder),
    }


def file_system(folder: Path) -> str:
    """The type of the file system under a path, "unknown" where the machine does not tell."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    path, found = os.path.realpath(folder), ("", "unknown")
    for fields in (line.split() for line in mounts):
        place = fields[1].replace("\\040", " ")
        is_below = path == place or path.startswith(place.rstrip("/") + "/")
        if is_below and len(place) >= len(found[0]):
            found = (place, fields[2])
    return found[1]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed" if package not in sys.modules else "unknown"
