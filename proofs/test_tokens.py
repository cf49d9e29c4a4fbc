"""The tokens of one id grow for ever: over restored, lost and damaged files, and over crashes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from proofs.file_clocks import ticking_every
from proofs.interpreters import Interpreter
from swarm.task import TOKEN_MAX, Task
from swarm.task_board import TaskBoard
from swarm.token_store import BLOCK

LEASE_SECONDS = 10.0

CLAIM_AND_RELEASE = """
import sys
from swarm.task_board import TaskBoard
board = TaskBoard(sys.argv[1], durability="kill")
print("ready", flush=True)
for line in sys.stdin:
    assert board.claim("t0", "a process")
    token = board.get("t0").token
    assert board.release("t0")
    print(token, flush=True)
"""


class Grants:
    """A board with one task, and every token that the task was granted."""

    def __init__(self, storage: Path) -> None:
        self.storage = storage
        self.now = 1000.0
        self.tokens: list[int] = []
        self.reopen()
        self.post()

    @property
    def path(self) -> Path:
        return self.storage / "t0.json"

    def reopen(self) -> None:
        self.board = TaskBoard(
            self.storage,
            lease_seconds=LEASE_SECONDS,
            attempts_max=None,
            durability="kill",
            clock=lambda: self.now,
        )

    def post(self) -> None:
        self.board.post(Task("t0", "CODE_ANALYSIS", ""))

    def grant(self, *, by_id: bool = False) -> int:
        """Have the task granted; its token must be larger than all before."""
        if by_id:
            assert self.board.claim("t0", "a0")
        else:
            granted = self.board.claim_next("a0")
            assert granted is not None and granted.task_id == "t0", granted
        token = json.loads(self.path.read_bytes())["token"]
        largest = max(self.tokens, default=0)
        assert token > largest, f"granted token {token} after {self.tokens}"
        self.tokens.append(token)
        return int(token)

    def release(self) -> None:
        assert self.board.release("t0")

    def replace(self, data: bytes) -> None:
        """As a backup program would put an older version back."""
        new = self.storage.parent / "restored"
        new.write_bytes(data)
        os.replace(new, self.path)


@pytest.fixture
def grants(tmp_path: Path) -> Grants:
    return Grants(tmp_path / "board")


by_id = pytest.mark.parametrize("by_id", [False, True], ids=["claim_next", "claim"])


@by_id
def test_each_grant_after_a_release_or_a_lapse_has_a_larger_token(
    grants: Grants, by_id: bool
) -> None:
    for _ in range(3):
        grants.grant(by_id=by_id)
        grants.release()
        grants.grant(by_id=by_id)
        grants.now += LEASE_SECONDS
    assert len(grants.tokens) == 6


@by_id
@pytest.mark.parametrize("damage", ["removed", "emptied", "garbled", "cut"])
def test_a_lost_or_damaged_index_leads_to_no_second_use(
    grants: Grants, by_id: bool, damage: str
) -> None:
    pages = grants.storage / ".index" / "pages"
    for _ in range(3):
        grants.grant(by_id=by_id)
        grants.path.unlink()  # so that the file does not tell its token either
        grants.post()
        data = pages.read_bytes()
        if damage == "removed":
            shutil.rmtree(pages.parent)
        else:
            damaged = {"emptied": b"", "garbled": bytes(len(data)), "cut": data[:5000]}
            pages.write_bytes(damaged[damage])


@by_id
def test_a_restored_file_leads_to_no_second_use(grants: Grants, by_id: bool) -> None:
    posted = grants.path.read_bytes()
    for _ in range(3):
        grants.grant(by_id=by_id)
        grants.replace(posted)


@by_id
def test_a_task_removed_or_pruned_and_posted_again_gets_a_larger_token(
    grants: Grants, by_id: bool
) -> None:
    for prunes in (False, True, False, True):
        grants.grant(by_id=by_id)
        if prunes:
            assert grants.board.complete("t0", 1)
            os.utime(grants.path, (0, 0))
            assert grants.board.prune() == ["t0"]
        else:
            grants.path.unlink()
        grants.post()


@by_id
def test_a_quarantined_task_posted_again_gets_a_larger_token(grants: Grants, by_id: bool) -> None:
    for _ in range(2):
        grants.grant(by_id=by_id)
        grants.path.write_bytes(b'{"half')
        os.utime(grants.path, (0, 0))
        assert grants.board.claim_next("a0") is None
        assert not grants.path.exists(), "it must be in quarantine now"
        grants.post()


@by_id
@pytest.mark.parametrize("index_too", [False, True], ids=["index kept", "index lost"])
def test_a_lost_mark_is_made_again_from_the_files(
    grants: Grants, by_id: bool, index_too: bool
) -> None:
    for _ in range(3):
        grants.grant(by_id=by_id)
        grants.release()
        shutil.rmtree(grants.storage / ".tokens", ignore_errors=True)
        if index_too:
            shutil.rmtree(grants.storage / ".index", ignore_errors=True)


@by_id
@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "nothing", '{"reserved": -5}', '{"reserved": "1"}']
)
def test_a_damaged_mark_is_made_again_from_the_files(
    grants: Grants, by_id: bool, text: str
) -> None:
    grants.grant(by_id=by_id)
    grants.release()
    (grants.storage / ".tokens" / "reserved.json").write_text(text)
    grants.reopen()
    grants.grant(by_id=by_id)


def test_a_lost_mark_is_made_again_from_all_files_when_the_index_is_lost_too(
    grants: Grants,
) -> None:
    grants.grant()
    grants.board.post(Task("t1", "CODE_ANALYSIS", ""))
    shutil.rmtree(grants.storage / ".tokens")
    shutil.rmtree(grants.storage / ".index")
    assert grants.board.claim("t1", "a0")  # t0, whose file is there, has the largest token
    grants.path.unlink()
    grants.post()
    grants.grant()


def test_tokens_grow_beyond_a_block(grants: Grants) -> None:
    grants.grant()
    grants.release()
    known = json.loads(grants.path.read_bytes())
    grants.path.write_text(json.dumps({**known, "token": BLOCK - 1}))
    grants.tokens.append(BLOCK - 1)
    for _ in range(3):
        grants.grant()
        grants.release()
    reserved = json.loads((grants.storage / ".tokens" / "reserved.json").read_bytes())["reserved"]
    assert reserved >= grants.tokens[-1] > BLOCK, (reserved, grants.tokens)


def test_tokens_grow_over_boards_in_two_processes_that_take_turns(grants: Grants) -> None:
    with Interpreter(CLAIM_AND_RELEASE, grants.storage) as other:
        other.expect("ready")
        for _ in range(5):
            grants.grant()
            grants.release()
            other.say("go on")
            token = int(other.line())
            assert token > max(grants.tokens), f"granted token {token} after {grants.tokens}"
            grants.tokens.append(token)
            grants.reopen()


def test_the_mark_is_raised_before_the_first_token_of_a_block_is_used(
    grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on the disk ever holds a token above the mark."""
    rename = os.rename
    seen: list[tuple[int, int]] = []

    def watched(source: str, target: str) -> None:
        rename(source, target)
        if Path(target) == grants.path:
            mark = json.loads((grants.storage / ".tokens" / "reserved.json").read_bytes())
            seen.append((json.loads(grants.path.read_bytes())["token"], mark["reserved"]))

    monkeypatch.setattr(os, "rename", watched)
    for _ in range(3):
        grants.grant()
        grants.release()
        (grants.storage / ".index" / "pages").unlink()
    assert len(seen) == 6 and all(token <= mark for token, mark in seen), seen


