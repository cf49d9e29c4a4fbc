"""One writer at a time, threads and processes and forks alike, and no lock outlives its holder."""

from __future__ import annotations

import os
import queue
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from filelock import FileLock, Timeout

from proofs.file_trees import differences, file_tree
from proofs.interpreters import Interpreter
from swarm import board_lock
from swarm.board_lock import BoardLock
from swarm.errors import LockTimeoutError
from swarm.task import Task
from swarm.task_board import TaskBoard

SOON = 0.05  # seconds; how long to wait for a lock that is known to be held

HOLD_THE_LOCK = """
import os, sys, time
from swarm.task_board import TaskBoard

def clock():
    if sys.argv[2] == "forks":
        read_end, write_end = os.pipe()
        if os.fork() == 0:
            os.close(write_end)
            os.read(read_end, 1)  # until the parent is dead
            print("orphan", flush=True)
            time.sleep(3600)
    print("inside", flush=True)
    sys.stdin.readline()
    return time.time()

board = TaskBoard(sys.argv[1], clock=clock, durability="kill")
print(board.claim("t0", "holder"), flush=True)
"""

CLAIM_ALL = """
import sys
from swarm.task_board import TaskBoard
board = TaskBoard(sys.argv[1], durability="kill")
print("ready", flush=True)
sys.stdin.readline()
tasks = iter(lambda: board.claim_next("a process"), None)
print(",".join(task.task_id for task in tasks), flush=True)
"""

forks_beside_threads = pytest.mark.filterwarnings(
    "ignore:.*multi-threaded, use of fork:DeprecationWarning"
)


@pytest.fixture
def board(tmp_path: Path) -> TaskBoard:
    """A board with one pending task, t0."""
    return board_with(tmp_path / "board", "t0")


def board_with(storage: Path, *task_ids: str, lock_timeout: float = 30.0) -> TaskBoard:
    board = TaskBoard(storage, durability="kill", lock_timeout=lock_timeout)
    for task_id in task_ids:
        board.post(Task(task_id, "CODE_ANALYSIS", ""))
    return board


def impatient(board: TaskBoard) -> TaskBoard:
    return TaskBoard(board.storage_path, durability="kill", lock_timeout=SOON)


WRITES: dict[str, Callable[[TaskBoard], object]] = {
    "post": lambda board: board.post(Task("t1", "CODE_ANALYSIS", "")),
    "claim": lambda board: board.claim("t0", "a1"),
    "claim_next": lambda board: board.claim_next("a1"),
    "start": lambda board: board.start("t0"),
    "renew": lambda board: board.renew("t0"),
    "complete": lambda board: board.complete("t0", 1),
    "fail": lambda board: board.fail("t0", "why"),
    "release": lambda board: board.release("t0"),
    "cancel": lambda board: board.cancel("t0"),
    "requeue": lambda board: board.requeue("t0"),
    "prune": lambda board: board.prune(),
}


def test_a_lock_held_elsewhere_is_named_with_the_time_and_nothing_is_written(
    board: TaskBoard,
) -> None:
    waiting = impatient(board)
    lock = board.storage_path / ".board.lock"
    with Interpreter(HOLD_THE_LOCK, board.storage_path, "waits") as holder:
        holder.expect("inside")
        before = file_tree(board.storage_path)
        for name, write in WRITES.items():
            with pytest.raises(LockTimeoutError) as caught:
                write(waiting)
            error = caught.value
            assert (error.path, error.timeout_seconds) == (lock, SOON), name
            assert str(lock) in str(error) and f"{SOON:g} s" in str(error), (name, str(error))
            assert isinstance(error, TimeoutError), name
        changed = differences(before, file_tree(board.storage_path))
        assert not changed, f"written without the lock: {changed}"
        holder.say("go on")
        holder.expect("True")
    assert not waiting.claim("t0", "a1"), "the holder of the lock has claimed it meanwhile"
    assert waiting.complete("t0", "usable afterwards")


