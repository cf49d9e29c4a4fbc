"""Agents in any language, real processes without any control, drain one board by the command.

Two are shell scripts, two Node programs, four are ``swarm run``: the scripts are those of
docs/any-language.md, word for word. What they ask of the board is recorded where it is asked, in
the journals of a soak, and judged as a soak is. One run is sampled of all that the machine could
do; it shows that a bug is not common, not that it is absent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any, Final

import pytest

from proofs.commands import PATIENCE_SECONDS, done, put_on_path, swarm, until
from proofs.harness.checkers import Promises
from proofs.harness.history import Operation
from proofs.our_board import TaskBoard as OurBoard
from proofs.soak.journal import read_calls
from proofs.soak.judging import Witnessed, judge, overlapping
from proofs.soak.merging import merged
from proofs.workers import recorded_swarm
from strategies.scenarios import PostedTask
from swarm.task import LEASE_SECONDS_DEFAULT, Task, TaskStatus
from swarm.task_board import TaskBoard

SCRIPTS: Final = Path(recorded_swarm.__file__).parent / "any_language"
COUNT_WORDS: Final = """set -f; set -- $SWARM_TASK_DESCRIPTION
echo "{\\"words\\": $#, \\"by\\": \\"$SWARM_AGENT\\"}" """
MUST_HOLD: Final = frozenset(
    ["S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S9", "S11", "S13", "S14", "S18"]
)


def test_agents_in_shell_node_and_by_run_drain_one_board(tmp_path: Path) -> None:
    """6 agents, or 8 where there is node, 18 tasks of which 6 are for all: each granted once, done
    once by the one who was granted it, with the right result, and none is left.
    """
    node = shutil.which("node")
    _drain(tmp_path, {"sh": ["sh", str(SCRIPTS / "agent.sh")], **_node(node)})
    if node is None:
        pytest.skip("node is not installed: shown for the six others only")


def _node(node: str | None) -> dict[str, list[str]]:
    return {} if node is None else {"node": [node, str(SCRIPTS / "agent.mjs")]}


def _drain(directory: Path, scripts: Mapping[str, Sequence[str]]) -> None:
    storage, records = directory / "board", directory / "records"
    records.mkdir()
    tasks = _post(storage, [*scripts, "run"])
    environment = _environment(storage, records, directory / "bin")
    ending, staying = [], []
    try:
        for number in (1, 2):
            for kind, program in scripts.items():
                named = {**environment, "SWARM_AGENT": f"{kind}{number}"}
                ending.append(_start([*program, kind, "any"], named))
            for half in "ab":
                agent = ["--agent", f"run{number}{half}", "--type", "run", "--type", "any"]
                command = ["swarm", "run", "--forever", *agent, "--", "sh", "-c", COUNT_WORDS]
                staying.append(_start(command, environment))
        for process in ending:
            _end(process)
        board = TaskBoard(storage)
        until(lambda: all(t.status is TaskStatus.COMPLETED for t in board.list_all()))
        for process in staying:
            process.send_signal(signal.SIGTERM)
        for process in staying:
            _end(process)
    finally:
        for process in [*ending, *staying]:
            process.kill()
            process.communicate()
    _check_results(storage, tasks)
    _check_history(storage, tasks, records)


def _post(storage: Path, kinds: Sequence[str]) -> list[Task]:
    board = TaskBoard(storage)
    types = ["any"] * 6 + [kind for kind in kinds for _ in range(12 // len(kinds))]
    tasks = [
        Task(f"t{number:02}", task_type, "word * " * number, priority=number % 3)
        for number, task_type in enumerate(types)
    ]
    for task in tasks:
        board.post(task)
    return tasks


def _environment(storage: Path, records: Path, programs: Path) -> dict[str, str]:
    recorded = [sys.executable, recorded_swarm.__file__, str(records)]
    path = put_on_path(programs, recorded)
    return {**os.environ, "PATH": path, "SWARM_STORAGE": str(storage)}


def _start(command: Sequence[str], environment: Mapping[str, str]) -> Popen[str]:
    return Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: Popen[str]) -> None:
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, f"{process.args!r}: {process.returncode}\n{out}{errors}"


def _check_results(storage: Path, tasks: Sequence[Task]) -> None:
    """What each task says at the end, as a person would look at it."""
    shown = {fields["task_id"]: fields for fields in done(swarm(storage, "list", "--json")).objects}
    assert shown.keys() == {task.task_id for task in tasks}
    for task in tasks:
        fields = shown[task.task_id]
        assert (fields["status"], fields["attempts"]) == ("COMPLETED", 1), fields
        words = len(task.description.split())
        assert fields["result"] == {"words": words, "by": fields["claimed_by"]}, fields
        if task.task_type != "any":
            assert fields["claimed_by"].startswith(task.task_type), fields


def _check_history(storage: Path, tasks: Sequence[Task], records: Path) -> None:
    """The judges of a soak, and that they can convict: of a grant that is told twice."""
    witnessed = _witnessed(storage, tasks, records)
    promises = Promises.of(OurBoard)
    verdicts = {verdict.invariant: verdict for verdict in judge(witnessed, promises)}
    wrong = [str(v) for v in verdicts.values() if v.value == "violated"]
    assert not wrong, "\n".join(wrong)
    unsure = [name for name in MUST_HOLD if verdicts[name].value != "holds"]
    assert not unsure, [str(verdicts[name]) for name in unsure]
    assert overlapping(witnessed.operations), "no two agents were ever at work at once"
    by_judges = judge(_granted_twice(witnessed), promises)
    convicted = {v.invariant for v in by_judges if v.value == "violated"}
    assert {"S1", "S2"} <= convicted, convicted


def _witnessed(storage: Path, tasks: Sequence[Task], records: Path) -> Witnessed:
    calls = [call for path in sorted(records.glob("*.jsonl")) for call in read_calls(path)]
    assert all(call.ends for call in calls), "none was killed, and yet there are calls without end"
    operations = merged(calls)
    posted = tuple(
        PostedTask(task.task_id, str(task.task_type), task.priority, task.created_at)
        for task in tasks
    )
    final = [json.loads(task.to_json()) for task in TaskBoard(storage).list_all()]
    for fields in final:
        fields["result"] = _as_of(fields, operations)
    return Witnessed(posted, tuple(operations), LEASE_SECONDS_DEFAULT, final)


def _as_of(fields: dict[str, Any], operations: Sequence[Operation]) -> Any:
    """A result as the checkers know it: who gave it, of which task; as it is, if nobody did."""
    for operation in operations:
        given = [operation.arguments.get(name) for name in ("task_id", "result")]
        if operation.name == "complete" and given == [fields["task_id"], fields["result"]]:
            return {"by": operation.agent, "of": fields["task_id"]}
    return fields["result"]


def _granted_twice(witnessed: Witnessed) -> Witnessed:
    operations = list(witnessed.operations)
    index = next(i for i, o in enumerate(operations) if o.name == "claim_next" and o.answer)
    operations.insert(index + 1, replace(operations[index], agent="another"))
    return replace(witnessed, operations=tuple(operations))
