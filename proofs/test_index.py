"""The index is a sorted set of lines, says what the files say, and is not believed when damaged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from swarm.page_file import DamagedPagesError, PageFile
from swarm.sorted_lines import SortedLines, plan_pages
from swarm.task import Task
from swarm.task_board import TaskBoard

LINE_BYTES_MAX = 900
SHORT_LINES = st.binary(min_size=1, max_size=6).filter(lambda line: not {0, 10} & set(line))
LONG_LINES = st.builds(
    lambda number, size: (b"%03d" % number).ljust(size, b"x"),
    st.integers(0, 300),
    st.sampled_from([3, 20, 100, 500, LINE_BYTES_MAX]),
)
LINES = SHORT_LINES | LONG_LINES
TASK_IDS = st.sampled_from([f"t{number}" for number in range(6)])


class SortedLinesMachine(RuleBasedStateMachine):
    """Two trees in one file of pages, against plain sets."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="lines-"))

    @initialize(first=st.lists(LINES, max_size=60, unique=True))
    def begin(self, first: list[bytes]) -> None:
        self.sets = {"one": set(first), "two": set[bytes]()}
        self.pages = PageFile(self.root / "pages")
        self.pages.create(*plan_pages({name: sorted(s) for name, s in self.sets.items()}), {})
        self.trees = {name: SortedLines(self.pages, name) for name in self.sets}

    @rule(name=st.sampled_from(["one", "two"]), lines=st.lists(LINES, max_size=40))
    def add(self, name: str, lines: list[bytes]) -> None:
        for line in lines:
            self.trees[name].add(line)
            self.sets[name].add(line)

    @rule(name=st.sampled_from(["one", "two"]), start=st.integers(0, 300), count=st.integers(1, 90))
    def add_in_order(self, name: str, start: int, count: int) -> None:
        self.add(name, [b"%06d".ljust(80, b"y") % number for number in range(start, start + count)])

    @rule(name=st.sampled_from(["one", "two"]), data=st.data())
    def discard(self, name: str, data: st.DataObject) -> None:
        known = sorted(self.sets[name])
        if known:
            places = st.integers(0, len(known) - 1)
            first, last = sorted([data.draw(places), data.draw(places)])
            for line in known[first : last + 1]:
                self.trees[name].discard(line)
                self.sets[name].discard(line)

    @rule(name=st.sampled_from(["one", "two"]), line=LINES)
    def discard_what_is_not_there(self, name: str, line: bytes) -> None:
        if line not in self.sets[name]:
            with pytest.raises(DamagedPagesError):
                self.trees[name].discard(line)

    @rule(fresh=st.booleans())
    def save_and_load(self, fresh: bool) -> None:
        self.pages.facts = {"lines": len(self.sets["one"])}
        self.pages.save()
        self.pages.close()
        if fresh:
            self.pages = PageFile(self.root / "pages")
            self.trees = {name: SortedLines(self.pages, name) for name in self.sets}
        assert self.pages.load(), "what was saved is whole"
        assert self.pages.facts == {"lines": len(self.sets["one"])}

    @rule(name=st.sampled_from(["one", "two"]), prefix=SHORT_LINES | st.sampled_from([b"0", b"1"]))
    def scan(self, name: str, prefix: bytes) -> None:
        expected = sorted(line for line in self.sets[name] if line.startswith(prefix))
        assert list(self.trees[name].starting_with(prefix)) == expected
        assert self.trees[name].first(prefix) == (expected[0] if expected else None)

    @invariant()
    def all_lines_are_there_in_order(self) -> None:
        for name, lines in getattr(self, "sets", {}).items():
            assert list(self.trees[name].starting_with()) == sorted(lines)

    def teardown(self) -> None:
        if hasattr(self, "pages"):
            self.pages.forget()
        shutil.rmtree(self.root)


