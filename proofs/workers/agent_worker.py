"""One agent in an interpreter of its own; run as ``python agent_worker.py STORAGE AGENT_ID``.

With ``--gate`` it prints ``ready`` once the board is open, and claims nothing before it has read
``go`` from its standard input. It then works on up to ``--tasks-max`` tasks, until there is none
that it can handle, and reports through the board alone: the result of each task says what this
process knows of itself, and a task whose payload has ``hand_on`` is followed by a task for the
type of agent that it names.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from swarm.swarm_agent import SwarmAgent
from swarm.task import Task, TaskType
from swarm.task_board import TaskBoard


def main(arguments: Sequence[str]) -> int:
    """Work; 0 if every result was taken, 1 if the gate was never opened."""
    options = _options(arguments)
    descriptors = _open_descriptors()  # before the board opens its own
    board = TaskBoard(options.storage)
    types = options.types or list(TaskType)

    def work(task: Task) -> dict[str, Any]:
        handed_on = _hand_on(board, task)
        return _own_facts(options.agent_id, descriptors) | {"handed_on": handed_on} | task.payload

    agent = SwarmAgent(options.agent_id, board, types, dict.fromkeys(types, work))
    if options.gate and not _wait_at_gate():
        return 1
    for _ in range(options.tasks_max):
        if agent.work_cycle() is None:
            break
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("storage")
    parser.add_argument("agent_id")
    parser.add_argument("--types", nargs="+", help="what it can handle; the four known ones")
    parser.add_argument("--tasks-max", type=int, default=1000)
    parser.add_argument("--gate", action="store_true")
    return parser.parse_args(arguments)


def _wait_at_gate() -> bool:
    print("ready", flush=True)
    return sys.stdin.readline() == "go\n"


def _hand_on(board: TaskBoard, task: Task) -> str | None:
    """Post what follows on this task, with a word that nobody but this process knows yet."""
    if "hand_on" not in task.payload:
        return None
    word = os.urandom(8).hex()
    follows = task.payload["hand_on"]
    board.post(Task(f"{task.task_id}-next", follows, "handed on", payload={"word": word}))
    return word


def _own_facts(agent_id: str, descriptors: dict[str, str]) -> dict[str, Any]:
    return {
        "agent_id": agent_id,
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "environment": sorted(os.environ),
        "directory": os.getcwd(),
        "descriptors": descriptors,
    }


def _open_descriptors() -> dict[str, str]:
    """Which file descriptors are open, and what kind of thing each is."""
    kinds = {0o010000: "pipe", 0o020000: "device", 0o100000: "file", 0o140000: "socket"}
    found = {}
    for descriptor in range(1024):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        found[str(descriptor)] = kinds.get(mode & 0o170000, oct(mode))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
