"""One run of a scenario on a board: history, trace, and what is left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from proofs.harness.adapter import Board, BoardAdapter, LacksOperationError
from proofs.harness.answers import UnfitBoardError
from proofs.harness.beside import Beside
from proofs.harness.clock import EFFECT_NS, SharedTime
from proofs.harness.damaging import Damaged, do_damage, is_kept
from proofs.harness.effects import DAEMON
from proofs.harness.guard.watch import Watch
from proofs.harness.history import History, Operation
from proofs.harness.nemesis import Nemesis, clocks_set_by_seconds
from proofs.harness.persistence.changes import ChangeLog
from proofs.harness.record import Record
from proofs.harness.recording import Recorder, by_invocation
from proofs.harness.scheduler import PriorityChanges, RandomWalk, Scheduler, Switches
from proofs.harness.scheduling import agent_of
from proofs.harness.supervision import supervised
from proofs.harness.threads import AgentKind, StuckError, ThreadGate
from proofs.harness.trace import Step
from proofs.harness.turns import Stops, Turns, pattern_of
from proofs.harness.verdict import UnknownError
from strategies.faults import KILL
from strategies.interleavings import Interleaving
from strategies.payloads import ODDITIES
from strategies.programs import Ask
from strategies.scenarios import START, Scenario


class NotApplicableError(Exception):
    """A scenario cannot be run at a gate; says why."""


def needs_processes(scenario: Scenario) -> str | None:
    """Why its agents cannot be threads of one process, if they cannot."""
    killed = next((fault.agent for fault in scenario.faults if fault.what == KILL), None)
    if killed is None:
        return None
    return f"{killed} is killed, so it must be a process of its own: a thread has none to lose"


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """A part of an agent that went on when all programs had come to their ends.

    ``before`` is the effect that it was about to do.
    """

    part: str
    kind: Literal["thread", "daemon thread", "child"]
    before: str

    def __str__(self) -> str:
        return f"{self.kind} {self.part} before {self.before}"


@dataclass(frozen=True, slots=True)
class Execution:
    """What a run of ``scenario`` did; equal scenarios give equal executions.

    ``stuck`` says who waited for what, if the run did not come to its end; ``lacking`` are the
    operations that the board does not have; ``final`` is what its own listing says afterwards,
    None if it has none or raises, which ``final_error`` tells then; ``descriptors`` are those that
    the agents left open, by agent, and ``running`` the threads and children that they left.
    ``unseen`` says in words what no gate saw; it voids all verdicts. ``files`` are the names of all
    files left below the directory, where they can be read until the next run. ``damaged`` is what
    was done of the scenario's damage, ``lost`` that of it whose bytes were nowhere below the
    directory when the agents were done, so that nobody can mend it. ``outside`` are files beside
    the directory that came, went or changed, where hostile ids lead. ``changes`` is what was done
    to the directory, where that was written down.
    """

    scenario: Scenario
    history: History
    trace: list[Step]
    stuck: str | None
    lacking: frozenset[str]
    final: list[dict[str, Any]] | None
    descriptors: dict[str, list[str]]
    final_error: str | None = None
    running: dict[str, list[LeftRunning]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    damaged: tuple[Damaged, ...] = ()
    lost: tuple[Damaged, ...] = ()
    outside: tuple[str, ...] = ()
    changes: ChangeLog | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Ran:
    """What came of the programs of a scenario: the part of an execution that a gate gives."""

    trace: list[Step]
    records: dict[str, Record]
    stuck: str | None
    left: list[tuple[str, str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


class ScenarioGate(Protocol):
    """Where the agents of a scenario run; threads of this process, if no other is named."""

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None,
    ) -> Ran:
        """Run the programs on what is at ``root``, by the scenario's interleaving, and watch."""
        ...


def run(
    scenario: Scenario,
    board: Board,
    root: Path,
    gate: ScenarioGate | None = None,
    *,
    guarded: bool = False,
) -> Execution:
    """Run a scenario on an empty directory at ``root``, which is made anew.

    The agents are threads of this process, or what ``gate`` makes of them; the tasks are posted,
    and listed at the end, here. The doors must be open (see ``interception``). A guarded run
    has the same trace, takes several times as long, and tells what its agents did unseen.
    """
    job = partial(_run_whole, scenario, board, root, gate, guarded=guarded)
    return supervised(job, by_turns=gate is None)


