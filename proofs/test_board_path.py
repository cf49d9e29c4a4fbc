"""A board is found by its name, with what lies beside it, here and in worker processes alike."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.harness.board_path import BoardPathError, load_board
from proofs.harness.execution import run
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

ROOT = str(Path(__file__).resolve().parents[1])

# One imports what lies beside it at once, the other only when it is asked.
BOARD = """
import beside_it

class Board:
    def __init__(self, storage_path):
        self.path = storage_path

    def post(self, task):
        open(f"{self.path}/{task.task_id}", "x").close()

    def claim_next(self, agent_id):
        from also_beside_it import claimed
        return claimed(self.path, beside_it.ids(self.path))

not_callable = 7
"""
BESIDE = """
import os

def ids(path):
    return sorted(os.listdir(path))
"""
ALSO_BESIDE = """
import os

def claimed(path, ids):
    for task_id in ids:
        os.unlink(f"{path}/{task_id}")
        return task_id
"""
CLAIM_EACH = Scenario(
    (PostedTask("t1"), PostedTask("t2")),
    (("a1", (Ask("claim_next"),)), ("a2", (Ask("claim_next"),))),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the board lies; neither it nor the working directory is on the path, as in pytest."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "board_of_one_s_own.py").write_text(BOARD)
    (folder / "beside_it.py").write_text(BESIDE)
    (folder / "also_beside_it.py").write_text(ALSO_BESIDE)
    here = os.getcwd()
    monkeypatch.setattr(sys, "path", [at for at in sys.path if at not in ("", here)] + [ROOT])
    yield folder
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("form", ["a file", "a module"])
def test_a_board_imports_what_lies_beside_it_here_and_in_forked_and_new_workers(
    form: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_file = form == "a file"
    monkeypatch.chdir(tmp_path if is_file else folder)
    text = "project/board_of_one_s_own.py:Board" if is_file else "board_of_one_s_own:Board"
    board = load_board(text)
    assert sys.path[-1] == str(folder) and sys.path.count(str(folder)) == 1
    with interception(), ProcessGate(text) as workers:
        here = run(CLAIM_EACH, board, tmp_path / "board")
        granted = [operation.answer["task_id"] for operation in here.history.operations]
        assert granted == ["t1", "t2"]
        assert run(CLAIM_EACH, board, tmp_path / "board", workers) == here
        os.kill(workers.pids[0], signal.SIGKILL)
        assert run(CLAIM_EACH, board, tmp_path / "board", workers) == here


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("swarm.task_board", "must be MODULE:CALLABLE or path/file.py:CALLABLE"),
        ("swarm.task_board:NoBoard", "must name something in swarm.task_board"),
        ("swarm.task_board:__name__", "must name a callable"),
        ("board_of_one_s_own:not_callable", "must name a callable, got .*, a int"),
        ("no/such/file.py:Board", "must name what can be imported.*FileNotFoundError"),
        (
            "swarm.no_such_module:Board",
            "ModuleNotFoundError.*; looked for swarm.no_such_module in .*/project and among what "
            "is installed; start where it lies, or name its file",
        ),
        (
            "alone/board_of_one_s_own.py:Board",
            "No module named 'beside_it'.*; looked for beside_it in .*/project/alone and among "
            "what is installed; put it there, or install it",
        ),
        ("alone/relative.py:Board", "relative import.*; name a file that is part of a package by"),
        ("alone/broken.py:Board", r"must name what can be .*\(ZeroDivisionError: .* zero\)$"),
    ],
)
def test_what_names_no_board_is_refused_with_what_was_tried_and_what_to_do(
    text: str, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "alone").mkdir()
    (folder / "alone" / "board_of_one_s_own.py").write_text(BOARD)
    (folder / "alone" / "relative.py").write_text("from . import beside_it")
    (folder / "alone" / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(folder)
    before = list(sys.path)
    with pytest.raises(BoardPathError, match=told):
        load_board(text)
    assert [at for at in sys.path if at != str(folder)] == before
