"""Agents that fork amid their last call and die by SIGKILL, while their child lives on.

``python -m proofs.workers.forking_agent DIRECTORY OPERATION`` does so before each effect of one
call on our board, one after the other, until a call ends with no kill left to make; after each a
fresh board must do all that can be done without waiting. Prints a line of JSON for each: the
effect, whether there is a child (a fork beside a call waits while the lock file is opened or
closed), and what went wrong.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from proofs.harness.agents import nobody_acting
from proofs.harness.clock import SharedTime
from proofs.harness.effects import Effect
from proofs.harness.execution import run_in_threads
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.interception import interception
from proofs.harness.proven_board import ProvenBoard
from proofs.one_call import scenario_of
from proofs.our_board import TaskBoard as OurBoard
from proofs.proving import OUR_BOARD
from strategies.scenarios import START, Scenario
from swarm.after_fork import fork_gate
from swarm.task import Task
from swarm.task_board import TaskBoard

T = TypeVar("T")

WENT_TO_ITS_END: Final = 3
LOCK_SECONDS: Final = 5.0
"""Nobody waits for a lock that nobody holds; a child that keeps it keeps it longer than this."""


class ForkingAgent(GatedAgent):
    """Before an effect of its last call another thread of its process forks, and all of it dies."""

    def __init__(self, calls: int, effect: int, told: int, *args: Any) -> None:
        super().__init__(*args)
        self._calls, self._effects, self._told = calls, effect, told

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """As any agent, up to that effect."""
        if self._calls == 0:
            self._effects -= 1
            if self._effects == 0:
                self._fork_and_die(effect)
        self._calls -= effect.kind == "call"
        return super().perform(effect, act, may_wait=may_wait)

    def _fork_and_die(self, effect: Effect) -> None:
        child: list[int] = []
        with nobody_acting():
            thread = threading.Thread(target=partial(_fork, child))
            thread.start()
            thread.join()
            line = json.dumps({"effect": effect.label(), "child": child[0] if child else None})
            os.write(self._told, line.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def _fork(child: list[int]) -> None:
    """Not where it would have to wait for the thread that is amid the call."""
    if not fork_gate.acquire(blocking=False):
        return
    fork_gate.release()
    pid = os.fork()
    if pid == 0:
        os.closerange(0, 3)  # nobody waits for what it may print
        signal.pause()
        os._exit(1)
    child.append(pid)


def _die_amid(scenario: Scenario, effect: int, root: Path) -> dict[str, Any] | None:
    """What an agent told that died before this effect of its last call; None if it did not die."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        calls = len(scenario.programs[0][1])
        with interception():
            kind = partial(ForkingAgent, calls, effect, write)
            run_in_threads(scenario, OurBoard, root, SharedTime(int(START * 1e9)), kind=kind)
        os._exit(WENT_TO_ITS_END)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    with open(read, "rb") as pipe:  # which the child has, too: it does not end
        told = os.read(pipe.fileno(), 10_000) if os.WIFSIGNALED(status) else b""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        found: dict[str, Any] = json.loads(told)
        return found
    if os.waitstatus_to_exitcode(status) != WENT_TO_ITS_END:
        raise RuntimeError(f"the agent must die or come to its end, got status {status}")
    return None


def _go_on(root: Path) -> str | None:
    """What keeps another agent from its work, if anything does."""
    board = TaskBoard(str(root), lock_timeout=LOCK_SECONDS, durability="kill")
    try:
        while (task := board.claim_next("a2")) is not None:
            board.complete(task.task_id, {}, token=task.token)
        board.post(Task("later", "CODE_ANALYSIS", "afterwards"))
        board.list_all()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def main(directory: str, operation: str) -> None:
    """Before the first effect, before the second, and so on."""
    root = Path(directory, "board")
    scenario = scenario_of(ProvenBoard.named(OUR_BOARD), operation)
    alone = replace(scenario, programs=scenario.programs[:1])
    for number in itertools.count(1):
        shutil.rmtree(root, ignore_errors=True)
        board = OurBoard(str(root))
        for task in alone.tasks:
            board.post(Task(task.task_id, task.task_type, "", priority=task.priority))
        told = _die_amid(alone, number, root)
        if told is None:
            return
        wrong = _go_on(root)
        if told["child"]:
            os.kill(told["child"], signal.SIGKILL)
        print(json.dumps(told | {"child": bool(told["child"]), "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