TestSortedLines = SortedLinesMachine.TestCase
TestSortedLines.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_long_lines_after_many_short_ones_fit_their_pages(tmp_path: Path) -> None:
    """A page is split so that both halves fit, however unlike its lines are."""
    pages = PageFile(tmp_path / "pages")
    short = [b"a%03d" % number for number in range(80)]
    pages.create(*plan_pages({"one": short}), {})
    tree = SortedLines(pages, "one")
    long = [(b"b%d" % number).ljust(LINE_BYTES_MAX, b"x") for number in (1, 2, 3, 9, 5, 4, 6, 7)]
    for line in long:
        tree.add(line)
        pages.facts = {"lines": line.hex()}
        pages.save()
    assert list(tree.starting_with()) == sorted(short + long)
    pages.forget()


# A damaged index on a board.


def board_at(storage: Path) -> TaskBoard:
    now = 1000.0
    return TaskBoard(storage, durability="kill", clock=lambda: now, rescan_seconds=1e6)


def small_board(storage: Path) -> TaskBoard:
    """Two pending tasks to be granted in the order t1, t2; one claimed, one done."""
    board = board_at(storage)
    for number, task_id in enumerate(["done", "claimed", "t1", "t2"]):
        board.post(Task(task_id, "CODE_ANALYSIS", "", priority=number, created_at=0))
    for task_id in ("done", "claimed"):
        assert board.claim(task_id, "a0")
    assert board.complete("done", 1)
    return board


def granted_by(board: TaskBoard) -> list[str]:
    return [task.task_id for task in iter(lambda: board.claim_next("a1"), None)]


FLIPS: list[Callable[[int], int]] = [
    lambda byte: byte ^ 0x01,
    lambda byte: byte ^ 0x80,
    lambda byte: 0x20 if byte != 0x20 else 0x0A,
]


def test_no_flipped_byte_of_the_index_leads_to_a_wrong_grant_or_a_lost_task(
    tmp_path: Path,
) -> None:
    """Every byte that means anything, and one in 499 of the padding; each in one of three ways."""
    small_board(tmp_path)
    pages = tmp_path / ".index" / "pages"
    data = pages.read_bytes()
    board = board_at(tmp_path)
    padding = [place for place, byte in enumerate(data) if byte == 0x20]
    places = sorted((set(range(len(data))) - set(padding)) | set(padding[::499]))
    assert len(places) > 1000, "the pages hold more than that"
    for count, place in enumerate(places):
        flipped = bytearray(data)
        flipped[place] = FLIPS[count % 3](flipped[place])
        pages.write_bytes(flipped)
        board = board if count % 2 else board_at(tmp_path)
        if count % 25:  # reading all, and seeing that nothing is granted that is not there
            granted = board.claim_next("a1", ["PARALLEL_SEARCH"])
            assert granted is None, f"byte {place} led to the grant of {granted}"
        else:
            granted_ids = granted_by(board)
            assert granted_ids == ["t1", "t2"], f"byte {place} led to {granted_ids}"
            assert board.release("t1") and board.release("t2")
            assert board.claim_next("nobody", []) is None
            data = pages.read_bytes()
            if place >= len(data):
                break


@pytest.mark.parametrize("size", [0, 1, 8, 4095, 4096, 4097, 8192, 20_000])
def test_no_cut_index_leads_to_a_wrong_grant_or_a_lost_task(tmp_path: Path, size: int) -> None:
    board = small_board(tmp_path)
    pages = tmp_path / ".index" / "pages"
    pages.write_bytes(pages.read_bytes()[:size])
    for each in (board, board_at(tmp_path)):
        task = each.claim_next("a1")
        assert task is not None and task.task_id in ("t1", "t2")
    assert board.claim_next("a1") is None


def test_an_index_of_another_boot_is_not_believed_and_no_descriptor_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("not applicable: this system does not tell the open files")
    board = small_board(tmp_path)
    monkeypatch.setattr("swarm.task_index.boot_id", lambda: "another boot")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        assert board.claim("t1", "a1") and board.renew("t1") and board.release("t1")
        board.post(Task(f"new {_}", "CODE_ANALYSIS", "", priority=9))
        (tmp_path / f"new {_}.json").unlink()
    assert len(os.listdir("/proc/self/fd")) == before
    task = board.claim_next("a1")
    assert task is not None and task.task_id == "t1"


# An index kept up, and one made anew.


