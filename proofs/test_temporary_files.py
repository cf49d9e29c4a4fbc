"""What the tempfile module makes, writes and takes away is seen, and its names are by chance."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, ClassVar

import pytest

from proofs.broken_boards.base import LockAndScan
from proofs.harness.clock import SharedTime
from proofs.harness.execution import run
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario
from swarm.task import Task

USES = (
    *("mkstemp", "mkdtemp", "directory", "spooled", "without a name"),
    *("named", "named and kept", "named and deleted at exit", "named and dropped"),
)


def use(kind: str, path: str) -> None:
    """Make a temporary file below ``path`` in this way, write to it and let it go."""
    if kind == "mkstemp":
        descriptor, name = tempfile.mkstemp(dir=path)
        os.close(descriptor)
        os.unlink(name)
    elif kind == "mkdtemp":
        os.rmdir(tempfile.mkdtemp(dir=path))
    elif kind.startswith("named"):
        named(kind, path)
    elif kind == "directory":
        with tempfile.TemporaryDirectory(dir=path) as folder:
            Path(folder, "file").write_text("x")
    elif kind == "spooled":
        with tempfile.SpooledTemporaryFile(8, dir=path) as file:
            file.write(b"more than eight")
    else:
        with tempfile.TemporaryFile(dir=path) as unnamed:
            unnamed.write(b"x")


def named(kind: str, path: str) -> None:
    """NamedTemporaryFile deletes at close, at the end of the block, when dropped, or never."""
    if kind == "named and dropped":
        tempfile.NamedTemporaryFile(dir=path).write(b"x")  # noqa: SIM115
        return
    late: dict[str, Any] = {"delete_on_close": False} if sys.version_info >= (3, 12) else {}
    options = {"named and kept": {"delete": False}, "named and deleted at exit": late}
    with tempfile.NamedTemporaryFile(dir=path, **options.get(kind, {})) as file:
        file.write(b"x")
        file.flush()
        if kind == "named and deleted at exit" and late:
            file.close()
    if kind == "named and kept":
        os.unlink(file.name)


class Board(LockAndScan):
    """Its ``get`` looks for no task, but uses temporary files in the way of this name."""

    def get(self, task_id: str) -> Task | None:
        use(task_id, self.path)
        return None


def test_each_use_of_temporary_files_is_seen_and_the_same_again_at_either_gate(
    doors: None, tmp_path: Path
) -> None:
    asks = tuple(Ask("get", kind) for kind in USES)
    walk = Interleaving("walk", seed=1)
    scenario = Scenario((PostedTask("t1"),), (("a1", asks), ("a2", asks)), walk)
    root = tmp_path / "board"
    first = run(scenario, Board, root, guarded=True)
    assert not first.unseen and {o.outcome for o in first.history.operations} == {"ok"}
    assert first.files == (".board.lock", "t1.json")
    with ProcessGate(f"{__name__}:Board") as gate:
        assert first == run(scenario, Board, root) == run(scenario, Board, root, gate)


@pytest.mark.parametrize("kind", USES)
def test_a_temporary_file_is_made_and_taken_away_before_the_eyes_of_all(
    kind: str, doors: None, tmp_path: Path
) -> None:
    gate = ThreadGate(tmp_path, Switches({}), SharedTime(int(START * 1e9)))
    gate.run({"a1": lambda: use(kind, str(tmp_path))})
    kinds = [step.effect.kind for step in gate.trace]
    assert kinds[0] == ("mkdir" if kind in ("mkdtemp", "directory") else "open")
    assert kinds[-1] in ("unlink", "rmdir", "close")


class Clocked:
    """A class keeps functions of C as they are: they are no methods."""

    now: ClassVar[Any] = time.time
    named: ClassVar[Any] = staticmethod(time.time)


def test_what_a_class_keeps_is_a_door_and_is_put_back(tmp_path: Path) -> None:
    before = dict(vars(Clocked))
    seen: list[float] = []
    with interception():
        gate = ThreadGate(tmp_path, Switches({}), SharedTime(int(START * 1e9)))
        gate.run({"a1": lambda: seen.extend([Clocked().now(), Clocked.now(), Clocked().named()])})
    assert seen == pytest.approx([START] * 3, abs=1)
    assert dict(vars(Clocked)) == before


def kept_by(module: ModuleType) -> Iterator[Any]:
    """What a module has under names of its own, of its classes, and as defaults."""
    classes = [one for one in vars(module).values() if isinstance(one, type)]
    classes = [one for one in classes if one.__module__ == module.__name__]
    for value in chain(vars(module).values(), *(vars(one).values() for one in classes)):
        function = getattr(value, "__func__", value)
        yield function
        if isinstance(function, FunctionType):
            yield from (function.__defaults__ or ())


MODULES = "bz2 configparser csv dbm.dumb filecmp fileinput glob gzip json lzma mailbox pathlib"
MODULES += " pickle queue sched shelve shutil tarfile tempfile uuid zipfile"
DOORS = "listdir lstat link mkdir open read remove rename replace rmdir scandir stat unlink write"


def test_python_s_own_modules_for_files_keep_nothing_from_before_the_doors_opened() -> None:
    modules = [import_module(name) for name in MODULES.split()]
    before = {id(getattr(os, name)): name for name in DOORS.split()}
    before |= {id(open): "open", id(time.monotonic): "monotonic", id(time.sleep): "sleep"}

    def keepers() -> set[str]:
        return {one.__name__ for one in modules if any(id(v) in before for v in kept_by(one))}

    those = keepers()
    assert {"bz2", "sched", "tarfile", "tempfile"} <= those
    with interception():
        assert not keepers()
    assert keepers() == those
