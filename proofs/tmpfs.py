"""A tiny file system in memory, to be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(at: Path, *options: str) -> Iterator[Path]:
    """One with these mount options; skips the test, with the reason, where there is none."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can mount a file system")
    if shutil.which("mount") is None:
        pytest.skip("not applicable: there is no mount")
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(at)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"not applicable: no tmpfs can be mounted: {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True, capture_output=True)
        at.rmdir()
