"""A board opened on what a crash left: what it must still know, and whether it goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from proofs.harness import answers
from proofs.harness.adapter import Answer, Board, BoardAdapter, LacksOperationError
from proofs.harness.checkers.files import tells_of_damage
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Execution
from proofs.harness.history import Operation
from proofs.harness.persistence.changes import ChangeLog
from proofs.harness.persistence.recorded_agent import DirectoryRecorder, RecordedAgent
from proofs.harness.scheduler import Switches
from proofs.harness.threads import StuckError, ThreadGate
from proofs.harness.trace import Step
from proofs.harness.verdict import Verdict, violated
from strategies.programs import Ask
from strategies.scenarios import START

JUDGED: Final = ("S2", "S7", "S8", "S12", "S14", "L1")
"""What is looked at after a crash; L1: all that is on the board can be brought to its end."""

AGENT: Final = "recovering"

_ENDS: Final = {"complete": "COMPLETED", "fail": "FAILED", "cancel": "CANCELLED"}
_STATES: Final = {"PENDING", "CLAIMED", "IN_PROGRESS", *_ENDS.values(), "gone"}
_AFTER: Final = "after the crash"
_DAY_SECONDS: Final = 86_400.0

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What agents had been told before a crash: ids of tasks that were posted; of final ones the
    status, and the agent if it was completed; of granted ones the largest token. ``taken`` are
    those that may have been granted, whether that was told or not.
    """

    posted: frozenset[str]
    final: frozenset[tuple[str, str, str | None]] = frozenset()
    tokens: frozenset[tuple[str, int]] = frozenset()
    taken: frozenset[str] = field(default=frozenset(), compare=False)

    def words(self) -> str:
        """As a person is told."""
        final = {task_id: status for task_id, status, _ in self.final}
        tokens = {task_id: f"token {token}" for task_id, token in self.tokens}
        told = [
            " ".join([task_id, final.get(task_id, "posted"), tokens.get(task_id, "")]).strip()
            for task_id in sorted({*self.posted, *final, *tokens})
        ]
        return ", ".join(told) or "nothing"


@dataclass(slots=True)
class Recovery:
    """What a restarted board did and what it broke; ``log`` where that was written down."""

    broken: list[Verdict] = field(default_factory=list)
    trace: list[Step] = field(default_factory=list)
    log: ChangeLog | None = None


def acknowledged(execution: Execution, step: int) -> Acknowledged:
    """By the operations that had returned before the effect of this number.

    A task that somebody was asked to requeue or prune by then is not counted as final.
    """
    operations = execution.history.operations
    begun = [one for one in operations if one.invoked_at <= step]
    told = [one for one in begun if one.returned_at <= step and one.outcome == "ok"]
    reopened = {one.arguments["task_id"] for one in begun if one.name == "requeue"}
    has_pruned = any(one.name == "prune" for one in begun)
    final = {_end(one) for one in told if one.name in _ENDS}
    before = {task["task_id"] for task in execution.history.posted}
    posted = before | {one.arguments["task_id"] for one in told if one.name == "post"}
    if has_pruned:  # what has ended may have been put away
        ended = {one.arguments["task_id"] for one in begun if one.name in _ENDS}
        posted, final = posted - ended, set()
    tokens: dict[str, int] = {}
    for one in told:
        if one.name in ("claim", "claim_next") and one.answer["token"] is not None:
            task_id, token = one.answer["task_id"], one.answer["token"]
            tokens[task_id] = max(token, tokens.get(task_id, 0))
    return Acknowledged(
        frozenset(posted),
        frozenset(end for end in final if end[0] not in reopened),
        frozenset(tokens.items()),
        frozenset(_taken(execution, begun, step, posted)),
    )


def _taken(
    execution: Execution, begun: list[Operation], step: int, posted: set[str]
) -> Iterator[str]:
    for one in begun:
        if one.name == "claim":
            yield one.arguments["task_id"]
        elif one.name == "claim_next" and one.outcome == "ok" and one.returned_at <= step:
            yield one.answer["task_id"]
        elif (
            one.name == "claim_next" and one.outcome != "refused" and _changed(execution, one, step)
        ):
            yield from posted  # it may have been any of them


def _changed(execution: Execution, one: Operation, step: int) -> bool:
    """Whether the call had changed anything by then; who has not written has taken nothing."""
    changes = execution.changes
    within = range(one.invoked_at, min(one.returned_at, step))
    return changes is None or any(
        number in within and execution.trace[number].agent == one.agent for number in changes.steps
    )


def _end(one: Operation) -> tuple[str, str, str | None]:
    by = one.agent if one.name == "complete" else None
    return one.arguments["task_id"], _ENDS[one.name], by


def recover(
    board: Board,
    root: Path,
    known: Acknowledged,
    promises: Promises = PROMISES,
    *,
    restarts: int = 1,
    is_recorded: bool = False,
    has_one_counter: bool = False,
) -> Recovery:
    """Open the board on what is at ``root``, finish all work there, and say what it broke.

    By a clock in which all leases have lapsed, and later ones the more often it is restarted. The
    doors must be open. ``has_one_counter``: no two tasks may have the same token.
    """
    lease = promises.lease_seconds if promises.lease_seconds < 1e9 else 0.0
    time = SharedTime(int((START + restarts * max(_DAY_SECONDS, 2 * lease)) * 1e9))
    recorder = DirectoryRecorder(root) if is_recorded else None
    kind = None if recorder is None else partial(RecordedAgent, recorder)
    gate = ThreadGate(root, Switches({}), time, kind=kind)
    found: list[Verdict] = []
    agent = AGENT if restarts == 1 else f"{AGENT} {restarts}"  # another chance each time
    judge = _Judge(board, root, known, promises, agent, has_one_counter)
    try:
        gate.run({agent: lambda: found.extend(judge.verdicts())})
    except StuckError as error:
        found = [violated("L1", f"{_AFTER} the board got stuck: {error}")]
    kept = [verdict for verdict in found if promises.include(verdict.invariant)]
    return Recovery(kept, gate.trace, None if recorder is None else recorder.log)


