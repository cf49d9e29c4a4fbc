"""The command ``swarm`` as its callers meet it: its status, and what it printed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest.mock import patch

import swarm as library
from swarm.command.entry import main
from swarm.command.exit_status import ExitStatus
from swarm.task import Task, TaskType
from swarm.task_board import TaskBoard

SOURCES = Path(library.__file__).parents[1]
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.out.splitlines()

    @property
    def objects(self) -> list[Any]:
        """What it printed, as JSON."""
        return [json.loads(line) for line in self.lines]

    @property
    def error(self) -> str:
        """The one line on standard error."""
        [line] = self.err.splitlines()
        return line


def swarm(
    storage: Path | None,
    *arguments: str,
    given: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> Said:
    """Call the command in this process; no variable of ours reaches it but these."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", newline="") for _ in range(2))
    others = {name: value for name, value in os.environ.items() if name[:6] != "SWARM_"}
    named = () if storage is None else ("--storage", str(storage))
    with (
        patch.dict(os.environ, {**others, **(variables or {})}, clear=True),
        patch.object(sys, "stdin", TextIOWrapper(BytesIO(given), "utf-8")),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = main([*named, *arguments])
    return Said(status, *(_text(stream) for stream in (out, err)))


def started(
    storage: Path, *arguments: str, variables: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start it as a process of its own, its output in pipes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-m", "swarm", "--storage", str(storage), *arguments],
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES), **(variables or {})},
        **{**pipes, **options},
    )
    _started.append(process)
    return process


_started: list[subprocess.Popen[str]] = []


def end_all() -> None:
    """None of those that were started is left, whatever became of the test."""
    while _started:
        process = _started.pop()
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> Said:
    """Wait for it."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Said(process.returncode, out or "", err or "")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
        command = ["ps", "-o", "stat=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        state = shown.stdout.strip()
    return state[:1] not in ("", "Z", "X")


def until(holds: Callable[[], Any]) -> None:
    """Wait for what will be, whatever the machine is busy with."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def put_on_path(directory: Path, program: Sequence[str]) -> str:
    """Make a ``swarm`` in ``directory`` that is this program; the PATH that finds it first."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "swarm"
    words = " ".join(f"'{word}'" for word in program)
    file.write_text(f'#!/bin/sh\nPYTHONPATH="{SOURCES}" exec {words} "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def _text(stream: TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue().decode("utf-8")


def two_tasks(storage: Path) -> Path:
    """A board at ``storage`` with two pending tasks, t1 to be granted before t2."""
    board = TaskBoard(storage)
    board.post(Task("t1", TaskType.CODE_ANALYSIS, "look", priority=1, payload={"n": 1}))
    board.post(Task("t2", "translate", "", priority=2))
    return storage


def task_of(storage: Path, task_id: str) -> Task:
    """The task as the board has it now."""
    task = TaskBoard(storage, read_only=True).get(task_id)
    assert task is not None
    return task


def done(said: Said) -> Said:
    """It was done, and nothing was said on standard error."""
    assert (said.status, said.err) == (0, ""), said
    return said


def failed(said: Said, status: ExitStatus, *words: str) -> Said:
    """It printed nothing but one line on standard error, which has these words."""
    assert (said.status, said.out) == (status, ""), said
    for word in words:
        assert word in said.error, said
    return said
