"""``swarm doctor``: what ails a board, and a new index for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import click

from swarm.command.asked import Asked, board_command
from swarm.command.exit_status import ExitStatus
from swarm.command.output import say, say_json
from swarm.command.refusals import lease_end
from swarm.command.words import one_line, when
from swarm.mount import network_kind
from swarm.task import HELD, Task
from swarm.task_board import TaskBoard


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: its kind, the task and the file it is about, if any, and in words."""

    kind: str
    words: str
    task_id: str | None = None
    path: str | None = None

    def to_json(self) -> dict[str, object]:
        """All four fields."""
        return {name: getattr(self, name) for name in Finding.__slots__}


@board_command("doctor")
@click.option("--create", is_flag=True, help="Make an empty board where there is none.")
@click.option("--check", is_flag=True, help="Look only: leave the index as it is.")
def doctor_command(asked: Asked, create: bool, check: bool) -> ExitStatus:
    """Find what ails the board.

    Makes the index anew; finds stale claims, damaged files and network file systems.
    Exits with 5 if a damaged file lies on the board, with 4 if the lock could not be had.
    """
    board = asked.reader() if check and not create else asked.board(create=create)
    if not check:
        board.rebuild_index()
    findings = list(examine(board, time.time()))
    if asked.as_json:
        for finding in findings:
            say_json(finding.to_json())
        say_json({"kind": "summary", "findings": len(findings), "index": _index_words(check)})
    else:
        say(one_line(f"{finding.kind}: {finding.words}") for finding in findings)
        count = f"{len(findings)} found" if findings else "nothing found"
        say(f"{count}; the index was {_index_words(check)}")
    is_damaged = any(finding.kind == "damaged" for finding in findings)
    return ExitStatus.DAMAGED if is_damaged else ExitStatus.DONE


def examine(board: TaskBoard, now: float) -> Iterator[Finding]:
    """All there is to find; reading only."""
    kind = network_kind(board.storage_path)
    if kind is not None:
        words = f"the board lies on {kind}: claims are exclusive only if it keeps flock"
        yield Finding("network", words, path=str(board.storage_path))
    for damage in board.damaged():
        yield Finding("damaged", str(damage), path=damage.source)
    for file in board.quarantined():
        words = f"{file.task_id!r} was moved to {file.path}: {file.reason}"
        yield Finding("quarantined", words, file.task_id, str(file.path))
    for task in board.list_all():
        if task.status in HELD and task.is_stale(now):
            yield _stale(task, now)


def _stale(task: Task, now: float) -> Finding:
    ends = lease_end(task)
    if ends > now:
        why = f"is dated ahead of this clock, {when(task.claimed_at or 0.0, now)}"
    else:
        why = f"lapsed {when(ends, now)}"
    words = f"the claim of {task.claimed_by!r} on {task.task_id!r}, attempt {task.attempts}, {why}"
    return Finding("stale", words, task.task_id)


def _index_words(check: bool) -> str:
    return "left as it is" if check else "made anew"
