"""Opens all doors: while this is entered, what agents do goes through their gates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from proofs.harness.doors import (
    chance,
    children,
    descriptors,
    identity,
    listings,
    locks,
    paths,
    pipes,
    pools,
    process_locks,
    programs,
    standing_locks,
    streams,
    thread_locks,
    threads,
    times,
)
from proofs.harness.doors.replacing import modules_that_kept_doors, modules_to_sweep, replaced
from proofs.harness.kept_threads import end_idle_threads


@contextmanager
def interception() -> Iterator[None]:
    """Replace every door, for all threads; only agents notice. Not to be entered twice at once.

    A module that is imported meanwhile, and takes a replaced function under a name of its own,
    keeps it: it passes everybody through who is no agent. Threads that gates have kept end too.
    """
    swept = modules_to_sweep()
    doors = [
        *paths.replacements(),
        *descriptors.replacements(),
        *listings.replacements(),
        *streams.replacements(),
        *locks.replacements(),
        *thread_locks.replacements(),
        *process_locks.replacements(),
        *standing_locks.replacements(swept),
        *threads.replacements(),
        *pools.replacements(),
        *children.replacements(),
        *pipes.replacements(),
        *programs.replacements(),
        *times.replacements(),
        *chance.replacements(),
        *identity.replacements(),
    ]
    try:
        with replaced(doors, [*swept, *modules_that_kept_doors()]):
            yield
    finally:
        end_idle_threads()
