"""What a call makes of an error of the system, as judges see it: R1, S13 and S16."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.harness.checkers import check
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import violations
from strategies.faults import Fault
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

BOARDS = """
import os
from proofs.broken_boards.base import LockAndScan
from proofs.safe_boards.none_when_it_cannot_read import Board as Silent

class Leaves(LockAndScan):
    "Clears up where the move fails, and not where the write does."
    def write(self, task):
        temporary = self.temporary(task.task_id)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(task.to_json_unchecked())
        with self.removed_on_error(temporary):
            os.replace(temporary, self.file(task.task_id))

class Links(Leaves):
    "The same, by a second name and the removal of the first one."
    def write(self, task):
        temporary, file = self.temporary(task.task_id), self.file(task.task_id)
        with open(temporary, "w", encoding="utf-8") as opened:
            opened.write(task.to_json_unchecked())
        if os.path.exists(file):
            os.unlink(file)
        os.link(temporary, file)
        os.unlink(temporary)

class Tells(Silent):
    promises = {**Silent.promises, "tells_errors": True}

class LeavesOut(Silent):
    def tasks(self):
        try:
            yield from super().tasks()
        except OSError:
            return

class LeavesOutAndTells(LeavesOut):
    promises = Tells.promises
"""

WRITE = "write .t1.*.tmp"
CLAIM, COMPLETE = Ask("claim_next"), Ask("complete")


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("boards") / "boards.py"
    path.write_text(BOARDS)
    return str(path)


def convicted(board: str, root: Path, program: tuple[Ask, ...], fault: Fault) -> list[str]:
    """The invariants that one agent on one task is convicted of."""
    scenario = Scenario((PostedTask("t1"),), (("a1", program),), faults=(fault,))
    with Gates(ProvenBoard.named(board), root / "board") as gates:
        execution = gates.run(scenario, "threads")
        assert any(step.fault for step in execution.trace)
        return [one.invariant for one in violations(check(execution, gates.board.promises))]


@pytest.mark.parametrize("name", ["Leaves", "Links"])
@pytest.mark.parametrize(
    ("program", "occurrence", "expected"),
    [
        pytest.param((CLAIM, COMPLETE), 2, ["R1"], id="another call moved one"),
        pytest.param((CLAIM,), 1, [], id="nobody can know what it was to become"),
    ],
)
def test_a_temporary_file_is_known_by_what_another_call_does_with_one(
    boards: str,
    tmp_path: Path,
    name: str,
    program: tuple[Ask, ...],
    occurrence: int,
    expected: list[str],
) -> None:
    fault = Fault("a1", "before", WRITE, occurrence, "ENOSPC")
    assert convicted(f"{boards}:{name}", tmp_path, program, fault) == expected


def test_what_was_opened_by_a_name_that_nobody_was_told_is_no_leak(tmp_path: Path) -> None:
    board = "proofs.safe_boards.temporary_by_mkstemp:Board"
    fault = Fault("a1", "after", "open w create exclusive .t1.*.tmp", 2, "EIO")
    assert not convicted(board, tmp_path, (CLAIM, COMPLETE), fault)


@pytest.mark.parametrize(
    ("name", "ask", "what", "expected"),
    [
        ("Silent", "claim_next", "EIO", None),
        ("Tells", "claim_next", "EIO", "S13"),
        ("Tells", "claim_next", "EACCES", None),
        ("LeavesOut", "list_all", "EIO", None),
        ("LeavesOutAndTells", "list_all", "EIO", "S16"),
        ("LeavesOutAndTells", "list_all", "ENOENT", None),
    ],
)
def test_who_could_not_read_may_keep_quiet_unless_the_board_promises_to_tell(
    boards: str, tmp_path: Path, name: str, ask: str, what: str, expected: str | None
) -> None:
    """But of a file that is said not to be there, or another user's, no board knows better."""
    fault = Fault("a1", "before", "open r t1.json", 1, what)
    found = convicted(f"{boards}:{name}", tmp_path, (Ask(ask),), fault)
    assert expected in found if expected else not found