def _run_whole(
    scenario: Scenario, board: Board, root: Path, gate: ScenarioGate | None, *, guarded: bool
) -> Execution:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    time = SharedTime(int(START * 1e9), scenario.clock.file_tick_ns)
    os.utime(root, ns=(time.file_ns, time.file_ns))
    alone = _Alone(root, time)
    try:
        alone.run(lambda: _post_all(scenario, board, root))
    except StuckError as error:
        words = f"post must come to an end where nobody else is at work: {error}"
        raise UnfitBoardError(words) from error
    beside = Beside(scenario, root)
    done = _damaged(scenario, root, time)
    beside.remember()
    before = [_as_left(task.to_json(), done, root) for task in scenario.tasks]
    watch = Watch(str(root)) if guarded else None
    execution = _run(alone, scenario, board, before, gate, watch, done)
    return replace(execution, outside=beside.changes())


def _damaged(scenario: Scenario, root: Path, time: SharedTime) -> tuple[Damaged, ...]:
    """Do the scenario's damage, as somebody would whose clock is the scenario's."""
    ids = [task.task_id for task in scenario.tasks]
    done = []
    for damage in scenario.damage:
        time.advance(EFFECT_NS)
        one = do_damage(damage, root, ids)
        if one is not None:
            done.append(one)
            for path in (root / one.path, (root / one.path).parent):
                if os.path.lexists(path):  # it may be called otherwise now
                    os.utime(path, ns=(time.file_ns, time.file_ns), follow_symlinks=False)
    return tuple(done)


def _as_left(task: dict[str, Any], damaged: Sequence[Damaged], root: Path) -> dict[str, Any]:
    """A task as a history tells of it: of what only looks odd its file may tell another type."""
    for done in damaged:
        if done.damage.kind in ODDITIES and Path(done.path).stem == task["task_id"]:
            return {name: json.loads((root / done.path).read_bytes())[name] for name in task}
    return task


def run_from(
    time: SharedTime,
    scenario: Scenario,
    board: Board,
    root: Path,
    before: Sequence[dict[str, Any]],
    gate: ScenarioGate | None = None,
) -> Execution:
    """Run the programs of a scenario on what is at ``root``, from that moment on.

    ``before`` are the tasks that are there (see ``History``); those of the scenario are not
    posted. ``time`` goes on meanwhile. Nobody watches for unseen effects. Otherwise as ``run``.
    """
    alone = _Alone(root, time)
    job = partial(_run, alone, scenario, board, before, gate, None)
    return supervised(job, by_turns=gate is None)


def _run(
    alone: _Alone,
    scenario: Scenario,
    board: Board,
    before: Sequence[dict[str, Any]],
    gate: ScenarioGate | None,
    watch: Watch | None,
    damaged: tuple[Damaged, ...] = (),
) -> Execution:
    ran = (gate or _Threads()).run(scenario, board, alone.root, alone.time, watch)
    lost = tuple(done for done in damaged if not is_kept(done, alone.root))
    final, final_error = _listed_at_the_end(board, alone)
    return Execution(
        scenario,
        History(before, as_clocks_went(by_invocation(ran.records.values()), ran.trace)),
        ran.trace,
        ran.stuck,
        frozenset().union(*(record.lacking for record in ran.records.values())),
        final,
        {name: record.descriptors for name, record in ran.records.items()},
        final_error,
        _by_agent([*ran.left, *alone.left], _daemons(ran.trace)),
        tuple(dict.fromkeys([*ran.unseen, *alone.unseen])),
        tuple(sorted(pattern_of(name) for name in _names(str(alone.root)))),
        damaged,
        lost,
    )


def as_clocks_went(operations: Sequence[Operation], trace: Sequence[Step]) -> list[Operation]:
    """The operations with the earliest and the latest that their callers' clocks can have shown.

    Where clocks were set back amid a call, that is less than at its beginning, or more than at its
    end.
    """
    back = {at: -by for at, step in enumerate(trace) if (by := clocks_set_by_seconds(step)) < 0}
    if not back:
        return list(operations)
    found = []
    for one in operations:
        by = sum(back.get(number, 0.0) for number in range(one.invoked_at, one.returned_at))
        found.append(replace(one, started=one.started - by, ended=one.ended + by))
    return found