@dataclass(slots=True)
class _Judge:
    """Asks one board what it still knows, then for work until there is none."""

    board: Board
    root: Path
    known: Acknowledged
    promises: Promises
    agent: str
    has_one_counter: bool
    granted: set[str] = field(default_factory=set)

    def verdicts(self) -> list[Verdict]:
        try:
            opened = self.board(str(self.root))
            adapter = BoardAdapter(opened, self.agent)
            return list(self._looked_at(opened, adapter)) or list(self._finished(adapter))
        except answers.UnfitBoardError:
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {error}".replace(f"{self.root}/", "")
            if tells_of_damage(words):
                return [violated("S8", f"{_AFTER} a file is no complete version: {words}")]
            return [violated("S12", f"{_AFTER} the board raised {words}")]

    def _looked_at(self, opened: Any, adapter: BoardAdapter) -> Iterator[Verdict]:
        kept = {
            str(answers.fields("quarantined", one)["task_id"]) for one in _of(opened, "quarantined")
        }
        for damage in _of(opened, "damaged"):
            yield violated("S8", f"{_AFTER} {damage}".replace(f"{self.root}/", ""))
            return
        listed = self._listed(adapter)
        if listed is None:
            return
        for task_id in sorted(self.known.posted - listed.keys() - kept):
            yield violated("S7", f"{task_id} is neither on the board nor in quarantine {_AFTER}")
        yield from self._not_final(listed)

    def _listed(self, adapter: BoardAdapter) -> dict[str, Fields] | None:
        """All tasks of the board, or those that are known of; None if it shows none."""
        try:
            listed: list[Fields] = adapter.call(Ask("list_all"), {}).value
            return {task["task_id"]: task for task in listed}
        except LacksOperationError:
            pass
        try:
            shown = (
                adapter.call(Ask("get"), {"task_id": task_id}).value
                for task_id in sorted(self.known.posted)
            )
            return {task["task_id"]: task for task in shown if task is not None}
        except LacksOperationError:
            return None

    def _not_final(self, listed: dict[str, Fields]) -> Iterator[Verdict]:
        for task_id, status, by in sorted(self.known.final, key=str):
            task = listed.get(task_id, {"status": "gone"})
            if task["status"] not in _STATES:  # in words of its own
                continue
            if task["status"] != status:
                words = f"{task_id} was {status}, and is {task['status']} {_AFTER}"
                yield violated("S14", words)
            elif by is not None and _holder_of(task) != by:
                yield violated("S14", f"{task_id} has no result by {by} {_AFTER}")

    def _finished(self, adapter: BoardAdapter) -> Iterator[Verdict]:
        """Take and complete all that can be taken."""
        before = self._listed(adapter)
        ids = self.known.posted if before is None else before.keys() | self.known.posted
        yield from self._drained(adapter, sorted(ids))
        listed = self._listed(adapter)
        if listed is None:
            yield from self._never_granted()
            return
        for task_id, task in listed.items():
            if task["status"] in ("PENDING", *self._held):
                yield violated("L1", f"{task_id} stays {task['status']} {_AFTER}")
        yield from self._not_final(listed)

    @property
    def _held(self) -> tuple[str, ...]:
        """The states in which a task must have come to its end: those of claims that lapse."""
        return () if math.isinf(self.promises.lease_seconds) else ("CLAIMED", "IN_PROGRESS")

    def _never_granted(self) -> Iterator[Verdict]:
        """Where nothing shows a task, it is there if it is granted."""
        ended = {task_id for task_id, _, _ in self.known.final}
        for task_id in sorted(self.known.posted - ended - self.known.taken - self.granted):
            yield violated("S7", f"{task_id} is not granted any more {_AFTER}")

    def _drained(self, adapter: BoardAdapter, ids: list[str]) -> Iterator[Verdict]:
        last = dict(self.known.tokens)
        used = set(last.values())
        for granted in _grants(adapter, ids):
            task_id, token = granted.value["task_id"], granted.value["token"]
            self.granted.add(task_id)
            if token is not None:
                if token <= last.get(task_id, 0):
                    words = f"after token {last[task_id]} {task_id} was granted with {token}"
                    yield violated("S2", f"{words} {_AFTER}")
                elif self.has_one_counter and token in used:
                    yield violated("S2", f"{task_id} was granted with {token} of another {_AFTER}")
                last[task_id] = token
                used.add(token)
            try:
                done = adapter.call(Ask("complete"), {"task_id": task_id, "token": token}).done
            except LacksOperationError:
                continue
            if not done:
                yield violated("L1", f"{task_id} could not be completed {_AFTER}")


def _grants(adapter: BoardAdapter, ids: list[str]) -> Iterator[Answer]:
    """What is granted to one who asks until there is no more, but not for ever."""
    try:
        for _ in range(2 * len(ids) + 1):
            granted = adapter.call(Ask("claim_next"), {})
            if not granted.done:
                return
            yield granted
    except LacksOperationError:
        asked = (adapter.call(Ask("claim"), {"task_id": task_id}) for task_id in ids)
        yield from (granted for granted in asked if granted.done)


def _of(opened: Any, name: str) -> list[Any]:
    """What our own format can tell besides; other boards have no such method."""
    method = getattr(opened, name, None)
    return list(method()) if callable(method) else []


def _holder_of(task: Fields) -> object:
    result = task["result"]
    return result.get("by") if isinstance(result, dict) else None
