"""TaskBoardMachine: the real board on real files, against the model; in between, bursts.

One operation at a time is compared with the model in full: orders of operations, damage and changes
from outside, restarts, lost indexes and moved clocks. A burst is several agents at once, in threads
or processes, on the directory as it is then; what they were told must have some order that the
promises allow, and the model goes on from what they left. Within bursts only clocks are apart, file
times coarse and listings in any order, and faults happen: errors, short writes, signals, stops,
clocks that are set, and in processes kills.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from proofs.bursts import (
    AGENTS,
    FENCED,
    GATES,
    bursts,
    convict,
    follow,
    left_in,
    moments_of,
    run_burst,
    told,
    were_cut_off,
)
from proofs.file_trees import file_tree
from proofs.harness.beside import beside
from proofs.harness.board_path import load_board
from proofs.harness.checkers import Promises
from proofs.harness.clock import SharedTime
from proofs.harness.damaging import is_still_there
from proofs.harness.misplacing import misplace
from proofs.harness.model import BoardModel, ModelTask
from proofs.lying_files import are_kept, ids_in, lies_at, put, take_away
from proofs.machine_boards import (
    ATTEMPTS_MAX,
    QUARANTINE_AFTER_SECONDS,
    RESCAN_SECONDS,
    call,
)
from strategies import ODDITIES, Damage, corrupted_payloads, damaged, pending_tasks
from strategies.misplacements import DRAWN_FOR_OURS, NO_DAMAGE
from strategies.payloads import is_damage
from swarm.errors import CorruptTaskError, DuplicateTaskError
from swarm.task import Task
from swarm.task_board import TaskBoard

START = 1_000_000_000.0

IDS = ("t1", "t2", "t3", "t4", "t 5 é")
TASK_IDS = st.sampled_from(IDS)
AGENT_IDS = st.sampled_from(AGENTS)
TYPES = ["CODE_ANALYSIS", "PARALLEL_SEARCH", "A TYPE OF ONE'S OWN"]
CAPABILITIES = st.none() | st.lists(st.sampled_from(TYPES), unique=True)
LEASES = st.sampled_from([10.0, 100])
TOKENS = st.sampled_from(["none", "current", "current", "superseded"])
STEPS = st.sampled_from([0.0, 1.0, 9.0, 10.0, 60.0, 100.0, 3600.0, -5.0, -50.0, -1000.0])
# Of a task that is not on the board, so that it is damage under nearly any name it is put.
DAMAGE = corrupted_payloads(of=pending_tasks(ids=st.just("another")))
AGES = st.sampled_from([0.0, 59.0, 60.0, 3600.0, -3600.0])
IN_ITS_PLACE = st.sampled_from([*DRAWN_FOR_OURS, "a name in another normal form"])


class TaskBoardMachine(RuleBasedStateMachine):
    """Two boards with different leases on one directory, and what people and disks do to it.

    ``names`` are the boards by their leases, as ``load_board`` finds them.
    """

    names: ClassVar[dict[float, str]] = {
        10.0: "proofs.machine_boards:SHORT",
        100: "proofs.machine_boards:LONG",
    }

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="task-board-machine-"))
        self.storage = self.root / "the board"
        self.time = SharedTime(int(START * 1e9))
        self.model = BoardModel()
        # What lies there that is no task, by id; what the board moved away; and what it began to
        # move when something went wrong, of which there may be a second copy.
        self.damaged: dict[str, object] = {}
        self.quarantined: dict[str, list[object]] = {}
        self.moved_in_part: dict[str, list[object]] = {}
        self.outside: dict[str, object] = {}
        # Ids edited in place that no look for work need have noticed yet, and since when.
        self.edited: dict[str, float] = {}
        self.old_versions: list[tuple[str, bytes, ModelTask]] = []
        # Whether temporary files may be there, of agents that were cut off, until the next write.
        self.may_be_left = False

    @initialize(
        leases=st.tuples(LEASES, LEASES), posted=st.lists(TASK_IDS, unique=True, max_size=3)
    )
    def open_boards(self, leases: tuple[float, float], posted: list[str]) -> None:
        """With tasks, for half of all lives would never see one: Hypothesis may leave posts out."""
        self.boards = [self.open(lease) for lease in leases]
        for task_id in posted:
            self.post(task_id, 0, TYPES[0], 1, START)

    def open(self, lease_seconds: float) -> TaskBoard:
        opens: Any = load_board(self.names[lease_seconds])
        board: TaskBoard = opens(str(self.storage), clock=lambda: self.now)
        return board

    @property
    def now(self) -> float:
        """By the clock of all boards, in seconds; a burst starts then, and moves it on."""
        return self.time.calendar_ns / 1e9

    # What agents do.

    @rule(
        task_id=TASK_IDS,
        which=st.integers(0, 1),
        task_type=st.sampled_from(TYPES),
        priority=st.integers(1, 3) | st.sampled_from([-(2**63), 2**63 - 1]),
        created_at=st.sampled_from([START, START - 1, 0, -1.5]),
    )
    def post(
        self, task_id: str, which: int, task_type: str, priority: int, created_at: float
    ) -> None:
        task = Task(task_id, task_type, "…", priority=priority, created_at=created_at)
        if task_id in self.model.tasks or task_id in self.damaged:
            try:
                self.boards[which].post(task)
            except DuplicateTaskError:
                return
            raise AssertionError(f"S6: {task_id} was posted over what was there")
        self.boards[which].post(task)
        self.may_be_left = False
        self.model.tasks[task_id] = ModelTask(task_type, priority, created_at)

    @rule(task_id=TASK_IDS, which=st.integers(0, 1), agent_id=AGENT_IDS)
    def claim(self, task_id: str, which: int, agent_id: str) -> None:
        task = self.model.tasks.get(task_id)
        granted = self.boards[which].claim(task_id, agent_id)
        if task is None or not task.is_claimable(self.now):
            assert not granted, f"S4: {task_id} was granted as {task} at {self.now}"
        elif self.model.is_used_up(task_id, self.now, ATTEMPTS_MAX):
            assert not granted, f"{task_id} was granted a {task.attempts + 1}th attempt"
            self.model.use_up(task_id)
        else:
            assert granted, f"S13: {task_id} was refused as {task} at {self.now}"
            self.grant(task_id, which, agent_id)

    @rule(which=st.integers(0, 1), agent_id=AGENT_IDS, capabilities=CAPABILITIES)
    def claim_next(self, which: int, agent_id: str, capabilities: list[str] | None) -> None:
        before = self.quarantine_times()
        granted = self.boards[which].claim_next(agent_id, capabilities)
        self.allow_quarantine(before)
        self.edited = {i: at for i, at in self.edited.items() if i in self.model.tasks}
        for task_id, task in self.model.claimable(self.now, capabilities):
            if granted is not None and task_id == granted.task_id:
                self.grant(task_id, which, agent_id)
                break
            used_up = self.model.is_used_up(task_id, self.now, ATTEMPTS_MAX)
            if used_up and self.status_on_disk(task_id) == "FAILED":
                self.model.use_up(task_id)
                continue
            noticed = task_id not in self.edited
            assert not noticed, f"S17: {task_id}, {task}, was passed over for {granted}"
        else:
            assert granted is None, f"S18: nothing of {capabilities} was there, got {granted}"
            self.edited = {i: at for i, at in self.edited.items() if self.was_final(i, at)}

    @rule(
        task_id=TASK_IDS,
        which=st.integers(0, 1),
        operation=st.sampled_from([*FENCED, "requeue"]),
        token=TOKENS,
        value=st.sampled_from([1, "x", {"score": 0.5}, None]),
    )
    def change(self, task_id: str, which: int, operation: str, token: str, value: Any) -> None:
        number = None if operation == "requeue" else self.token(task_id, token)
        before = lies_at(self.path(task_id))
        done = call(self.boards[which], operation, task_id, number, value)
        expected = {"error": str(value)} if operation in ("fail", "retry") else value
        allowed = self.model.change(operation, task_id, number, self.now, expected)
        assert done == allowed, f"{operation} of {self.model.tasks.get(task_id)} said {done}"
        self.may_be_left = self.may_be_left and not done
        if not done:
            assert lies_at(self.path(task_id)) == before, f"S5: refused {operation} wrote"

    @rule(which=st.integers(0, 1))
    def prune(self, which: int) -> None:
        done = {i for i, t in self.model.tasks.items() if self.status_on_disk(i) in FINAL_WORDS}
        for task_id in done:
            os.utime(self.path(task_id), (self.now - 1, self.now - 1))
        assert set(self.boards[which].prune(1.0)) == done
        for task_id in done:
            del self.model.tasks[task_id]

    @rule(which=st.integers(0, 1), token=TOKENS, gate=GATES, data=st.data())
    def burst(self, which: int, token: str, gate: str, data: st.DataObject) -> None:
        """Several agents at once, on the tasks that are there and one that is not.

        Nobody calls on a damaged file by its id: what becomes of those is judged alone.
        """
        lease, times = self.boards[which].lease_seconds, self.quarantine_times()
        absent = [i for i in IDS if i not in self.model.tasks and i not in self.damaged]
        tokens = {i: self.token(i, token) for i in (*self.model.tasks, *absent[:1])}
        drawn = bursts(
            tokens or {"another": None},
            lease_seconds=lease,
            faults_max=2,
            can_kill=gate == "processes",
        )
        scenario = data.draw(drawn)
        before = told(self.model, unnoticed=self.edited)
        execution = run_burst(
            scenario,
            self.names[lease],
            self.storage,
            self.time,
            before,
            in_processes=gate == "processes",
        )
        promises = Promises(
            lease_seconds=lease,
            attempts_max=ATTEMPTS_MAX,
            clock="wall",
            stale_ahead=True,
            tells_errors=True,
        )
        convict(execution, promises)
        self.may_be_left = self.may_be_left or were_cut_off(execution)
        for task_id, lies in self.damaged.items() if scenario.faults else ():
            self.moved_in_part.setdefault(task_id, []).append(lies)
        self.allow_quarantine(times, moments_of(execution))
        follow(self.model, execution, left_in(self.storage, but=self.damaged))
        granted = {i for i in self.model.tasks if execution.history.grants(i)}
        self.edited = {i: at for i, at in self.edited.items() if i not in granted}

    # What time, people and disks do.

    @rule(seconds=STEPS)
    def advance_the_clock(self, seconds: float) -> None:
        self.let_pass(seconds)

    @rule(which=st.integers(0, 1), lease_seconds=LEASES)
    def reopen_a_board(self, which: int, lease_seconds: float) -> None:
        self.boards[which] = self.open(lease_seconds)

    @rule(whole=st.booleans())
    def delete_the_index(self, whole: bool) -> None:
        if whole:
            shutil.rmtree(self.storage / ".index", ignore_errors=True)
        else:
            (self.storage / ".index" / "pages").unlink(missing_ok=True)

    @rule(at=st.integers(0, 3), flip=st.integers(1, 255))
    def damage_the_index(self, at: int, flip: int) -> None:
        path = self.storage / ".index" / "pages"
        if path.exists():
            data = bytearray(path.read_bytes())
            place = (at * 4096 + 5) % len(data)
            data[place] ^= flip
            path.write_bytes(data)

    @rule(
        task_id=TASK_IDS,
        payload=DAMAGE,
        age=AGES,
    )
    def damage_a_file(self, task_id: str, payload: Any, age: float) -> None:
        if not is_damage(payload.data, task_id):
            return  # one kind of damage to another's file is to call it by this very id
        put(self.path(task_id), payload.data)
        self.note_damage(task_id, age)

    @rule(task_id=TASK_IDS, kind=IN_ITS_PLACE, age=AGES)
    def misplace_a_file(self, task_id: str, kind: str, age: float) -> None:
        """Something else lies there, or the file is called otherwise, or has a second name."""
        path, outside = self.path(task_id), beside(self.storage)
        if task_id not in self.model.tasks:
            return
        take_away(outside / path.name)
        before = path.lstat()
        misplace(kind, path, outside)
        self.outside = file_tree(outside)
        if kind in NO_DAMAGE or is_still_there(path, before):
            return
        self.model.tasks.pop(task_id)
        for name in sorted(ids_in(self.storage) - self.model.tasks.keys()):
            if self.damaged.get(name) != lies_at(self.path(name)):
                self.note_damage(name, age)
        self.edited.pop(task_id, None)

    @rule(task_id=TASK_IDS, kind=st.sampled_from(list(ODDITIES)))
    def write_a_file_as_others_do(self, task_id: str, kind: str) -> None:
        """What looks odd is no damage; without its last fields it is the task of an older board."""
        if task_id in self.model.tasks:
            data = damaged(Damage(kind), self.path(task_id).read_bytes())
            self.replace_file(task_id, data)
            self.model.tasks[task_id] = ModelTask.of(json.loads(data))

    @rule(task_id=TASK_IDS)
    def remove_a_file(self, task_id: str) -> None:
        take_away(self.path(task_id))
        self.damaged.pop(task_id, None)
        self.model.tasks.pop(task_id, None)
        self.edited.pop(task_id, None)

    @rule(task_id=TASK_IDS, task_type=st.sampled_from(TYPES), priority=st.integers(0, 4))
    def drop_a_file_of_ten_fields(self, task_id: str, task_type: str, priority: int) -> None:
        fields = json.loads(Task(task_id, task_type, "dropped", priority=priority).to_json())
        fields = dict(list(fields.items())[:10])
        self.replace_file(task_id, json.dumps(fields, indent=1).encode())
        self.model.tasks[task_id] = ModelTask(task_type, priority, fields["created_at"])

    @rule(task_id=TASK_IDS)
    def keep_a_version(self, task_id: str) -> None:
        if task_id in self.model.tasks:
            data = self.path(task_id).read_bytes()
            self.old_versions.append((task_id, data, replace(self.model.tasks[task_id])))

    @rule(number=st.integers(0, 9))
    def restore_a_version(self, number: int) -> None:
        if self.old_versions:
            task_id, data, task = self.old_versions[number % len(self.old_versions)]
            self.replace_file(task_id, data)
            self.model.tasks[task_id] = replace(task)

    @rule(task_id=TASK_IDS, priority=st.integers(0, 4), pending=st.booleans())
    def edit_in_place(self, task_id: str, priority: int, pending: bool) -> None:
        task = self.model.tasks.get(task_id)
        if task is None:
            return
        path = self.path(task_id)
        fields = json.loads(path.read_bytes())
        fields["priority"] = priority
        self.edited.setdefault(task_id, self.now if task.status in FINAL_WORDS else -1.0)
        if pending:
            fields["status"] = "PENDING"
        put(path, json.dumps(fields).encode())
        task.priority, task.status = priority, fields["status"]

    def replace_file(self, task_id: str, data: bytes) -> None:
        self.edited.pop(task_id, None)
        self.damaged.pop(task_id, None)
        new = self.root / "new"
        new.write_bytes(data)
        if self.path(task_id).is_dir():  # what a file cannot be moved over
            take_away(self.path(task_id))
        os.replace(new, self.path(task_id))

    # What must hold at every moment.

    @invariant()
    def files_show_the_state(self) -> None:
        if not self.storage.exists():
            return
        for task_id, task in self.model.tasks.items():
            seen = self.boards[0].get(task_id)
            assert seen is not None, f"S7: {task_id} is lost, it was {task}"
            self.assert_same(task_id, seen, task)

    @invariant()
    def listings_tell_the_same(self) -> None:
        if not self.storage.exists():
            return
        board, tasks = self.boards[1], self.model.tasks
        assert {task.task_id for task in board.list_all()} == set(tasks), "S11, S16"
        pending = [i for i, t in self.model.claimable(self.now) if t.status == "PENDING"]
        assert [task.task_id for task in board.get_pending()] == pending
        assert {os.path.basename(error.source) for error in board.damaged()} == {
            f"{task_id}.json" for task_id in self.damaged
        }

    @invariant()
    def damaged_files_are_contained(self) -> None:
        if not self.storage.exists():
            return
        for task_id, lies in self.damaged.items():
            assert lies_at(self.path(task_id)) == lies, f"S12: what lies at {task_id} changed"
            try:
                raise AssertionError(f"S12: {task_id} was read as {self.boards[0].get(task_id)}")
            except CorruptTaskError:
                pass

    @invariant()
    def nothing_outside_is_touched(self) -> None:
        assert file_tree(beside(self.storage)) == self.outside, "S11: a link was followed"

    @invariant()
    def nothing_is_left_over(self) -> None:
        if self.storage.exists():
            assert ids_in(self.storage) == {*self.model.tasks, *self.damaged}, "S11"
            temporary = self.storage / ".tmp"
            is_clear = not temporary.exists() or not os.listdir(temporary)
            assert is_clear or self.may_be_left, "R1: temporary files"

    def teardown(self) -> None:
        try:
            if self.storage.exists() and sys.exception() is None:  # else it has failed already
                self.damage_comes_to_quarantine()
        finally:
            shutil.rmtree(self.root)

    def damage_comes_to_quarantine(self) -> None:
        """After a long time one look for work by an agent that can do nothing moves all damage."""
        self.let_pass(10 * QUARANTINE_AFTER_SECONDS + RESCAN_SECONDS + 10_000)
        before = self.quarantine_times()
        assert self.boards[0].claim_next("nobody", []) is None
        self.allow_quarantine(before)
        assert not self.damaged, f"{self.damaged} must be in quarantine"
        kept: dict[str, list[object]] = {}
        for file in self.boards[0].quarantined():
            kept.setdefault(file.task_id, []).append(lies_at(file.path))
            assert file.reason
        for task_id in kept.keys() | self.quarantined.keys():
            lies = kept.get(task_id, []), self.quarantined.get(task_id, [])
            in_part = self.moved_in_part.get(task_id, [])
            assert are_kept(*lies, in_part), f"S12: quarantine keeps what lay at {task_id}: {lies}"

    # What the rules share.

    def let_pass(self, seconds: float) -> None:
        (self.time.set if seconds < 0 else self.time.advance)(int(seconds * 1e9))

    def grant(self, task_id: str, which: int, agent_id: str) -> None:
        seen = self.boards[which].get(task_id)
        assert seen is not None
        lease = self.boards[which].lease_seconds
        self.model.grant(task_id, agent_id, self.now, lease, seen.token)
        self.may_be_left = False
        self.edited.pop(task_id, None)

    def token(self, task_id: str, which: str) -> int | None:
        task = self.model.tasks.get(task_id)
        if which == "none" or task is None:
            return None
        return task.token if which == "current" else task.token + 1

    def quarantine_times(self) -> dict[str, float]:
        """Of each damaged file when it was last changed, as long as it lies on the board."""
        there = (i for i in self.damaged if os.path.lexists(self.path(i)))
        return {i: self.path(i).lstat().st_mtime for i in there}

    def allow_quarantine(self, changed_at: dict[str, float], moments: Iterable[float] = ()) -> None:
        """Damaged files may have been moved by a look for work, once they were left alone.

        Which it was now, or at one of these moments, by whatever clock.
        """
        for task_id in list(self.damaged):
            if not os.path.lexists(self.path(task_id)):
                age = max(abs(moment - changed_at[task_id]) for moment in (self.now, *moments))
                assert age >= QUARANTINE_AFTER_SECONDS, f"{task_id} was moved after {age} s"
                self.quarantined.setdefault(task_id, []).append(self.damaged.pop(task_id))

    def was_final(self, task_id: str, since: float) -> bool:
        """Whether an edit in place may still be unseen: of what was final, until the next scan."""
        return since >= 0 and abs(self.now - since) < RESCAN_SECONDS

    def path(self, task_id: str) -> Path:
        return self.storage / f"{task_id}.json"

    def note_damage(self, task_id: str, age: float) -> None:
        """There is no such task any more, but what lies there, and was changed so long ago."""
        os.utime(self.path(task_id), (self.now - age, self.now - age), follow_symlinks=False)
        self.damaged[task_id] = lies_at(self.path(task_id))
        self.model.tasks.pop(task_id, None)
        self.edited.pop(task_id, None)

    def status_on_disk(self, task_id: str) -> str:
        return str(json.loads(self.path(task_id).read_bytes())["status"])

    def assert_same(self, task_id: str, seen: Task, task: ModelTask) -> None:
        for name in ModelTask.__slots__:
            if name == "result" and task.status == "FAILED" and task.result is None:
                continue  # attempts used up: the reason is the board's own words
            got, expected = getattr(seen, name), getattr(task, name)
            assert got == expected, f"S6: {name} of {task_id} must be {expected!r}, got {got!r}"


FINAL_WORDS = ("COMPLETED", "FAILED", "CANCELLED")


# Hypothesis switches all health checks off for state machines; here they are worth having.
TaskBoardMachine.TestCase.settings = settings(suppress_health_check=(), stateful_step_count=30)