def test_the_lock_of_a_killed_agent_is_free_at_once(board: TaskBoard) -> None:
    with Interpreter(HOLD_THE_LOCK, board.storage_path, "waits") as holder:
        holder.expect("inside")
        with pytest.raises(LockTimeoutError):
            impatient(board).claim("t0", "a1")
        holder.kill()
        assert impatient(board).claim("t0", "a1"), "the killed agent had claimed nothing yet"


def test_the_lock_of_a_killed_agent_is_free_at_once_though_its_child_lives_on(
    board: TaskBoard,
) -> None:
    with Interpreter(HOLD_THE_LOCK, board.storage_path, "forks") as holder:
        holder.expect("inside")
        holder.kill()
        holder.expect("orphan")  # said by the child, which is alive
        assert impatient(board).claim("t0", "a1"), "the child keeps the lock of its killed parent"


def test_the_board_contends_with_filelock_on_the_same_file(board: TaskBoard) -> None:
    path = board.storage_path / ".board.lock"
    with FileLock(path), pytest.raises(LockTimeoutError):
        impatient(board).claim("t0", "a1")
    refused: list[bool] = []

    def clock() -> float:
        with pytest.raises(Timeout):
            FileLock(path).acquire(timeout=0)
        refused.append(True)
        return 0.0

    other = TaskBoard(board.storage_path, clock=clock, durability="kill")
    assert other.claim("t0", "a1")
    assert refused
    with FileLock(path, timeout=0):
        pass


# A lock file that goes away.