def lines_of(board: TaskBoard) -> dict[str, list[bytes]]:
    """What the trees of the board's index hold, without the stamps, which tell inodes."""
    index = board._index
    if not index.open():
        return {}
    try:
        trees = {name: getattr(index, f"_{name}") for name in ("files", "ready", "heads", "due")}
        found = {name: list(tree.starting_with()) for name, tree in trees.items()}
    finally:
        index.close()
    split = (line.split(b"\t", 3) for line in found["files"])
    found["files"] = [b"\t".join((task_id, rest[1], rest[2])) for task_id, *rest in split]
    return found


class KeptIndexMachine(RuleBasedStateMachine):
    """After any operations the index says what one made anew from the files would say.

    The clock never goes back here: what had lapsed before stays among the ready ones then, until
    it is its turn and its file is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="kept-index-"))
        self.storage = self.root / "board"
        self.now = 1000.0
        self.board = self.opened(self.storage)

    def opened(self, storage: Path) -> TaskBoard:
        return TaskBoard(storage, lease_seconds=10, durability="kill", clock=lambda: self.now)

    @rule(
        task_ids=st.lists(TASK_IDS, min_size=1, unique=True),
        kind=st.sampled_from(["A", "B"]),
        priority=st.integers(1, 2),
    )
    def post(self, task_ids: list[str], kind: str, priority: int) -> None:
        for task_id in task_ids:
            if not (self.storage / f"{task_id}.json").exists():
                self.board.post(Task(task_id, kind, "", priority=priority, created_at=self.now))

    @rule(kind=st.sampled_from(["A", "B"]), count=st.integers(1, 4))
    def claim_next(self, kind: str, count: int) -> None:
        for _ in range(count):
            self.board.claim_next("a0", [kind])

    @rule(
        task_id=TASK_IDS,
        operation=st.sampled_from(["start", "renew", "release", "cancel", "requeue"]),
        seconds=st.sampled_from([0.0, 1.0, 9.0, 10.0]),
    )
    def change(self, task_id: str, operation: str, seconds: float) -> None:
        self.now += seconds
        self.board.claim(task_id, "a1")
        getattr(self.board, operation)(task_id)

    @rule(task_id=TASK_IDS)
    def complete(self, task_id: str) -> None:
        self.board.complete(task_id, 1)

    @rule(task_id=TASK_IDS)
    def remove(self, task_id: str) -> None:
        (self.storage / f"{task_id}.json").unlink(missing_ok=True)

    @rule(task_id=TASK_IDS, priority=st.integers(1, 3))
    def replace(self, task_id: str, priority: int) -> None:
        new = self.root / "new"
        new.write_text(Task(task_id, "A", "", priority=priority, created_at=0).to_json())
        os.replace(new, self.storage / f"{task_id}.json")

    @rule()
    def compare_with_one_made_anew(self) -> None:
        copy = Path(tempfile.mkdtemp(dir=self.root)) / "board"
        shutil.copytree(self.storage, copy)
        shutil.rmtree(copy / ".index", ignore_errors=True)
        anew = self.opened(copy)
        for board in (self.board, anew):
            board.claim_next("nobody", [])
        kept, made = lines_of(self.board), lines_of(anew)
        assert set(kept) == {"files", "ready", "heads", "due"}, "there must be an index"
        assert kept == made, f"kept up: {kept}\nmade anew: {made}"

    def teardown(self) -> None:
        try:
            self.compare_with_one_made_anew()
        finally:
            shutil.rmtree(self.root)


TestKeptIndex = KeptIndexMachine.TestCase
TestKeptIndex.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@given(ids=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1)))
@settings(max_examples=20, deadline=None)
def test_tasks_of_any_ids_are_granted_in_order_by_the_index(ids: list[str]) -> None:
    """By id among equals, for every id that can name a file."""
    with tempfile.TemporaryDirectory() as directory:
        board = board_at(Path(directory))
        wanted = sorted({name for name in ids if name[0] != "." and len(name.encode()) <= 250})
        for name in reversed(wanted):
            board.post(Task(name, "CODE_ANALYSIS", "", created_at=0))
        assert granted_by(board) == wanted
