"""An agent of a soak, an interpreter of its own: ``python -m proofs.soak.agent FD BOARD``.

It takes orders from a socket, one line each, and says when each is done. Nothing is intercepted:
what it calls of the system is what any program calls. It ends once nobody holds the other end, in
whatever call it is then, and its children with it.
"""

from __future__ import annotations

import _thread
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

from proofs.harness.adapter import (
    Answer,
    Board,
    BoardAdapter,
    LacksOperationError,
)
from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import BoardPathError, load_board
from proofs.harness.history import Outcome, words_of_error
from proofs.soak.journal import Journal
from strategies.programs import Ask
from strategies.scenarios import PostedTask


class Orders:
    """What comes from the other end. A thread that ``threading`` does not know of reads it."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        _thread.start_new_thread(self._read, ())

    def next(self) -> dict[str, Any]:
        """Wait for one."""
        return self._waiting.get()

    def answer(self, **told: Any) -> None:
        """The last one is done."""
        self._end.sendall((json.dumps(told, default=str) + "\n").encode())

    def _read(self) -> None:
        try:
            for line in self._end.makefile("rb"):
                self._waiting.put(json.loads(line))
        except OSError:
            pass  # nobody is there any more
        os.killpg(0, signal.SIGKILL)


def post(board: Board, order: dict[str, Any]) -> dict[str, Any]:
    """Make a board, and put tasks there before anybody else is at work."""
    adapter = BoardAdapter(board(order["root"]), "poster")
    for fields in order["tasks"]:
        task = PostedTask.from_json(fields)
        if not adapter.post(task):
            raise UnfitBoardError(f"post({task.task_id}) was refused on an empty board")
    return {}


def work(board: Board, order: dict[str, Any]) -> dict[str, Any]:
    """Be an agent: ask all that the order says, and write down what comes of it.

    One that polls is done once there was nothing to claim.
    """
    worker = Worker(order["agent"], order["root"], Journal(order["journal"]))
    adapter = worker.opened(board)
    for fields in () if adapter is None else order["asks"]:
        assert adapter is not None
        ask = Ask.from_json(fields)
        is_done = worker.ask(adapter, ask)
        if order["is_polling"] and ask.name == "claim_next" and not is_done:
            break
    worker.journal.close()
    return {"lacking": sorted(worker.lacking)}


@dataclass(slots=True)
class Worker:
    """One agent on one board; ``lacking`` grows by what the board turns out to lack."""

    agent: str
    root: str
    journal: Journal
    lacking: set[str] = field(default_factory=set)
    _threads: int = field(default_factory=threading.active_count)

    def opened(self, board: Board) -> BoardAdapter | None:
        """None where opening it raised, which alone is written down of it."""
        try:
            return BoardAdapter(board(self.root), self.agent)
        except (Exception, SystemExit) as raised:
            call = self.journal.begin(self.agent, "open", {})
            self.journal.end(call, "unknown", None, words_of_error(raised, self.root))
            return None

    def ask(self, adapter: BoardAdapter, ask: Ask) -> bool:
        """Make one call, or let time pass; whether the board did it."""
        if ask.name == "advance":
            time.sleep(ask.seconds)
            return True
        arguments = adapter.arguments(ask)
        if arguments is None:
            return False
        call = self.journal.begin(self.agent, ask.name, arguments)
        answer, error = Answer(False), None
        try:
            answer = adapter.call(ask, arguments)
        except LacksOperationError as lacks:
            self.lacking.add(str(lacks))
            self.journal.drop(call)
            return False
        except UnfitBoardError:
            raise
        except (Exception, SystemExit) as raised:
            error = words_of_error(raised, self.root)
        outcome: Outcome = "ok" if answer.done else "unknown" if error else "refused"
        has_parts = threading.active_count() > self._threads or _has_children()
        self.journal.end(call, outcome, answer.value, error, has_parts=has_parts)
        return answer.done


def show(board: Board, order: dict[str, Any]) -> dict[str, Any]:
    """What the board's own listing says now, None if it has none, or raises."""
    try:
        answer = BoardAdapter(board(order["root"]), "reader").call(Ask("list_all"), {})
    except LacksOperationError:
        return {"final": None}
    except Exception as raised:
        return {"final": None, "final_error": words_of_error(raised, order["root"])}
    return {"final": answer.value}


def _has_children() -> bool:
    """Whether there is a child to be waited for; unseen where the system cannot tell."""
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def main(end: socket.socket, text: str) -> None:
    """Do as one is told, for ever."""
    logging.getLogger().addHandler(logging.NullHandler())  # the terminal is not the board's
    orders = Orders(end)
    try:
        board = load_board(text)
    except BoardPathError as error:
        orders.answer(unfit=str(error))
        return
    orders.answer(up=True)
    doing = {"post": post, "work": work, "show": show}
    opened: Callable[..., Any] = board
    while True:
        order = orders.next()
        lease = order["lease_seconds"]
        opening = opened if lease is None else partial(opened, lease_seconds=lease)
        try:
            told = doing[order["do"]](opening, order)
        except UnfitBoardError as error:
            told = {"unfit": str(error)}
        orders.answer(**told)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
