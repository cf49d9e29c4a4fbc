"""Under guard an effect that took no door is told by name, and nothing else is."""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import logging
import mmap
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proofs import test_agents_children, test_heartbeats
from proofs.benchmarks.executions import LeanBoard
from proofs.broken_boards.base import LockAndScan
from proofs.harness.adapter import Board
from proofs.harness.checkers import check
from proofs.harness.execution import Execution, run
from proofs.harness.guard import audit
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.kept_threads import end_idle_threads
from proofs.harness.processes import ProcessGate
from proofs.planted_bugs import BROKEN, SAFE, drawn, name_of
from proofs.test_broken_boards import IS_DEEP
from proofs.ways_around import EARLY, WAYS, Around
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task_board import TaskBoard

pytestmark = pytest.mark.usefixtures("open_doors")

SCENARIOS = 50 if IS_DEEP else 1
TOLD = {
    "early write": "a1 called posix.write at ways_around.py:",
    "early read": "a1 called posix.read at ways_around.py:",
    "early lock": "a1 called fcntl.flock on t1.json at ways_around.py:",
    "early raw file": "a1 called FileIO.readall on t1.json at ways_around.py:",
    "early open": "a1 called open on t1.json at ways_around.py:",
    "early vector": "a1 called posix.writev at ways_around.py:",
    "early stat": "a1 called posix.stat at ways_around.py:",
    "early listing": "a1 called os.listdir on . at ways_around.py:",
    "early unlink": "a1 called os.remove on t1.json at ways_around.py:",
    "early replace": "a1 called os.rename on t1.json -> t8.json at ways_around.py:",
    "early descriptor": "a1 called open on t1.json at ways_around.py:",
    "library": "a1 made t9.json outside all doors, by no call that can be seen",
    "library function": "a1 called ctypes.dlsym on unlink at ways_around.py:",
    "database": "a1 called sqlite3.connect on tasks.db at ways_around.py:",
    "mapping": "a1 called mmap.__new__ on t1.json at ways_around.py:",
    "child": "a1 called subprocess.Popen at ways_around.py:",
    "shell": "a1 called os.system at ways_around.py:",
    "signal": "a1 called os.kill at ways_around.py:",
    "real clock": "a1 called time.clock_gettime at ways_around.py:",
    "real calendar": "a1 called time.gmtime at ways_around.py:",
    "real date": "a1 called datetime.now at ways_around.py:",
    "real sleep": "a1 called time.sleep at ways_around.py:",
    "real chance": "a1 called random.random at ways_around.py:",
    "wait": "a1 called select.select at ways_around.py:",
    "taken lock": "a1 called lock.acquire at ways_around.py:",
    "process lock": "a1 called SemLock.acquire at ways_around.py:",
    "bare thread": "a1 called _thread.start_new_thread at ways_around.py:",
    "link": "a1 reached t1.json by a symbolic link, which no door follows",
    "profiler": "a1 called sys.setprofile at ways_around.py:",
    "in a thread": "a1.1 called posix.stat at ways_around.py:",
    "in a child": "a1.c1 called posix.stat at ways_around.py:",
    "socket": "a1 called socket.send at ways_around.py:",
}
CLAIM = (Ask("claim_next"),)
WALK = Interleaving(kind="walk", seed=3)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessGate]:
    with ProcessGate("proofs.ways_around:Around") as gate:
        yield gate


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "board"


def asking(*names: str) -> Scenario:
    """One agent takes these ways, another claims."""
    asks = tuple(Ask("get", name) for name in names)
    return Scenario((PostedTask("t1"),), (("a1", asks), ("a2", CLAIM)), WALK)


@pytest.mark.parametrize("gate", ["threads", "processes"])
@pytest.mark.parametrize("way", TOLD)
def test_a_way_around_the_doors_is_told_by_name(
    way: str, gate: str, processes: ProcessGate, root: Path
) -> None:
    at = processes if gate == "processes" else None
    execution = run(asking(way), Around, root, at, guarded=True)
    assert any(words.startswith(TOLD[way]) for words in execution.unseen), execution.unseen
    for verdict in check(execution):
        assert verdict.value in ("unknown", "not applicable"), verdict
        if verdict.value == "unknown":
            assert execution.unseen[0] in verdict.words


