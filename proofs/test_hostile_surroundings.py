"""Whoever lays links and other traps into a board's way: nothing outside of it is ever touched.

Real files; each trap is laid before the board is opened, and between two operations. What is not
defended is said in docs/threat-model.md.
"""

from __future__ import annotations

import ast
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import swarm
from proofs.file_trees import differences, file_tree
from proofs.interpreters import Interpreter
from proofs.test_broken_boards import IS_DEEP
from swarm.errors import InvalidTaskError, SwarmError, UnsafeStorageError
from swarm.task import Task
from swarm.task_board import TaskBoard

OWN_DIRECTORIES: Final = (".tmp", ".tokens", ".index", ".quarantine", ".archive")
OWN_FILES: Final = (
    ".board.lock",
    ".tmp/next.json",
    ".tokens/next",
    ".tokens/reserved.json",
    ".index/pages",
    ".index/pages.new",
    ".index/clock",
)
NOW: Final = 2_000_000_000.0


class Clock:
    """A clock that we own."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of somebody else, with files of every name that a board uses."""
    place = tmp_path / "outside"
    for folder in ("", "000001", *OWN_DIRECTORIES):
        (place / folder).mkdir(parents=True)
        for name in sorted({Path(own).name for own in OWN_FILES} | {"t1.json"}):
            (place / folder / name).write_text(f"not the board's: {folder}/{name}")
            os.utime(place / folder / name, (1, 1))
    return place


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A board that has been used, with a damaged file that may be moved."""
    board = opened(tmp_path / "board")
    for number in range(1, 5):
        board.post(Task(f"t{number}", "CODE_ANALYSIS", "", created_at=NOW))
    task = board.claim_next("a1")
    assert task is not None and board.complete(task.task_id, 1, token=task.token)
    assert board.prune() == ["t1"]
    (board.storage_path / "bad.json").write_text("{")
    os.utime(board.storage_path / "bad.json", (NOW - 10**6,) * 2)
    return board.storage_path


def opened(storage: Path, clock: Callable[[], float] = Clock()) -> TaskBoard:  # noqa: B008
    return TaskBoard(storage, clock=clock, durability="kill", lock_timeout=5)


def everything(board: TaskBoard) -> Iterator[tuple[str, Any]]:
    """Each operation, and what it answered or raised; what it raises must have words."""
    number = len(list(board.storage_path.parent.rglob("*")))
    calls: dict[str, Callable[[], Any]] = {
        "post": lambda: board.post(Task(f"new{number}", "CODE_ANALYSIS", "", created_at=NOW)),
        "claim_next": lambda: board.claim_next("a1"),
        "claim": lambda: board.claim("t3", "a1"),
        "start": lambda: board.start("t3"),
        "renew": lambda: board.renew("t3"),
        "complete": lambda: board.complete("t3", 1),
        "fail": lambda: board.fail("t4", "why"),
        "release": lambda: board.release("t2"),
        "cancel": lambda: board.cancel("t4"),
        "requeue": lambda: board.requeue("t4"),
        "prune": board.prune,
        "get": lambda: board.get("t1"),
        "list_all": board.list_all,
        "get_pending": board.get_pending,
        "damaged": board.damaged,
        "quarantined": board.quarantined,
    }
    for name, call in calls.items():
        try:
            yield name, call()
        except (SwarmError, OSError) as error:
            assert str(error)
            yield name, error


def assert_untouched(outside: Path, lay: Callable[[], None], storage: Path, *, early: bool) -> None:
    """Whatever is asked once the trap is laid, what is outside stays as it was."""
    board = None if early else opened(storage)
    lay()
    before = seen(outside)
    if board is None:
        try:
            board = opened(storage)
        except (SwarmError, OSError) as error:
            assert str(error)
    for name, _ in [] if board is None else [*everything(board), *everything(board)]:
        assert not differences(before, seen(outside)), name
    assert not differences(before, seen(outside)), "opening"


def seen(outside: Path) -> dict[str, object]:
    """What is there, with the times of files, which a look at them must not change either."""
    times = {f"{path} time": path.lstat().st_mtime_ns for path in outside.rglob("*")}
    return {**file_tree(outside), **times}


EACH_KIND: Final = [
    (kind, early)
    for kind in ("symlink", "hard link", "fifo", "directory")
    for early in (False, True)
]
"""What a file became, and whether before the board was opened; in each run, one of the two."""
ONE_OF_TWO: Final = [one for number, one in enumerate(EACH_KIND) if number % 4 in (0, 3)]

early_and_late = pytest.mark.parametrize("early", [True, False], ids=["before", "between"])


@early_and_late
@pytest.mark.parametrize("name", OWN_DIRECTORIES)
def test_a_directory_of_the_board_that_became_a_link_is_not_followed(
    storage: Path, outside: Path, name: str, early: bool
) -> None:
    def lay() -> None:
        shutil.rmtree(storage / name, ignore_errors=True)
        (storage / name).symlink_to(outside / name)

    assert_untouched(outside, lay, storage, early=early)
    os.unlink(storage / name)
    board = opened(storage)
    assert board.claim_next("a9") is not None, "usable once the link is gone"


@pytest.mark.parametrize(("kind", "early"), EACH_KIND if IS_DEEP else ONE_OF_TWO)
@pytest.mark.parametrize("name", OWN_FILES)
def test_a_file_of_the_board_that_became_something_else_is_not_followed_nor_written_to(
    storage: Path, outside: Path, name: str, kind: str, early: bool
) -> None:
    path = storage / name
    target = outside / path.name

    def lay() -> None:
        path.unlink(missing_ok=True)
        for name in (".tokens/next", ".index/pages"):  # so that all others are needed
            (storage / name).unlink(missing_ok=True)
        if kind == "symlink":
            path.symlink_to(target)
        elif kind == "hard link":
            os.link(target, path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            path.mkdir()

    assert_untouched(outside, lay, storage, early=early)


@early_and_late
@pytest.mark.parametrize("kind", ["symlink", "hard link", "link to nowhere"])
def test_a_task_s_file_that_became_a_link_is_not_followed(
    storage: Path, outside: Path, kind: str, early: bool
) -> None:
    path = storage / "t3.json"
    if kind == "hard link":
        shutil.copy(path, outside / "t3.json")

    def lay() -> None:
        path.unlink()
        if kind == "hard link":
            os.link(outside / "t3.json", path)
        else:
            path.symlink_to(outside / ("t1.json" if kind == "symlink" else "nowhere.json"))

    assert_untouched(outside, lay, storage, early=early)


@early_and_late
def test_a_storage_directory_that_became_a_link_is_refused_with_words(
    storage: Path, outside: Path, early: bool
) -> None:
    def lay() -> None:
        storage.rename(storage.with_name("moved"))
        storage.symlink_to(outside)

    board = opened(storage)
    assert_untouched(outside, lay, storage, early=early)
    with pytest.raises(UnsafeStorageError, match=r"must be a directory.*symbolic link"):
        opened(storage)
    for name, answer in everything(board):
        assert isinstance(answer, UnsafeStorageError), (name, answer)
    storage.unlink()
    storage.with_name("moved").rename(storage)
    assert board.claim_next("a9") is not None, "usable once it is put back"


def test_a_read_only_board_reads_through_no_link_either(storage: Path, outside: Path) -> None:
    board = TaskBoard(storage, read_only=True)
    storage.rename(storage.with_name("moved"))
    storage.symlink_to(outside)
    for call in (lambda: board.get("t1"), board.list_all, board.damaged, board.quarantined):
        with pytest.raises(UnsafeStorageError):
            call()
    with pytest.raises(UnsafeStorageError):
        TaskBoard(storage, read_only=True)


def test_directories_above_the_board_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    board = opened(tmp_path / "link" / "board")
    board.post(Task("t1", "CODE_ANALYSIS", ""))
    assert (tmp_path / "real" / "board" / "t1.json").is_file()


LEADING_OUT: Final = [
    "..",
    "../x",
    "../../x",
    "/x",
    "a/../../x",
    "./x",
    ".",
    "x/y",
    "x\0y",
    "..\0",
    "",
]


@pytest.mark.parametrize("task_id", LEADING_OUT, ids=repr)
def test_an_id_that_leads_out_is_refused_by_every_operation(
    storage: Path, outside: Path, task_id: str
) -> None:
    board = opened(storage)
    before = file_tree(storage.parent)
    calls: list[Callable[[], Any]] = [
        lambda: board.post(Task(task_id, "CODE_ANALYSIS", "")),
        lambda: board.get(task_id),
        lambda: board.claim(task_id, "a1"),
        lambda: board.start(task_id),
        lambda: board.renew(task_id),
        lambda: board.complete(task_id, 1),
        lambda: board.fail(task_id, "why"),
        lambda: board.release(task_id),
        lambda: board.cancel(task_id),
        lambda: board.requeue(task_id),
    ]
    for call in calls:
        with pytest.raises(InvalidTaskError, match="task_id must"):
            call()
    assert not differences(before, file_tree(storage.parent))


def test_a_board_in_a_directory_that_all_may_write_works_and_changes_no_permission(
    storage: Path,
) -> None:
    storage.chmod(0o777)
    board = opened(storage)
    assert board.claim_next("a1") is not None
    assert stat.S_IMODE(storage.stat().st_mode) == 0o777


# Another user.

AS_ANOTHER_USER: Final = """
import encodings.ascii, os, sys
from swarm.task_board import TaskBoard