# A crash between the file of a task and the index.


def killed_before_the_index_was_saved(grants: Grants) -> None:
    """Grant the task as an agent would that is killed in the midst: its file is written."""
    pages = grants.storage / ".index" / "pages"
    before = pages.read_bytes()
    grants.grant()
    pages.write_bytes(before)


@by_id
@pytest.mark.parametrize("ticks", [None, 10**9], ids=["fine times", "times of 1 s"])
def test_a_kill_before_the_index_is_saved_leads_to_no_second_use(
    tmp_path: Path, by_id: bool, ticks: int | None
) -> None:
    with nullcontext() if ticks is None else ticking_every(ticks):
        grants = Grants(tmp_path / "board")
        posted = grants.path.read_bytes()
        grants.grant()
        grants.release()
        killed_before_the_index_was_saved(grants)
        grants.replace(posted)
        grants.grant(by_id=by_id)


@by_id
def test_an_older_index_put_back_leads_to_no_second_use(grants: Grants, by_id: bool) -> None:
    posted = grants.path.read_bytes()
    grants.grant()
    older = (grants.storage / ".index" / "pages").read_bytes()
    grants.release()
    grants.grant()
    grants.replace(posted)
    (grants.storage / ".index" / "pages").write_bytes(older)
    grants.grant(by_id=by_id)


