"""The command ``swarm``, with what it asks of its board written down: ``DIRECTORY ARGUMENT...``.

Each call is a line when it begins and one when it ends, so that of one that was killed it is known
that nobody knows. Times are those of the one clock that all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from swarm.command.entry import main
from swarm.task import Task
from swarm.task_board import TaskBoard

NAMES = ("claim_next", "claim_task", "start", "renew", "complete", "fail", "release", "cancel")


def record(directory: str, agent: str) -> None:
    """From now on every board of this process writes down what it is asked."""
    path = os.path.join(directory, f"{os.getpid()}.jsonl")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def write(**fields: Any) -> None:
        moment = {"at": time.monotonic_ns(), "time": time.time()}
        os.write(log, (json.dumps({**fields, **moment}) + "\n").encode())

    for name in NAMES:
        setattr(TaskBoard, name, _recorded(getattr(TaskBoard, name), name, agent, write))


def _recorded(
    method: Callable[..., Any], name: str, agent: str, write: Callable[..., None]
) -> Callable[..., Any]:
    def call(board: TaskBoard, *values: Any, **named: Any) -> Any:
        arguments = _arguments(name, values, named)
        write(begins=name, agent=agent, arguments=arguments)
        answer = method(board, *values, **named)
        granted = isinstance(answer, Task)
        told = {"task_id": answer.task_id, "token": answer.token} if granted else None
        outcome = "ok" if granted or answer is True else "refused"
        write(ends=name, outcome=outcome, answer=told)
        return answer

    return call


def _arguments(name: str, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """As a history has them: of grants the types or the id, of others id, token and result."""
    if name == "claim_next":
        return {"capabilities": values[1]}
    if name == "claim_task":
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
