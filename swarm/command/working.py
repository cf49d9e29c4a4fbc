"""Works on one granted task with a program: what came of it goes to the board, or nothing does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from swarm.command.child import Child
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.granted import environment_of
from swarm.command.output import warn
from swarm.command.signals import Signals
from swarm.errors import InvalidTaskError, LockTimeoutError, SwarmError
from swarm.file_times import stamp_of
from swarm.heartbeat import Heartbeat
from swarm.strict_json import StrictJSONError, parse
from swarm.task import HELD, LEASE_SECONDS_DEFAULT, Task
from swarm.task_board import TaskBoard
from swarm.task_file import ERROR_LENGTH_MAX, SUFFIX

_LOCK_TRIES = 3  # a result that took hours is worth waiting for the lock more than once


@dataclass(frozen=True, slots=True)
class Plan:
    """How tasks are worked on; ``variables`` are for the program, beside those of its task."""

    command: Sequence[str]
    variables: Mapping[str, str]
    retry: bool
    grace_seconds: float
    output_bytes_max: int


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one task: ``completed``, ``failed``, ``retried``, ``released``, ``superseded``.

    ``exit_status`` is the program's, negative for the signal that ended it.
    """

    task_id: str
    token: int
    outcome: str
    words: str
    exit_status: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All six fields."""
        return {name: getattr(self, name) for name in Report.__slots__}


def work(board: TaskBoard, task: Task, plan: Plan, signals: Signals) -> Report:
    """Run the program on a task that was just granted, with the lease kept up, and report.

    Raises ``CommandError``, and the task is pending again, if the program cannot be started.
    """
    began = time.monotonic()
    lease = LEASE_SECONDS_DEFAULT if task.lease_seconds is None else task.lease_seconds
    if not _surely(lambda: board.start(task.task_id, token=task.token)):
        return Report(task.task_id, task.token, *_if(False, ""), 0, 0.0)
    with Heartbeat(board, task.task_id, task.token, lease) as heartbeat:
        grip = _Grip(board, task, heartbeat)
        child = _started(board, task, plan)
        try:
            status = child.run(signals, grip.holds)
        finally:
            child.end()
        outcome, words = _reported(board, task, plan, child, status)
    seconds = round(time.monotonic() - began, 3)
    return Report(task.task_id, task.token, outcome, words, status, seconds)


class _Grip:
    """Whether the task is still ours: by the renewals, and by a look at its file if it changed.

    Without the look, what a person cancels would go on until the next renewal.
    """

    def __init__(self, board: TaskBoard, task: Task, heartbeat: Heartbeat) -> None:
        self._board = board
        self._task = task
        self._heartbeat = heartbeat
        self._path = os.path.abspath(board.storage_path / f"{task.task_id}{SUFFIX}")
        self._stamp = ""

    def holds(self) -> bool:
        """False once it is known to be lost; a file that cannot be read says nothing."""
        if self._heartbeat.lost.is_set():
            return False
        try:
            stamp = stamp_of(os.lstat(self._path))
            if stamp == self._stamp:
                return True
            now = self._board.get(self._task.task_id)
        except (OSError, SwarmError):
            return True
        self._stamp = stamp
        return now is not None and now.token == self._task.token and now.status in HELD


def _started(board: TaskBoard, task: Task, plan: Plan) -> Child:
    known = environment_of(task, os.path.abspath(board.storage_path))
    environment = {**os.environ, **plan.variables, **known}
    try:
        return Child(
            plan.command,
            environment={name: value for name, value in environment.items() if value is not None},
            given=task.to_json_unchecked().encode("ascii") + b"\n",
            output_bytes_max=plan.output_bytes_max,
            grace_seconds=plan.grace_seconds,
        )
    except OSError as error:
        board.release(task.task_id, token=task.token)
        words = f"{plan.command[0]!r} could not be started, {task.task_id!r} is pending again"
        raise CommandError(ExitStatus.USAGE, f"{words}: {error}") from None


def _reported(
    board: TaskBoard, task: Task, plan: Plan, child: Child, status: int
) -> tuple[str, str]:
    """Tell the board; the outcome, and in words why it is not the usual one."""
    if child.stopped_for in ("a signal", "the lease was lost"):
        given_back = _surely(lambda: board.release(task.task_id, token=task.token))
        return _if(given_back, "released", f"stopped by {child.stopped_for}")
    if child.stopped_for is not None:
        return _failed(board, task, child.stopped_for, retry=False)
    if status != 0:
        return _failed(board, task, _failure(status, child), retry=_may_retry(board, task, plan))
    result = result_of(bytes(child.output))
    try:
        done = _surely(lambda: board.complete(task.task_id, result, token=task.token))
    except InvalidTaskError as error:
        return _failed(board, task, f"its output cannot be the result: {error}", retry=False)
    return _if(done, "completed")


def result_of(output: bytes) -> Any:
    """What a program printed, as a result: its JSON as it is, or else ``{"output": text}``."""
    try:
        return parse(output)
    except StrictJSONError:
        return {"output": output.decode("utf-8", "backslashreplace").rstrip("\n")}


def _failure(status: int, child: Child) -> str:
    """How it ended and its last words."""
    if status < 0:
        ended = f"killed by signal {-status}"
        with suppress(ValueError):
            ended = f"killed by {signal.Signals(-status).name}"
    else:
        ended = f"exit status {status}"
    said = child.errors.decode("utf-8", "backslashreplace").strip()
    last = "\n".join(said.splitlines()[-20:])
    return f"{ended}: {last}" if last else ended


def _failed(board: TaskBoard, task: Task, words: str, *, retry: bool) -> tuple[str, str]:
    text = words if len(words) <= ERROR_LENGTH_MAX else "…" + words[1 - ERROR_LENGTH_MAX :]
    done = _surely(lambda: board.fail(task.task_id, text, token=task.token, retry=retry))
    return _if(done, "retried" if retry else "failed", text)


def _may_retry(board: TaskBoard, task: Task, plan: Plan) -> bool:
    """A program that always fails must not have its task back for ever."""
    return plan.retry and (board.attempts_max is None or task.attempts < board.attempts_max)


def _if(done: bool, outcome: str, words: str = "") -> tuple[str, str]:
    lost = "the task is another's by now: nothing was written"
    return (outcome, words) if done else ("superseded", lost)


def _surely(act: Callable[[], bool]) -> bool:
    """Do it, and wait for the lock more than once."""
    for _ in range(_LOCK_TRIES - 1):
        try:
            return act()
        except LockTimeoutError as error:
            warn(f"trying again: {error}")
    return act()
