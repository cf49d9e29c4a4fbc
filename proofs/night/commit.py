"""Which commit of the code a night ran on."""

from __future__ import annotations

import subprocess
from typing import Final

UNKNOWN: Final = "unknown"


def commit() -> str:
    """That of the repository in which the command runs, with a plus if it was changed since."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return UNKNOWN
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if changed else head


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
