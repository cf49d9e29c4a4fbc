"""What a loss of power may not do to a task that was final, and that a prune put away."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Final

from proofs.harness.disk import Model, crash_states
from proofs.harness.execution import Execution
from proofs.harness.persistence.changes import ChangeLog, DirectoryState

ARCHIVE: Final = ".archive/"
STATES_MAX: Final = 2_000
"""Of each moment; past it a sample."""


def archive_losses(execution: Execution, model: Model, name: str) -> Iterator[str]:
    """In words, each moment from the prune on after which the final file ``name`` is not kept.

    ``execution`` is recorded, and ends with an agent's one prune. Until that returns the file is on
    the board or in the archive, whole; afterwards in the archive, and not on the board.
    """
    log, prune = execution.changes, execution.history.operations[-1]
    assert log is not None and prune.name == "prune" and prune.outcome == "ok", prune
    begin = sum(step <= prune.invoked_at for step in log.steps)
    [final] = _kept_under(log, begin, "K", name)
    for at in range(begin, len(log.changes) + 1):
        is_over = at == len(log.changes)
        for state in _states(log, at, model):
            there = {path for path, data in state.files if data == final}
            told = f"{at - begin} changes after a prune began, model {model}: {name} is"
            if not any(path == name or path.startswith(ARCHIVE) for path in there):
                yield f"{told} neither on the board nor in the archive"
            elif is_over and name in dict(state.files):
                yield f"{told} on the board again"


def _kept_under(log: ChangeLog, at: int, model: Model, name: str) -> set[bytes]:
    return {dict(state.files)[name] for state in _states(log, at, model)}


def _states(log: ChangeLog, at: int, model: Model) -> Set[DirectoryState]:
    return crash_states(log, at, model, states_max=STATES_MAX, forgotten=".index").states
