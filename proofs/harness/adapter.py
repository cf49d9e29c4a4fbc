"""One agent's hold on a board that was not written for us: methods are found by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strategies.programs import Ask
from strategies.scenarios import PostedTask
from swarm.task import Task

Board = Callable[[str], Any]
"""Opens a board on a storage directory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the board said: whether it did it, and what it told."""

    done: bool
    value: Any = None


class LacksOperationError(Exception):
    """The board has no such method: what would need it is not applicable."""


class BoardAdapter:
    """Asks a board, and remembers the grants of one agent."""

    def __init__(self, board: Any, agent_id: str) -> None:
        self._board = board
        self._agent_id = agent_id
        self._granted: tuple[str, int | None] | None = None

    def post(self, task: PostedTask) -> None:
        """Put a task there; raises what the board raises."""
        self._method("post")(
            Task(
                task.task_id,
                task.task_type,
                "",
                priority=task.priority,
                created_at=task.created_at,
            )
        )

    def arguments(self, ask: Ask) -> dict[str, Any] | None:
        """What the call will be made with, None if there is nothing to call it on."""
        if ask.name in ("claim_next", "get_pending", "list_all"):
            return {}
        if ask.name == "advance":
            return {"seconds": ask.seconds}
        if ask.task_id is not None:
            return {"task_id": ask.task_id}
        if self._granted is None:
            return None
        task_id, token = self._granted
        return {"task_id": task_id, "token": token if ask.fenced else None}

    def call(self, ask: Ask, arguments: dict[str, Any]) -> Answer:
        """Make the call. Raises what the board raises, and ``LacksOperationError``."""
        name = "fail" if ask.name == "retry" else ask.name
        method = self._method(name)
        if name == "claim_next":
            return self._grant(self._task_of(method(self._agent_id)))
        if name == "claim":
            granted = method(arguments["task_id"], self._agent_id)
            return self._grant(self._claimed(arguments["task_id"], granted))
        if name == "post":
            method(Task(arguments["task_id"], "CODE_ANALYSIS", "", created_at=1.0))
            return Answer(True)
        if name == "get":
            task = method(arguments["task_id"])
            return Answer(True, None if task is None else _fields(task))
        if name in ("get_pending", "list_all"):
            return Answer(True, [_fields(task) for task in method()])
        options = self._token(method, arguments)
        if ask.name == "retry":
            options["retry"] = True
        return Answer(bool(method(*self._change(ask, arguments), **options)))

    def _method(self, name: str) -> Callable[..., Any]:
        method = getattr(self._board, name, None)
        if method is None:
            raise LacksOperationError(name)
        found: Callable[..., Any] = method
        return found

    def _change(self, ask: Ask, arguments: dict[str, Any]) -> tuple[Any, ...]:
        if ask.name == "complete":
            return (arguments["task_id"], {"by": self._agent_id})
        if ask.name in ("fail", "retry"):
            return (arguments["task_id"], f"failed by {self._agent_id}")
        return (arguments["task_id"],)

    def _token(self, method: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments.get("token") is None or "token" not in inspect.signature(method).parameters:
            return {}
        return {"token": arguments["token"]}

    def _claimed(self, task_id: str, granted: Any) -> tuple[str, int | None] | None:
        if not granted:
            return None
        if isinstance(granted, bool) and hasattr(self._board, "get"):
            granted = self._board.get(task_id)
        return (task_id, getattr(granted, "token", None))

    def _task_of(self, answer: Any) -> tuple[str, int | None] | None:
        if answer is None:
            return None
        if isinstance(answer, str):
            return (answer, None)
        return (str(answer.task_id), getattr(answer, "token", None))

    def _grant(self, granted: tuple[str, int | None] | None) -> Answer:
        if granted is None:
            return Answer(False)
        self._granted = granted
        return Answer(True, {"task_id": granted[0], "token": granted[1]})


def _fields(task: Any) -> dict[str, Any]:
    """What a checker may look at."""
    names = ("task_id", "status", "claimed_by", "token", "attempts", "result")
    return {name: getattr(task, name, None) for name in names}