def test_a_lock_file_replaced_between_operations_is_followed_by_all(board: TaskBoard) -> None:
    other = impatient(board)
    path = board.storage_path / ".board.lock"
    board.claim("t0", "a1")
    other.renew("t0")  # both have locked the file that goes now
    for remake in (path.unlink, path.touch):
        remake()
        with BoardLock(path, SOON).held():
            for each in (impatient(board), other):
                with pytest.raises(LockTimeoutError):
                    each.release("t0")
    path.unlink()
    with Interpreter(HOLD_THE_LOCK, board.storage_path, "waits") as holder:
        holder.expect("inside")  # of the new file that it has made
        with pytest.raises(LockTimeoutError):
            other.release("t0")


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_lock_file_that_goes_while_a_board_waits_does_not_let_two_in(
    board: TaskBoard, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """The waiter has opened the old file; a second writer locks the new one; only one is inside."""
    path = board.storage_path / ".board.lock"
    old, new = BoardLock(path, 30.0), BoardLock(path, 30.0)
    waiter_is: queue.Queue[str] = queue.Queue()
    look_again = threading.Semaphore(0)

    def sleep(seconds: float) -> None:
        waiter_is.put("waiting")
        look_again.acquire(timeout=30)

    def enter() -> None:
        with BoardLock(path, 30.0).held():
            waiter_is.put("inside")

    monkeypatch.setattr("swarm.board_lock.time.sleep", sleep)
    with ThreadPoolExecutor(1) as pool, open_lock(old) as let_old_go:
        waiter = pool.submit(enter)
        assert waiter_is.get(timeout=30) == "waiting"  # it has opened the lock file: it is held
        path.unlink()
        if replaced:
            path.touch()
        with open_lock(new) as let_new_go:
            let_old_go()
            look_again.release()
            now = waiter_is.get(timeout=30)
            let_new_go()
            look_again.release()
            assert now == "waiting", "two are inside: one by the old file, one by the new"
        waiter.result(30)
    assert waiter_is.get(timeout=30) == "inside"


@contextmanager
def open_lock(lock: BoardLock) -> Iterator[Callable[[], None]]:
    """Hold the lock until what is yielded is called, at the latest until the end."""
    holding = lock.held()
    holding.__enter__()
    held = [holding]

    def let_go() -> None:
        while held:
            held.pop().__exit__(None, None, None)

    try:
        yield let_go
    finally:
        let_go()


def test_processes_that_find_no_lock_file_grant_each_task_once(tmp_path: Path) -> None:
    """Two interpreters and a board here, let go together, each having to make the lock file."""
    task_ids = [f"t{number:02d}" for number in range(60)]
    board = board_with(tmp_path, *task_ids)
    with Interpreter(CLAIM_ALL, tmp_path) as one, Interpreter(CLAIM_ALL, tmp_path) as two:
        one.expect("ready")
        two.expect("ready")
        (tmp_path / ".board.lock").unlink()
        one.say("go")
        two.say("go")
        mine = [task.task_id for task in iter(lambda: board.claim_next("a1"), None)]
        theirs = [task_id for each in (one, two) for task_id in each.line().split(",") if task_id]
    granted = sorted(mine + theirs)
    assert granted == task_ids, f"granted twice or never: {granted}"


# Threads.


@pytest.mark.parametrize("boards", [1, 4], ids=["one board object", "four boards"])
def test_threads_on_boards_of_one_process_exclude_each_other(tmp_path: Path, boards: int) -> None:
    """4 threads look for work on 60 tasks: never two within an operation, each granted once."""
    inside: list[int] = []
    met: list[list[int]] = []

    def clock() -> float:
        inside.append(threading.get_ident())
        os.sched_yield()
        if len(inside) > 1:
            met.append(list(inside))
        inside.pop()
        return 0.0

    task_ids = [f"t{number:02d}" for number in range(60)]
    board_with(tmp_path, *task_ids)
    opened = [TaskBoard(tmp_path, clock=clock, durability="kill") for _ in range(boards)]
    gate = threading.Barrier(4)

    def drain(number: int) -> list[str]:
        board = opened[number % boards]
        gate.wait()
        return [task.task_id for task in iter(lambda: board.claim_next(f"a{number}"), None)]

    with ThreadPoolExecutor(4) as pool:
        granted = sorted(task_id for found in pool.map(drain, range(4)) for task_id in found)
    assert granted == task_ids, f"granted twice or never: {granted}"
    assert not met, f"two threads were inside at a time: {met}"


def test_a_thread_waits_for_another_on_the_same_board_only_so_long(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def clock() -> float:
        inside.set()
        go_on.wait(30)
        return 0.0

    board_with(tmp_path, "t0")
    board = TaskBoard(tmp_path, clock=clock, durability="kill", lock_timeout=SOON)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(board.claim, "t0", "a1")
        assert inside.wait(30)
        try:
            with pytest.raises(LockTimeoutError, match=f"within {SOON:g} s"):
                board.claim("t0", "a2")
        finally:
            go_on.set()
        assert first.result(30)
    assert board.release("t0"), "usable afterwards"


@pytest.mark.parametrize(
    ("what", "name"),
    [
        pytest.param("c_return", "acquire", id="right after the thread lock was taken"),
        pytest.param("call", "_close", id="as the lock file is about to be closed"),
    ],
)
def test_a_handler_that_raises_keeps_no_other_thread_and_no_other_agent_out(
    tmp_path: Path, what: str, name: str
) -> None:
    """At a moment that no scenario can name, as nothing is done to a file: Python tells it."""
    board = board_with(tmp_path, "t0", "t1", "t2", lock_timeout=SOON)

    def handler(frame: FrameType, event: str, of: Any) -> None:
        called = getattr(of, "__name__", frame.f_code.co_name)
        if frame.f_code.co_filename == board_lock.__file__ and (event, called) == (what, name):
            sys.setprofile(None)
            raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            board.claim_next("interrupted")
    finally:
        sys.setprofile(before)
    assert impatient(board).claim_next("another agent")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(board.claim_next, "another thread").result(30)


# Forks.


def in_child(work: Callable[[], object]) -> str:
    """What ``work`` gives in a forked child, or "raised …"; the child ends with it."""
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on, forks beside threads
        pid = os.fork()
    if pid == 0:
        try:
            told = str(work())
        except BaseException as error:
            told = f"raised {error!r}"
        os.write(write_end, told.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told


def test_a_forked_child_and_its_parent_work_on_the_board_each_on_its_own(tmp_path: Path) -> None:
    board = board_with(tmp_path, *(f"t{number}" for number in range(6)))
    granted = []
    for agent in ("parent", "child", "parent", "child"):
        if agent == "parent":
            task = board.claim_next("parent")
            granted.append(task.task_id if task else None)
        else:
            granted.append(in_child(lambda: board.claim_next("child").task_id))  # type: ignore[union-attr]
    assert granted == ["t0", "t1", "t2", "t3"]
    assert in_child(lambda: board.complete("t0", "by the child")) == "True"
    assert board.complete("t1", "by the parent")
    tokens = [task.token for task in board.list_all() if task.token]
    assert sorted(tokens) == tokens and len(set(tokens)) == 4, tokens
    assert in_child(lambda: [task.task_id for task in board.get_pending()]) == "['t4', 't5']"


@forks_beside_threads
def test_a_child_forked_beside_an_operation_neither_waits_for_it_nor_frees_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's thread is inside claim_next, with half of its pages changed, when it forks."""
    board = board_with(tmp_path, "t0", "t1", "t2")
    inside, go_on = threading.Event(), threading.Event()
    put = board._index.put

    def pause(*arguments: Any) -> Any:
        done = put(*arguments)
        inside.set()
        go_on.wait(30)
        return done

    monkeypatch.setattr(board._index, "put", pause)
    with ThreadPoolExecutor(1) as pool:
        claim = pool.submit(board.claim_next, "parent")
        assert inside.wait(30)
        try:
            waited = in_child(lambda: with_short_patience(board).release("t0"))
            assert waited.startswith("raised LockTimeoutError"), waited
            seen = in_child(lambda: [board._lock._threads.acquire(False), board._index.facts])
            assert seen == "[True, None]", f"the child has state of the parent's thread: {seen}"
            with pytest.raises(LockTimeoutError):
                impatient(board).release("t0")  # the children have not freed the parent's lock
        finally:
            go_on.set()
        task = claim.result(30)
    assert task is not None and task.task_id == "t0"
    monkeypatch.undo()
    assert in_child(lambda: board.claim_next("child").task_id) == "t1"  # type: ignore[union-attr]
    assert board.complete("t0", 1) and board.claim_next("parent").task_id == "t2"  # type: ignore[union-attr]


def with_short_patience(board: TaskBoard) -> TaskBoard:
    """The very board of the parent, not another one on its directory."""
    board._lock.timeout_seconds = SOON
    return board


@forks_beside_threads
@pytest.mark.parametrize("moment", ["opens", "closes"])
def test_a_child_forked_while_another_thread_opens_or_closes_the_lock_file_keeps_no_lock(
    board: TaskBoard, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Within os.open and os.close another thread may fork: Python lets go of its own lock there."""
    lock = str(board.storage_path / ".board.lock")
    there, go_on = threading.Event(), threading.Event()
    really_open, really_close = os.open, os.close
    parent = threading.get_ident()

    def pause() -> None:
        if threading.get_ident() != parent and not there.is_set():
            there.set()
            go_on.wait(0.5)  # a fork that waits for the end of this call is right as well

    def opens(path: Any, *arguments: Any, **options: Any) -> int:
        descriptor = really_open(path, *arguments, **options)
        if moment == "opens" and os.fspath(path) == lock:
            pause()
        return descriptor

    def closes(descriptor: int) -> None:
        if moment == "closes" and os.path.samestat(os.fstat(descriptor), os.stat(lock)):
            pause()
        really_close(descriptor)

    monkeypatch.setattr(os, "open", opens)
    monkeypatch.setattr(os, "close", closes)
    with ThreadPoolExecutor(1) as pool:
        claim = pool.submit(board.claim, "t0", "a1")
        assert there.wait(30)
        with child_that_lives_on(go_on):
            assert claim.result(30)
            assert impatient(board).release("t0"), "free, and the task is claimed"


@contextmanager
def child_that_lives_on(forked: threading.Event) -> Iterator[None]:
    """Fork a child that waits for the end of this context and does nothing else."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    forked.set()
    try:
        yield
    finally:
        os.close(write_end)
        os.close(read_end)
        os.waitpid(pid, 0)
