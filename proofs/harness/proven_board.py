"""A board that is to be proved: its name, how it is opened, and what it promises."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from proofs.harness.adapter import Board, fits
from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import load_board
from proofs.harness.checkers import Promises
from strategies.programs import ASKS

_METHODS: Final = {"retry": "fail"}

_CALLED_WITH: Final = {
    "post": "task",
    "claim_next": "agent_id",
    "claim": "task_id, agent_id",
    "complete": "task_id, result",
    "fail": "task_id, error",
    **dict.fromkeys(("start", "renew", "release", "cancel", "requeue", "get"), "task_id"),
}
"""What the methods must take in their places; of the others it is not told here."""


@dataclass(frozen=True)
class ProvenBoard:
    """``text`` is how it is named for a fresh interpreter, see ``load_board``."""

    text: str
    open: Board
    promises: Promises

    @staticmethod
    def named(text: str) -> ProvenBoard:
        """The board of this name. Raises ``BoardPathError``, and ValueError for its promises."""
        board = load_board(text)
        return ProvenBoard(text, board, Promises.of(board))

    @property
    def name(self) -> str:
        """A short one, for people and for the names of files."""
        place, _, callable_name = self.text.rpartition(":")
        module = place.removesuffix(".py").replace("\\", "/").rpartition("/")[2]
        short = module.rpartition(".")[2]
        return short if callable_name == "Board" else callable_name.replace(".", "_")

    @cached_property
    def asks(self) -> tuple[str, ...]:
        """What can be asked of it, in the order of ``ASKS``; time can always be let pass.

        Raises ``UnfitBoardError`` where it cannot be opened, or lacks what a proof needs.
        """
        with tempfile.TemporaryDirectory() as folder:
            try:
                board = self.open(folder)
            except Exception as error:
                words = f"{self.text} must open on an empty directory, raised {_words(error)}"
                raise UnfitBoardError(words) from error
            offered = tuple(name for name in ASKS if name == "advance" or _offers(board, name))
            unfit, waiting = _unfit(board, offered), _waiting(board, offered)
        if "post" not in offered or not {"claim", "claim_next"} & set(offered):
            methods = [_METHODS.get(name, name) for name in offered if name != "advance"]
            found = ", ".join(dict.fromkeys(methods)) or "none of the methods that are known"
            raise UnfitBoardError(
                f"{self.text} must have post and claim or claim_next, has {found}"
            )
        if waiting:
            words = f"{', '.join(waiting)} must be called and answer, got async def"
            raise UnfitBoardError(f"{self.text}: {words}; wrap the board in one that awaits them")
        if unfit:
            raise UnfitBoardError(f"{self.text} must take what it is called with: {unfit}")
        return offered

    @property
    def lacking(self) -> tuple[str, ...]:
        """What could be asked of a board and not of this one."""
        return tuple(name for name in ASKS if name not in self.asks)


def _offers(board: Any, name: str) -> bool:
    method: Callable[..., Any] | None = getattr(board, _METHODS.get(name, name), None)
    return callable(method)


def _waiting(board: Any, names: Iterable[str]) -> list[str]:
    """Those of these methods that would answer with something to be awaited."""
    methods = dict.fromkeys(_METHODS.get(name, name) for name in names if name != "advance")
    return [name for name in methods if inspect.iscoroutinefunction(getattr(board, name))]


def _unfit(board: Any, names: Iterable[str]) -> str:
    """Those of these methods that cannot be called as they are going to be, in words."""
    told: list[str] = []
    for name in dict.fromkeys(_METHODS.get(name, name) for name in names):
        method, taken = getattr(board, name, None), _CALLED_WITH.get(name)
        if taken is not None and method is not None and not fits(method, tuple(taken.split(", "))):
            told.append(f"{name}({taken}), got {name}{inspect.signature(method)}")
    return "; ".join(told)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