def _names(directory: str, prefix: str = "") -> Iterator[str]:
    """The files below a directory, as seen from the board's."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _names(entry.path, f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name


def scheduler_of(interleaving: Interleaving) -> Scheduler:
    """The scheduler that chooses so."""
    if interleaving.kind == "turns":
        return Turns(interleaving.turns)
    if interleaving.kind == "stops":
        return Stops(interleaving.stops)
    if interleaving.kind == "walk":
        return RandomWalk(interleaving.seed)
    if interleaving.kind == "pct":
        return PriorityChanges(interleaving.seed, interleaving.changes, interleaving.effects)
    return Switches(dict(interleaving.switches))


class _Threads:
    """Runs the agents of a scenario as threads of this process."""

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None,
    ) -> Ran:
        return run_in_threads(scenario, board, root, time, watch=watch)


def run_in_threads(
    scenario: Scenario,
    board: Board,
    root: Path,
    time: SharedTime,
    *,
    watch: Watch | None = None,
    kind: AgentKind | None = None,
) -> Ran:
    """Run the programs of a scenario as threads, each acting as an agent of this kind."""
    refused = needs_processes(scenario)
    if refused:
        raise NotApplicableError(refused)
    recorders = {name: Recorder(name, program, board, root) for name, program in scenario.programs}
    scheduler, nemesis = scheduler_of(scenario.interleaving), Nemesis.of(scenario.faults)
    gate = ThreadGate(root, scheduler, time, watch=watch, nemesis=nemesis, kind=kind)
    stuck = None
    try:
        gate.run(recorders, scenario.clock, scenario.chance)
    except StuckError as error:
        stuck = str(error)
    records = {name: one.ended() for name, one in recorders.items()}
    return Ran(gate.trace, records, stuck, gate.scheduling.left, gate.scheduling.unseen)


def _by_agent(left: list[tuple[str, str]], daemons: frozenset[str]) -> dict[str, list[LeftRunning]]:
    found: dict[str, list[LeftRunning]] = {}
    for part, effect in left:
        is_child = part.rpartition(".")[2].startswith("c")
        kind: Any = "child" if is_child else "daemon thread" if part in daemons else "thread"
        found.setdefault(agent_of(part), []).append(LeftRunning(part, kind, effect))
    return found


def _daemons(trace: Sequence[Step]) -> frozenset[str]:
    """The threads for which their processes do not wait."""
    started = (step.effect for step in trace if step.effect.kind == "start")
    return frozenset(effect.paths[0][1:-1] for effect in started if effect.detail == DAEMON)


@dataclass(slots=True)
class _Alone:
    """Runs programs as the only agent, and gathers what these left running and what went unseen."""

    root: Path
    time: SharedTime
    left: list[tuple[str, str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def run(self, program: Callable[[], None]) -> bool:
        """False if the board lacks what the program needs; else raises what it raises."""
        lacks = False

        def guarded() -> None:
            nonlocal lacks
            try:
                program()
            except LacksOperationError:
                lacks = True

        gate = ThreadGate(self.root, Switches({}), self.time)
        try:
            gate.run({"alone": guarded})
        finally:
            self.left += gate.scheduling.left
            self.unseen += gate.scheduling.unseen
        return not lacks


def _post_all(scenario: Scenario, board: Board, root: Path) -> None:
    """Put the tasks there; where there are none nobody has opened the board before the agents."""
    if not scenario.tasks:
        return
    try:
        adapter = BoardAdapter(board(str(root)), "alone")
    except Exception as error:
        words = f"board must open on an empty directory, raised {type(error).__name__}: {error}"
        raise UnfitBoardError(words) from error
    for task in scenario.tasks:
        try:
            is_posted = adapter.post(task)
        except LacksOperationError:
            raise UnfitBoardError("board must have post(task), and it has none") from None
        except Exception as error:
            words = f"post must put {task.task_id} on an empty board, raised {type(error).__name__}"
            raise UnfitBoardError(f"{words}: {error}") from error
        if not is_posted:
            raise UnfitBoardError(f"post must put {task.task_id} on an empty board, got False")


def _listed_at_the_end(
    board: Board, alone: _Alone
) -> tuple[list[dict[str, Any]] | None, str | None]:
    """What the board lists when all is over, or what it raises instead."""
    final: list[dict[str, Any]] = []
    try:
        lists = alone.run(lambda: final.extend(_listed(board, alone.root) or []))
    except (UnfitBoardError, UnknownError):
        raise
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return (final if lists else None), None


def _listed(board: Board, root: Path) -> list[dict[str, Any]] | None:
    adapter = BoardAdapter(board(str(root)), "alone")
    listed: list[dict[str, Any]] | None = adapter.call(Ask("list_all"), {}).value
    return listed
