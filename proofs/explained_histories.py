"""Histories that a real order explains: what a plain board did, one operation after the other.

Each operation takes effect at one moment of its call; calls overlap around these moments, clocks
are apart and set back, and some calls raise, whatever was done by then or is done later, or are
those of a killed agent, done or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from hypothesis import strategies as st

from proofs.harness.checkers.promises import LeaseClock, Promises
from proofs.harness.execution import Execution
from proofs.harness.history import KILLED, History, Operation, Outcome
from proofs.harness.model import BoardModel, ModelTask
from strategies.clocks import Clock
from strategies.programs import TYPES
from strategies.scenarios import START, PostedTask, Scenario

LEASE_SECONDS: Final = 3600.0
TASKS: Final = (PostedTask("t1", TYPES[0], 5), PostedTask("t2", TYPES[1], 4))
_IDS: Final = ("t1", "t2", "n1")
_NAMES: Final = (
    *("claim_next", "claim_next", "claim", "claim", "complete", "complete", "start", "renew"),
    *("fail", "retry", "release", "cancel", "requeue", "prune", "post", "get", "list_all"),
    *("get_pending", "get_claimable", "get_by_type", "get_results_by_parent"),
)
_FINAL: Final = ("COMPLETED", "FAILED", "CANCELLED")
_Drawn = tuple[Outcome, Any, str | None]


@dataclass
class PlainBoard:
    """Does one operation after the other; ``attempts_max`` as boards promise it."""

    attempts_max: int | None
    model: BoardModel = field(default_factory=BoardModel)

    def __post_init__(self) -> None:
        for task in TASKS:
            self.put(task.to_json())

    def put(self, fields: Mapping[str, Any]) -> bool:
        """Whether the id was free."""
        if fields["task_id"] in self.model.tasks:
            return False
        self.model.largest_tokens.pop(fields["task_id"], None)  # another task of the same name
        self.model.tasks[fields["task_id"]] = ModelTask(
            fields["task_type"], fields["priority"], fields["created_at"]
        )
        return True

    def grant(self, agent: str, now: float, found: list[str]) -> dict[str, Any] | None:
        """Grant the first of these that is free and has attempts left."""
        for task_id in found:
            if task_id not in self.model.tasks or not self.model.tasks[task_id].is_claimable(now):
                continue
            if self.model.is_used_up(task_id, now, self.attempts_max):
                self.model.use_up(task_id)
                continue
            token = self.model.largest_tokens.get(task_id, 0) + 1
            self.model.grant(task_id, agent, now, LEASE_SECONDS, token)
            return {"task_id": task_id, "token": token}
        return None

    def do(self, call: Operation, now: float) -> tuple[bool, Any]:
        """Whether it was done, and the answer."""
        name, arguments = call.name, call.arguments
        if name == "claim_next":
            able = self.model.claimable(now, arguments.get("capabilities"))
            granted = self.grant(call.agent, now, [task_id for task_id, _ in able])
            return granted is not None, granted
        if name == "claim":
            granted = self.grant(call.agent, now, [arguments["task_id"]])
            return granted is not None, granted
        if name == "post":
            return self.put(arguments), None
        if name == "prune":
            gone = [i for i, task in self.model.tasks.items() if task.status in _FINAL]
            for task_id in gone:
                del self.model.tasks[task_id]
            return True, gone
        if name == "get":
            return True, self.fields(arguments["task_id"])
        if name in _LISTED:
            return True, [
                self.fields(task_id)
                for task_id, task in self.model.tasks.items()
                if _LISTED[name](task, now, arguments)
            ]
        task_id = arguments["task_id"]
        value = {"by": call.agent, "of": task_id} if name == "complete" else "failed"
        return self.model.change(name, task_id, arguments.get("token"), now, value), None

    def fields(self, task_id: str) -> dict[str, Any] | None:
        """The task as a reader sees it."""
        task = self.model.tasks.get(task_id)
        if task is None:
            return None
        seen = {"task_id": task_id, "status": task.status, "result": task.result}
        return {**seen, "claimed_by": task.claimed_by, "token": task.token}


_LISTED: Final[dict[str, Callable[[ModelTask, float, Mapping[str, Any]], bool]]] = {
    "list_all": lambda task, now, asked: True,
    "get_pending": lambda task, now, asked: task.status == "PENDING",
    "get_claimable": lambda task, now, asked: (
        task.status == "PENDING"
        or (task.status not in _FINAL and now - (task.claimed_at or 0) >= asked["timeout_seconds"])
    ),
    "get_by_type": lambda task, now, asked: task.task_type == asked["task_type"],
    "get_results_by_parent": lambda task, now, asked: task.status == "COMPLETED",
}


@st.composite
def explained(draw: st.DrawFn, calls_max: int = 12) -> tuple[Execution, Promises]:
    """An execution in which all promises were kept, and what the board promises.

    It goes by the callers' clocks, which it may promise, or by one for all of them.
    """
    attempts_max = draw(st.sampled_from([None, 2, 5]))
    promised = draw(st.sampled_from(get_args(LeaseClock)))
    is_by_one_clock = promised == "any" and draw(st.booleans())
    board, skews = PlainBoard(attempts_max), draw(_skews())
    agents = draw(st.lists(st.sampled_from(sorted(skews)), min_size=1, max_size=calls_max))
    spans = _spans(draw, agents)
    jumps = st.sampled_from([0, 0, 0, 0, LEASE_SECONDS / 2, LEASE_SECONDS, -2 * LEASE_SECONDS])
    steps = [draw(jumps) for _ in agents]

    def clock(effect: int, agent: str) -> float:
        passed = sum(steps[: effect // 10 + 1])
        return START + passed + effect * 1e-6 + skews[agent]

    operations, granted = [], dict[str, tuple[str, int]]()
    for number, (agent, (begin, end)) in enumerate(zip(agents, spans, strict=True)):
        name, arguments = _asked(draw, granted.get(agent))
        readings = [clock(effect, agent) for effect in range(begin, end + 1)]
        times = (begin, end, min(readings), max(readings))
        call = Operation(agent, name, arguments, *times, "ok")
        moment = clock(10 * number + 5, agent)
        done = _done(draw, board, call, moment - skews[agent] if is_by_one_clock else moment)
        if done.may_go_on:  # it may have come back before it took effect
            early = draw(st.integers(begin + 1, end))
            met = readings[: early - begin + 1]
            done = replace(done, returned_at=early, started=min(met), ended=max(met))
        if done.answer and name in ("claim", "claim_next"):
            granted[agent] = (done.answer["task_id"], done.answer["token"])
        operations.append(done)
    final = [board.fields(task_id) or {} for task_id in board.model.tasks]
    ordered = sorted(operations, key=lambda operation: operation.invoked_at)
    history = History([task.to_json() for task in TASKS], ordered)
    scenario = Scenario(TASKS, (), clock=Clock(tuple(skews.items())))
    promises = Promises(attempts_max=attempts_max, clock=promised)
    return Execution(scenario, history, [], None, frozenset(), final, {}), promises


def _skews() -> st.SearchStrategy[dict[str, float]]:
    apart = st.sampled_from([0.0, 0.0, 0.0, 60.0, -LEASE_SECONDS, 2 * LEASE_SECONDS])
    return st.fixed_dictionaries({"a1": apart, "a2": apart, "a3": apart})


def _spans(draw: st.DrawFn, agents: list[str]) -> list[tuple[int, int]]:
    """From when to when each call lasts, which is at work at the moment 10 * its number + 5."""
    begins, ends = {}, {}
    last: dict[str, int] = {}
    for number, agent in enumerate(agents):
        moment = 10 * number + 5
        if agent in last:
            cut = draw(st.integers(10 * last[agent] + 6, moment))
            ends[last[agent]] = begins[number] = cut
        else:
            begins[number] = draw(st.integers(max(0, moment - 40), moment))
        last[agent] = number
    for number in last.values():
        ends[number] = 10 * number + 5 + draw(st.integers(1, 40))
    return [(begins[number], ends[number]) for number in range(len(agents))]


def _asked(draw: st.DrawFn, granted: tuple[str, int] | None) -> tuple[str, dict[str, Any]]:
    """A call that an agent may make."""
    name = draw(st.sampled_from(_NAMES))
    if name == "claim_next":
        only = draw(st.sampled_from([None, None, *TYPES]))
        return name, {} if only is None else {"capabilities": [only]}
    if name == "get_claimable":
        seconds = draw(st.sampled_from([0.0, LEASE_SECONDS / 2, LEASE_SECONDS]))
        return name, {"timeout_seconds": seconds}
    if name == "get_by_type":
        return name, {"task_type": draw(st.sampled_from(TYPES))}
    if name in ("prune", *_LISTED):
        return name, {}
    if granted and name not in ("claim", "post", "get", "requeue") and draw(st.integers(0, 3)):
        task_id, token = granted
        return name, {"task_id": task_id, "token": draw(st.sampled_from([token, None]))}
    task_id = draw(st.sampled_from(_IDS))
    if name == "post":
        return name, PostedTask(task_id, created_at=1.0).to_json()
    return name, {"task_id": task_id}


def _done(draw: st.DrawFn, board: PlainBoard, call: Operation, now: float) -> Operation:
    """The call with what came of it: now and then it raises instead, done or not."""
    is_read = call.name == "get" or call.name in _LISTED
    fate = "" if is_read else draw(st.sampled_from(["", "", "", "", "done", "not done"]))
    error = draw(st.sampled_from(["OSError: at some time", KILLED])) if fate else None
    if fate == "not done":
        return replace(call, outcome="unknown", error=error)
    is_done, answer = board.do(call, now)
    if fate == "done":
        return replace(call, outcome="unknown", error=error)
    if not is_done and call.name == "post" and draw(st.booleans()):
        return replace(call, outcome="unknown", error="KeyError: taken")
    if call.name == "prune" and draw(st.integers(0, 3)) == 0:
        answer = None  # some boards say only how many
    return replace(call, outcome="ok" if is_done else "refused", answer=answer)
