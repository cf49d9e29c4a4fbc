"""Ids of processes differ from run to run; in the names of files they are called ``<pid>``.

Agents are told the real ids: libraries compare the one that they saw when they were imported with
the one that they see now, and take another one for a fork (filelock does). So a name made of it is
the same for all agents that are threads, as it is in one process, and only what a trace calls it is
the same at every gate and in every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from proofs.harness.agents import acting
from proofs.harness.doors.replacing import Replacement

_real_getpid = os.getpid


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``os.getpid``."""
    yield Replacement(os, "getpid", _getpid)


def _getpid() -> int:
    pid = _real_getpid()
    agent = acting.agent
    if agent is not None:
        agent.places.aliases[str(pid)] = "<pid>"
    return pid
