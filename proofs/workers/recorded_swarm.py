"""The command ``swarm``, with what it asks of its board written down: ``DIRECTORY ARGUMENT...``.

The journal is that of a soak (see ``proofs.soak.journal``), one for each process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from proofs.harness.history import words_of_error
from proofs.soak.journal import Journal
from swarm.command.entry import main
from swarm.task import Task
from swarm.task_board import TaskBoard

NAMES: Final = {
    "claim_task": "claim",
    **{
        name: name
        for name in ("claim_next", "start", "renew", "complete", "fail", "release", "cancel")
    },
}
"""The methods that are recorded, and as what."""


def record(directory: str, agent: str) -> None:
    """From now on every board of this process writes down what it is asked."""
    journal = Journal(os.path.join(directory, f"{os.getpid()}.jsonl"))
    for method, name in NAMES.items():
        setattr(TaskBoard, method, _recorded(getattr(TaskBoard, method), name, agent, journal))


def _recorded(
    method: Callable[..., Any], name: str, agent: str, journal: Journal
) -> Callable[..., Any]:
    def call(board: TaskBoard, *values: Any, **named: Any) -> Any:
        number = journal.begin(agent, name, _arguments(name, values, named))
        try:
            answer = method(board, *values, **named)
        except BaseException as raised:
            journal.end(number, "unknown", None, words_of_error(raised, board.storage_path))
            raise
        granted = isinstance(answer, Task)
        told = {"task_id": answer.task_id, "token": answer.token} if granted else None
        journal.end(number, "ok" if granted or answer is True else "refused", told)
        return answer

    return call


def _arguments(name: str, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """As a history has them: of grants the types or the id, of others id, token and result."""
    if name == "claim_next":
        return {"capabilities": values[1]}
    if name == "claim":
        return {"task_id": values[0]}
    result = {"result": named.get("result", *values[1:])} if name == "complete" else {}
    return {"task_id": values[0], "token": named["token"], **result}


def _agent(arguments: list[str]) -> str:
    if "--agent" in arguments:
        return arguments[arguments.index("--agent") + 1]
    return os.environ["SWARM_AGENT"]


if __name__ == "__main__":
    record(sys.argv[1], _agent(sys.argv[2:]))
    sys.exit(main(sys.argv[2:]))