def test_every_way_around_is_proven() -> None:
    assert WAYS.keys() - TOLD.keys() == {"descriptor of others"}


def test_a_descriptor_that_another_agent_opened_is_told(root: Path) -> None:
    """Only where agents share one: in threads."""
    asks = (Ask("get", "descriptor of others"),)
    scenario = Scenario((PostedTask("t1"),), (("a1", asks), ("a2", asks)))
    execution = run(scenario, Around, root, guarded=True)
    assert "a2 reached t1.json by a descriptor opened elsewhere, which no door follows" in (
        execution.unseen
    )


def test_what_went_unseen_stays_so_without_the_guard(processes: ProcessGate, root: Path) -> None:
    for gate in (None, processes):
        execution = run(asking("early stat"), Around, root, gate)
        assert execution.unseen == ()
        assert {verdict.value for verdict in check(execution)} == {"holds", "not applicable"}


class Harmless(LockAndScan):
    """Does in an operation what concerns no board, as boards do."""

    def get(self, task_id: str) -> Any:
        DEEDS[task_id]()


def imports() -> None:
    for name in ("colorsys", "sndhdr" if sys.version_info < (3, 13) else "this"):
        sys.modules.pop(name, None)
        try:
            importlib.import_module(name)
        except DeprecationWarning:
            pass
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "module_of_this_test.py").write_text("X = 1")
        sys.path.insert(0, folder)
        try:
            importlib.import_module("module_of_this_test")
        finally:
            sys.path.remove(folder)
            del sys.modules["module_of_this_test"]


def logs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        handler = logging.FileHandler(Path(folder, "log"))
        handler.setFormatter(logging.Formatter("%(asctime)s %(thread)s %(message)s"))
        logger = logging.Logger("harmless")
        logger.addHandler(handler)
        logger.error("said", exc_info=ValueError("x"))
        handler.close()


def formats_a_traceback() -> None:
    try:
        raise ValueError
    except ValueError:
        traceback.format_exc()


def makes_temporary_files() -> None:
    with tempfile.NamedTemporaryFile("w") as one, tempfile.TemporaryDirectory() as folder:
        one.write("x")
        one.flush()
        shutil.copy2(one.name, f"{folder}/copy")
        shutil.copytree(folder, f"{folder}/tree")
        with EARLY["builtin open"](f"{folder}/copy") as file:
            file.read()
        EARLY["listdir"](folder)


def keeps_a_database_in_memory() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (x)")
    connection.close()


def maps_memory() -> None:
    with mmap.mmap(-1, 10) as memory:
        memory[0:1] = b"x"


def tells_the_time() -> None:
    time.strftime("%Y", time.gmtime(0))
    EARLY["gmtime"](0)
    time.time()
    time.sleep(1)
    EARLY["datetime"].fromtimestamp(0)


def locks() -> None:
    one, other = threading.Lock(), threading.RLock()
    with one, other:
        pass
    lock = EARLY["allocate_lock"]()
    lock.acquire()
    lock.release()


def collects_garbage() -> None:
    """While a tool of the proofs reads the clock at each collection, as Hypothesis does."""
    tool = {"__name__": "hypothesis.internal", "monotonic": EARLY["monotonic"]}
    exec("def read(phase, info): monotonic()", tool)
    gc.callbacks.append(tool["read"])
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(tool["read"])