os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    board = TaskBoard(sys.argv[1], durability="kill", lock_timeout=5)
    print([task.task_id for task in board.list_all()], len(board.damaged()))
    print(board.claim_next("other").task_id)
except OSError as error:
    print(type(error).__name__, os.path.basename(error.filename))
"""


@pytest.fixture
def reachable(storage: Path) -> Iterator[Path]:
    """A board that another user can reach, and ours to prepare."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only the superuser can act as another user")
    above = [path for path in storage.parents if path != Path("/")]
    modes = {path: path.stat().st_mode for path in above}
    for path in above:
        path.chmod(stat.S_IMODE(modes[path]) | 0o111)
    yield storage
    for path, mode in modes.items():
        path.chmod(stat.S_IMODE(mode))


def test_a_lock_file_of_another_user_is_refused_by_the_system_and_nothing_is_done(
    reachable: Path,
) -> None:
    for path in [reachable, *reachable.rglob("*")]:
        os.chown(path, 65534, 65534)
    (reachable / ".board.lock").chmod(0o600)
    os.chown(reachable / ".board.lock", 0, 0)
    before = file_tree(reachable)
    with Interpreter(AS_ANOTHER_USER, reachable) as agent:
        agent.expect("['t2', 't3', 't4'] 1")
        agent.expect("PermissionError .board.lock")
    assert not differences(before, file_tree(reachable))


def test_a_file_without_permission_is_told_as_damaged_and_the_others_are_granted(
    reachable: Path,
) -> None:
    for path in [reachable, *reachable.rglob("*")]:
        os.chown(path, 65534, 65534)
    os.chown(reachable / "t2.json", 0, 0)
    (reachable / "t2.json").chmod(0)
    with Interpreter(AS_ANOTHER_USER, reachable) as agent:
        agent.expect("['t3', 't4'] 2")
        agent.expect("t3")
    assert (reachable / "t2.json").stat().st_mode & 0o777 == 0


# No data is ever executed.

EXECUTING: Final = {"eval", "exec", "compile", "__import__", "import_module"}
READING_CODE: Final = {"pickle", "marshal", "shelve", "subprocess", "runpy", "importlib", "yaml"}


def test_the_board_executes_and_unpickles_nothing() -> None:
    for path in Path(swarm.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names]
                modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not READING_CODE.intersection(n.partition(".")[0] for n in modules), path
            elif isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                assert name not in EXECUTING - {"compile"} or name == "compile", (path, name)