# A token that no board issued.


def test_a_file_with_an_absurd_token_is_damaged_and_changes_no_other_token(
    grants: Grants,
) -> None:
    absurd = Task("absurd", "CODE_ANALYSIS", "", priority=0, token=TOKEN_MAX)
    (grants.storage / "absurd.json").write_text(absurd.to_json())
    os.utime(grants.storage / "absurd.json", (grants.now, grants.now))
    assert not grants.board.claim("absurd", "a1")
    for _ in range(3):
        assert grants.grant() < 10 * BLOCK, "the absurd token has used up those of all"
        grants.release()
    os.utime(grants.storage / "absurd.json", (0, 0))
    grants.grant()
    assert grants.board.claim_next("a1") is None
    [kept] = grants.board.quarantined()
    assert kept.task_id == "absurd" and str(TOKEN_MAX) in kept.reason, kept


@pytest.mark.parametrize("operation", ["start", "renew", "complete", "fail", "release", "cancel"])
def test_an_operation_on_a_file_with_an_absurd_token_changes_no_other_token(
    grants: Grants, operation: str
) -> None:
    grants.board.post(Task("t1", "CODE_ANALYSIS", "", priority=9))
    grants.grant()
    known = json.loads(grants.path.read_bytes())
    grants.path.write_text(json.dumps({**known, "token": TOKEN_MAX}))
    more = {"complete": (1,), "fail": ("why",)}.get(operation, ())
    getattr(grants.board, operation)("t0", *more)
    # A file from outside, so that a new block of tokens is asked for.
    (grants.storage / "new.json").write_text(Task("new", "CODE_ANALYSIS", "").to_json())
    granted = grants.board.claim_next("a1")
    assert granted is not None and granted.token < 10 * BLOCK, granted
    mark = json.loads((grants.storage / ".tokens" / "reserved.json").read_bytes())["reserved"]
    assert mark < 10 * BLOCK, f"the mark of the board is {mark} now"


# Any sequence of all these.