DEEDS: dict[str, Callable[[], object]] = {
    "imports": imports,
    "logs": logs,
    "formats a traceback": formats_a_traceback,
    "makes temporary files": makes_temporary_files,
    "keeps a database in memory": keeps_a_database_in_memory,
    "maps memory": maps_memory,
    "tells the time": tells_the_time,
    "locks": locks,
    "makes ids": lambda: (uuid.uuid4(), uuid.uuid1(), uuid.getnode()),
    "collects garbage": collects_garbage,
    "draws": lambda: (random.random(), random.randint(0, 9), random.Random(3).random()),
    "writes and reads json": lambda: json.loads(json.dumps({"x": 1.5})),
    "inspects": lambda: (inspect.getsource(run), inspect.signature(run)),
    "prints": lambda: print("said"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_touches_no_board_is_not_told(deed: str, root: Path) -> None:
    execution = run(asking(deed), Harmless, root, guarded=True)
    assert [o.error for o in execution.history.operations] == [None, None]
    assert execution.unseen == ()


BOARDS: dict[str, Any] = {name_of(module): module.Board for module in BROKEN + SAFE} | {
    "swarm": partial(TaskBoard, durability="kill"),
    "lean": LeanBoard,
}


def without_unseen(execution: Execution) -> dict[str, Any]:
    fields = ("history", "trace", "stuck", "lacking", "final", "descriptors", "final_error")
    return {name: getattr(execution, name) for name in fields}


@pytest.mark.parametrize("name", BOARDS)
def test_no_board_of_ours_is_told_of_and_the_guard_changes_nothing(name: str, root: Path) -> None:
    chance = random.Random(name)
    for _ in range(SCENARIOS):
        scenario = drawn(chance, chance.choice(BROKEN), 60)
        guarded = run(scenario, BOARDS[name], root, guarded=True)
        assert guarded.unseen == ()
        assert without_unseen(guarded) == without_unseen(run(scenario, BOARDS[name], root))


@pytest.mark.parametrize("name", ["Working", "Beaten", "Forking"])
def test_threads_and_children_of_agents_are_not_told_of_either(name: str, root: Path) -> None:
    board = {**test_heartbeats.BOARDS, "Forking": test_agents_children.BOARD}[name]
    programs = (("a1", (Ask("claim_next"), Ask("complete"))), ("a2", CLAIM))
    scenario = Scenario((PostedTask("t1"),), programs, WALK)
    guarded = run(scenario, board, root, guarded=True)
    assert guarded.unseen == ()
    assert without_unseen(guarded) == without_unseen(run(scenario, board, root))


@pytest.mark.parametrize(
    "board",
    [
        "swarm.task_board:TaskBoard",
        "proofs.safe_boards.filelock_lock:Board",
        "proofs.benchmarks.executions:LeanBoard",
    ],
)
def test_in_processes_the_guard_changes_nothing_either(board: str, root: Path) -> None:
    module, _, name = board.partition(":")
    here: Board = getattr(importlib.import_module(module), name)
    chance = random.Random(board)
    with ProcessGate(board) as gate:
        for _ in range(4):
            scenario = drawn(chance, chance.choice(BROKEN), 60)
            guarded = run(scenario, here, root, gate, guarded=True)
            assert guarded.unseen == ()
            assert without_unseen(guarded) == without_unseen(run(scenario, here, root, gate))


def test_nothing_stays_hooked_after_a_guarded_run(root: Path) -> None:
    run(asking("early stat"), Around, root, guarded=True)
    assert sys.getprofile() is None
    assert audit.watched_threads() == 0
    assert run(asking("early stat"), Around, root).unseen == ()


def test_a_profiler_that_is_at_work_stays_and_is_told(root: Path) -> None:
    def profiler(*_: object) -> None:
        pass

    scenario = Scenario((PostedTask("t1"),), (("a1", CLAIM),))
    end_idle_threads()
    threading.setprofile(profiler)  # in each thread that begins from now on
    try:
        executions = [run(scenario, LockAndScan, root, guarded=True) for _ in range(2)]
    finally:
        threading.setprofile(None)
        end_idle_threads()
    told = ("a1 could not be watched: a profiler, a function, is at work already",)
    assert [execution.unseen for execution in executions] == [told, told]


def test_the_first_execution_is_guarded_and_then_one_in_fifty() -> None:
    schedule = GuardSchedule()
    due = [schedule.is_due() for _ in range(101)]
    assert [number for number, is_due in enumerate(due) if is_due] == [0, 50, 100]
