"""What a loss of power may not do to a file that a call moves: from the board into the archive or
into quarantine, or back from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Final

from proofs.harness.disk import MODELS, Model, crash_states
from proofs.harness.execution import Execution
from proofs.harness.persistence.changes import ChangeLog, DirectoryState

ARCHIVE: Final = ".archive/"
QUARANTINE: Final = ".quarantine/"
STATES_MAX: Final = 2_000
"""Of each moment, where nothing else is said; past it a sample."""


def moving_losses(
    execution: Execution, model: Model, old: str, new: str, states_max: int = STATES_MAX
) -> Iterator[str]:
    """In words, each moment from the last call on after which the file ``old`` is not kept.

    ``execution`` is recorded, and ends with the one call that moves the file to a path that begins
    with ``new``. Until that returns the file is in the one place or the other, whole; afterwards at
    the new one, and not at the old one.
    """
    log, call = execution.changes, execution.history.operations[-1]
    assert log is not None and call.outcome == "ok", call
    begin = sum(step <= call.invoked_at for step in log.steps)
    [moved] = {dict(state.files)[old] for state in _states(log, begin, "K", 1)}
    for at in range(begin, len(log.changes) + 1):
        is_over = at == len(log.changes)
        for state in _states(log, at, model, states_max):
            there = {path for path, data in state.files if data == moved}
            is_new = any(path.startswith(new) for path in there)
            told = f"{at - begin} changes after {call.name} began, model {model}: {old} is"
            if not is_new and (is_over or old not in there):
                yield f"{told} neither there nor below {new}"
            elif is_over and old in dict(state.files):
                yield f"{told} there again"


def losses_by_model(
    execution: Execution, old: str, new: str, states_max: int = STATES_MAX
) -> dict[Model, str]:
    """All of them, by the model that allows them; empty where there are none."""
    return {
        model: "; ".join(moving_losses(execution, model, old, new, states_max)) for model in MODELS
    }


def _states(log: ChangeLog, at: int, model: Model, most: int) -> Set[DirectoryState]:
    return crash_states(log, at, model, states_max=most, forgotten=".index").states