class TokensMachine(RuleBasedStateMachine):
    """Two ids on one board, and all that may happen between two grants of one of them.

    ``.tokens`` is lost only while everything else is there, as its promise says: what makes the
    mark again must not be lost before the next block is reserved.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="tokens-"))
        self.storage = self.root / "board"
        self.now = 1000.0
        self.largest = {"t0": 0, "t1": 0}
        self.versions: list[tuple[str, bytes]] = []

    @initialize()
    def open(self) -> None:
        self.board = self.opened()

    @rule()
    def reopen(self) -> None:
        self.board = self.opened()

    def opened(self) -> TaskBoard:
        return TaskBoard(
            self.storage,
            lease_seconds=LEASE_SECONDS,
            attempts_max=None,
            rescan_seconds=1e6,
            durability="kill",
            clock=lambda: self.now,
        )

    @property
    def mark_is_there(self) -> bool:
        mark = self.storage / ".tokens" / "reserved.json"
        return mark.exists() or not any(self.largest.values())

    def path(self, task_id: str) -> Path:
        return self.storage / f"{task_id}.json"

    @rule(task_id=st.sampled_from(["t0", "t1"]), priority=st.integers(1, 3))
    def post(self, task_id: str, priority: int) -> None:
        if not self.path(task_id).exists():
            self.board.post(Task(task_id, "CODE_ANALYSIS", "", priority=priority))

    @rule(task_id=st.sampled_from(["t0", "t1"]))
    def claim(self, task_id: str) -> None:
        if self.board.claim(task_id, "a0"):
            self.granted(task_id)

    @rule()
    def claim_next(self) -> None:
        task = self.board.claim_next("a0")
        if task is not None:
            self.granted(task.task_id)

    def granted(self, task_id: str) -> None:
        token = json.loads(self.path(task_id).read_bytes())["token"]
        largest = self.largest[task_id]
        assert token > largest, f"{task_id} was granted token {token} after {largest}"
        self.largest[task_id] = token

    @rule(task_id=st.sampled_from(["t0", "t1"]), operation=st.sampled_from(["release", "renew"]))
    def give_back(self, task_id: str, operation: str) -> None:
        getattr(self.board, operation)(task_id)

    @rule(task_id=st.sampled_from(["t0", "t1"]))
    def fail_and_requeue(self, task_id: str) -> None:
        if self.board.fail(task_id, "why"):
            assert self.board.requeue(task_id)

    @rule(seconds=st.sampled_from([1.0, LEASE_SECONDS, -50.0]))
    def advance_the_clock(self, seconds: float) -> None:
        self.now += seconds

    @rule(task_id=st.sampled_from(["t0", "t1"]))
    def keep_a_version(self, task_id: str) -> None:
        if self.path(task_id).exists():
            self.versions.append((task_id, self.path(task_id).read_bytes()))

    @precondition(lambda self: self.versions and self.mark_is_there)
    @rule(number=st.integers(0, 5), in_place=st.booleans())
    def restore_a_version(self, number: int, in_place: bool) -> None:
        task_id, data = self.versions[number % len(self.versions)]
        new = self.path(task_id) if in_place else self.root / "new"
        new.write_bytes(data)
        os.replace(new, self.path(task_id))

    @precondition(lambda self: self.mark_is_there)
    @rule(task_id=st.sampled_from(["t0", "t1"]))
    def remove(self, task_id: str) -> None:
        self.path(task_id).unlink(missing_ok=True)

    @precondition(lambda self: self.mark_is_there)
    @rule(task_id=st.sampled_from(["t0", "t1"]))
    def damage_and_quarantine(self, task_id: str) -> None:
        if self.path(task_id).exists():
            self.path(task_id).write_bytes(b"{")
            os.utime(self.path(task_id), (0, 0))
            (self.storage / ".index" / "pages").unlink(missing_ok=True)
            self.board.claim_next("nobody", [])
            assert not self.path(task_id).exists()

    @precondition(lambda self: self.mark_is_there)
    @rule(cut=st.sampled_from([None, 0, 4000, 5000]), whole=st.booleans())
    def lose_the_index(self, cut: int | None, whole: bool) -> None:
        pages = self.storage / ".index" / "pages"
        if whole:
            shutil.rmtree(pages.parent, ignore_errors=True)
        elif pages.exists():
            pages.write_bytes(pages.read_bytes()[:cut] if cut else b"")

    @precondition(lambda self: self.mark_is_there)
    @rule()
    def lose_the_mark(self) -> None:
        if all(self.tells_its_token(task_id) for task_id in self.largest):
            self.board.claim_next("nobody", [])  # so that there is an index
            shutil.rmtree(self.storage / ".tokens", ignore_errors=True)

    def tells_its_token(self, task_id: str) -> bool:
        if not self.path(task_id).exists():
            return not self.largest[task_id]
        return bool(json.loads(self.path(task_id).read_bytes())["token"] == self.largest[task_id])

    def teardown(self) -> None:
        shutil.rmtree(self.root)


TestTokensGrow = TokensMachine.TestCase


def test_a_record_of_which_half_was_written_leads_to_no_second_use(grants: Grants) -> None:
    """As a limit or a full disk leaves it: the beginning of the new one over the old one."""
    fresh = grants.path.read_bytes()
    record = grants.storage / ".tokens" / "next"
    while not grants.tokens or grants.tokens[-1] < 98:
        grants.grant()
        grants.release()
    old = record.read_bytes()
    grants.grant()
    new = record.read_bytes()
    assert len(old) == len(new) and old != new
    for cut in [n for n in range(len(new)) if old[n] != new[n]][1:]:
        record.write_bytes(new[:cut] + old[cut:])
        grants.replace(fresh)
        shutil.rmtree(grants.storage / ".index")
        grants.grant()
