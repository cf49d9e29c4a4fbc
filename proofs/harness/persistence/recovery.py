"""A board opened on what a crash left: what it must still know, and whether it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proofs.harness import answers
from proofs.harness.adapter import Answer, Board, BoardAdapter
from proofs.harness.execution import Execution
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, violated
from strategies.programs import Ask

JUDGED: Final = ("S2", "S7", "S8", "S12", "S14", "L1")
"""What is looked at after a crash; L1: all that is on the board can be brought to its end."""

_ENDS: Final = {"complete": "COMPLETED", "fail": "FAILED", "cancel": "CANCELLED"}
_AFTER: Final = "after the crash"
_AGENT: Final = "recovering"

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What agents had been told before a crash: ids of tasks that were posted; of final ones the
    status, and the agent if it was completed; of granted ones the largest token.
    """

    posted: frozenset[str]
    final: frozenset[tuple[str, str, str | None]] = frozenset()
    tokens: frozenset[tuple[str, int]] = frozenset()


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
    )


def _end(one: Operation) -> tuple[str, str, str | None]:
    by = one.agent if one.name == "complete" else None
    return one.arguments["task_id"], _ENDS[one.name], by


def recover(board: Board, root: Path, known: Acknowledged) -> list[Verdict]:
    """Open the board on what is at ``root``, finish all work there, and say what it broke.

    All claims that are there must have lapsed by the clock of this call.
    """
    try:
        opened = board(str(root))
        adapter = BoardAdapter(opened, _AGENT)
        found = list(_looked_at(opened, adapter, known))
        return found or list(_finished(adapter, known))
    except Exception as error:
        return [violated("S12", f"{_AFTER} the board raised {type(error).__name__}: {error}")]


def _looked_at(opened: Any, adapter: BoardAdapter, known: Acknowledged) -> Iterator[Verdict]:
    listed = _listed(adapter)
    kept = {
        str(answers.fields("quarantined", one)["task_id"]) for one in _of(opened, "quarantined")
    }
    for damage in _of(opened, "damaged"):
        yield violated("S8", f"{_AFTER} {damage}".replace(str(opened.storage_path) + "/", ""))
        return
    for task_id in sorted(known.posted - listed.keys() - kept):
        yield violated("S7", f"{task_id} is neither on the board nor in quarantine {_AFTER}")
    yield from _not_final(listed, known)


def _of(opened: Any, name: str) -> list[Any]:
    """What our own format can tell besides; other boards have no such method."""
    method = getattr(opened, name, None)
    return list(method()) if callable(method) else []


def _listed(adapter: BoardAdapter) -> dict[str, Fields]:
    listed: list[Fields] = adapter.call(Ask("list_all"), {}).value
    return {task["task_id"]: task for task in listed}


def _not_final(listed: dict[str, Fields], known: Acknowledged) -> Iterator[Verdict]:
    for task_id, status, by in sorted(known.final, key=str):
        task = listed.get(task_id, {})
        if task.get("status") != status:
            words = f"{task_id} was {status}, and is {task.get('status', 'gone')} {_AFTER}"
            yield violated("S14", words)
        elif by is not None and (task["result"] or {}).get("by") != by:
            yield violated("S14", f"{task_id} has no result by {by} {_AFTER}")


def _finished(adapter: BoardAdapter, known: Acknowledged) -> Iterator[Verdict]:
    """Take and complete all that can be taken."""
    before, used = dict(known.tokens), set(dict(known.tokens).values())
    for _ in range(len(_listed(adapter)) + 1):
        granted: Answer = adapter.call(Ask("claim_next"), {})
        if not granted.done:
            break
        task_id, token = granted.value["task_id"], granted.value["token"]
        if token is not None and (token <= before.get(task_id, 0) or token in used):
            yield violated("S2", f"{task_id} was granted with token {token} again {_AFTER}")
        used.add(token)
        arguments = {"task_id": task_id, "token": token}
        if not adapter.call(Ask("complete"), arguments).done:
            yield violated("L1", f"{task_id} could not be completed {_AFTER}")
    listed = _listed(adapter)
    for task_id, task in listed.items():
        if task["status"] not in _ENDS.values():
            yield violated("L1", f"{task_id} stays {task['status']} {_AFTER}")
    yield from _not_final(listed, known)
