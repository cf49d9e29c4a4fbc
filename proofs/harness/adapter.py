"""One agent's hold on a board that was not written for us: methods are found by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from proofs.harness import answers
from strategies.programs import PARENT, Ask
from strategies.scenarios import PostedTask
from swarm.task import Task

Board = Callable[[str], Any]
"""Opens a board on a storage directory."""

_ON_ALL_TASKS: Final[dict[str, Callable[[Ask], dict[str, Any]]]] = {
    "claim_next": lambda ask: {} if ask.types is None else {"capabilities": list(ask.types)},
    "prune": lambda ask: {"older_than_seconds": ask.seconds},
    "get_pending": lambda ask: {},
    "get_claimable": lambda ask: {"timeout_seconds": ask.seconds},
    "get_by_type": lambda ask: {"task_type": (ask.types or ("",))[0]},
    "get_results_by_parent": lambda ask: {"parent_id": PARENT},
    "list_all": lambda ask: {},
    "advance": lambda ask: {"seconds": ask.seconds},
}
_LISTINGS: Final = ("get_pending", "get_claimable", "get_by_type", "list_all")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the board said: whether it did it, and what it told."""

    done: bool
    value: Any = None


class LacksOperationError(Exception):
    """The board has no such method, or it does not take that: what needs it is not applicable."""


class BoardAdapter:
    """Asks a board, and remembers the last grant of one agent.

    Every task has the same parent, and every result names its agent and its task, so that it can
    be told whose it is. Optional arguments are passed only where the method names them.
    """

    def __init__(self, board: Any, agent_id: str) -> None:
        self._board = board
        self._agent_id = agent_id
        self._granted: tuple[str, int | None] | None = None

    def post(self, task: PostedTask) -> bool:
        """Put a task there, unless the board says False; raises what the board raises."""
        posted = Task(
            task.task_id,
            task.task_type,
            "",
            priority=task.priority,
            created_at=task.created_at,
            payload={"parent_id": PARENT},
        )
        return self._ask("post", posted) is not False

    def arguments(self, ask: Ask) -> dict[str, Any] | None:
        """What the call will be made with, None if there is nothing to call it on."""
        if ask.name in _ON_ALL_TASKS:
            return _ON_ALL_TASKS[ask.name](ask)
        if ask.name == "post" and ask.task_id is not None:
            return PostedTask(ask.task_id, created_at=1.0).to_json()
        if ask.task_id is not None:
            fence = {} if ask.token is None else {"token": ask.token}
            return {"task_id": ask.task_id, **fence}
        if self._granted is None:
            return None
        task_id, token = self._granted
        is_fenced = ask.fenced and token is not None and self._takes(ask.name, "token")
        return {"task_id": task_id, "token": token if is_fenced else None}

    def call(self, ask: Ask, arguments: dict[str, Any]) -> Answer:
        """Make the call.

        Raises what the board raises, ``LacksOperationError``, and ``UnfitBoardError`` if what it
        answers cannot be understood.
        """
        if ask.name == "claim_next":
            return self._claim_next(arguments)
        if ask.name == "claim":
            return self._claim(arguments["task_id"])
        if ask.name == "post":
            return Answer(self.post(PostedTask(**arguments)))
        if ask.name == "get":
            task = self._ask("get", arguments["task_id"])
            return Answer(True, None if task is None else answers.fields("get", task))
        if ask.name in _LISTINGS:
            listed = self._ask(ask.name, *arguments.values())
            return Answer(True, answers.listed(ask.name, listed))
        if ask.name == "get_results_by_parent":
            told = self._ask(ask.name, *arguments.values())
            return Answer(True, answers.results(ask.name, told))
        if ask.name == "prune":
            return Answer(True, answers.pruned(self._ask("prune", *arguments.values())))
        return self._change(ask.name, arguments)

    def _claim_next(self, arguments: dict[str, Any]) -> Answer:
        self._method("claim_next")
        if arguments and not self._takes("claim_next", "capabilities"):
            raise LacksOperationError("claim_next(capabilities)")
        answer = self._ask("claim_next", self._agent_id, **arguments)
        if answer is None:
            return Answer(False)
        return self._grant(answers.task_id_of("claim_next", answer), answer)

    def _claim(self, task_id: str) -> Answer:
        answer = self._ask("claim", task_id, self._agent_id)
        return self._grant(task_id, answer) if answer else Answer(False)

    def _grant(self, task_id: str, answer: Any) -> Answer:
        token = answers.token_of(answer)
        if token is None:
            token = self._token_if_held(task_id)
        self._granted = (task_id, token)
        return Answer(True, {"task_id": task_id, "token": token})

    def _token_if_held(self, task_id: str) -> int | None:
        """The token that the board shows, if it shows this agent as the holder.

        What this look raises says nothing of the grant, which was made.
        """
        try:
            task = self._ask("get", task_id)
            seen = {} if task is None else answers.fields("get", task)
        except Exception:
            return None
        return answers.token_of(seen) if seen.get("claimed_by") == self._agent_id else None

    def _change(self, name: str, arguments: dict[str, Any]) -> Answer:
        """What answers whether it was done."""
        task_id = arguments["task_id"]
        options: dict[str, Any] = {}
        if arguments.get("token") is not None:
            options["token"] = arguments["token"]
        if name == "retry":
            self._method(name)
            if not self._takes(name, "retry"):
                raise LacksOperationError(name)
            options["retry"] = True
        more: tuple[Any, ...] = ()
        if name == "complete":
            more = ({"by": self._agent_id, "of": task_id},)
        elif name in ("fail", "retry"):
            more = (f"failed by {self._agent_id}",)
        return Answer(answers.is_done(name, self._ask(name, task_id, *more, **options)))

    def _ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        method = self._method(name)
        try:
            return method(*arguments, **options)
        except NotImplementedError:
            raise LacksOperationError(name) from None
        except TypeError:
            # Looked at only now: it costs as much as a few effects.
            if fits(method, arguments, options):
                raise
            raise LacksOperationError(name) from None

    def _method(self, name: str) -> Callable[..., Any]:
        method = getattr(self._board, "fail" if name == "retry" else name, None)
        if method is None:
            raise LacksOperationError(name)
        found: Callable[..., Any] = method
        return found

    def _takes(self, name: str, option: str) -> bool:
        """Whether there is such a method, and it names this argument."""
        try:
            found = inspect.signature(self._method(name)).parameters.get(option)
        except (LacksOperationError, TypeError, ValueError):
            return False
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return found is not None and found.kind in named


def fits(
    method: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Whether the method can be called so; what has no signature is called as it is."""
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*arguments, **options)
    except TypeError:
        return False
    return True
