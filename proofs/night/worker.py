"""A worker of the night: an interpreter of its own that takes turns, as it is asked."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import tempfile
import threading
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final

from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import ExampleDatabase

from proofs.harness.gates import Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.proven_board import ProvenBoard
from proofs.night.corpus import Corpus
from proofs.night.database import database_of
from proofs.night.found import Found, Met, at_fault_for, file_of
from proofs.night.judge import Judge
from proofs.night.machine import write
from proofs.night.members import PORTFOLIO, Member
from proofs.night.reached import Pair
from proofs.night.replays import REPLAYS
from proofs.night.sieve import Sieve
from proofs.night.stage import Stage
from proofs.night.turn import Brought, Turn
from proofs.night.until import TurnOver, Until

MEMBERS: Final = {member.name: member for member in (*PORTFOLIO, *REPLAYS)}


def work(connection: Connection, boards: str, temporary: str) -> None:
    """Take turns until nobody asks any more, in two directories of its own.

    It leads a session of its own, so an interrupt from the keyboard does not reach it; and it ends,
    with all that it started, as soon as the process that started it does.
    """
    os.setsid()
    signal.signal(signal.SIGTERM, _end_turn)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for stream in (1, 2):  # what a board prints belongs to no report
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    tempfile.tempdir = temporary
    set_hypothesis_home_dir(temporary)  # its caches, which nobody else is to find
    player = Player(Path(boards, "board"))
    with player:
        while True:
            try:
                turn: Turn = connection.recv()
            except EOFError:
                return
            connection.send(player.played(turn, connection))


def _end_turn(number: int, frame: object) -> None:
    raise TurnOver


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(0, signal.SIGKILL)


@dataclass(slots=True)
class Player:
    """What a worker keeps from turn to turn: open gates, what was reached, what was found."""

    root: Path
    _board: str = ""
    _gates: Gates | None = None
    _database: tuple[str, ExampleDatabase] | None = None
    _pairs: set[Pair] = field(default_factory=set)
    _sieve: Sieve = field(default_factory=Sieve)
    _guards: dict[str, GuardSchedule] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def played(self, turn: Turn, connection: Connection) -> Brought:
        """Play one turn; what is found meanwhile is told at once."""
        until = Until(turn.seconds)
        try:
            stage = self._stage(turn, until, connection)
        except Exception as error:
            self._stack.close()
            return Brought(turn, until.seconds, fault=fault_of(turn, error))
        try:
            MEMBERS[turn.member].play(stage)
        except TurnOver:
            pass
        except Exception as error:
            stage.judge.fault = error
        return self._brought(turn, until, stage.judge)

    def _brought(self, turn: Turn, until: Until, judge: Judge) -> Brought:
        if judge.fault is not None:
            self._stack.close()  # nobody knows in what state they are
        return Brought(
            turn,
            until.seconds,
            judge.coverage,
            frozenset(judge.new_pairs),
            judge.violations,
            frozenset(judge.judged),
            judge.not_applicable,
            judge.unknown,
            judge.cells,
            tuple(judge.concluded),
            judge.replays,
            None if judge.fault is None else fault_of(turn, judge.fault),
        )

    def _stage(self, turn: Turn, until: Until, connection: Connection) -> Stage:
        if turn.board != self._board:
            self._forget(turn.board)
        self._pairs |= turn.pairs
        gates = self._opened(MEMBERS[turn.member])
        if self._database is None or self._database[0] != turn.database:
            self._database = (turn.database, database_of(turn.database))
        database, folder = self._database[1], Path(turn.folder)
        corpus = Corpus(database, turn.board)

        def tell(found: Found | Met) -> None:
            if isinstance(found, Found):
                found = replace(found, member=turn.member)
            connection.send(found)

        judge = Judge(
            gates,
            turn.gate,
            folder,
            corpus,
            self._pairs,
            self._sieve,
            self._guards.setdefault(turn.gate, GuardSchedule()),
            tell,
            turn.canary,
        )
        return Stage(
            judge,
            until,
            turn.seed,
            corpus,
            database,
            folder,
            turn.share,
            turn.files,
            turn.is_strict,
        )

    def _forget(self, board: str) -> None:
        """Another board: nothing of the one before counts."""
        self._stack.close()
        self._board, self._gates = board, Gates(ProvenBoard.named(board), self.root)
        self._pairs, self._sieve, self._guards = set(), Sieve(), {}
        self._database = None

    def _opened(self, member: Member) -> Gates:
        """The gates, with open doors, unless the member opens them by itself."""
        assert self._gates is not None
        if member.opens_itself:
            self._stack.close()
        elif not self._gates.is_open:
            self._stack.enter_context(self._gates)
        return self._gates


def fault_of(turn: Turn, error: Exception) -> Found:
    """What was raised and is not the board's to answer for, written down."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f"{one.filename} {one.name}" for one in place)
    digest = hashlib.sha256(f"{type(error).__name__} {where}".encode()).hexdigest()[:8]
    fault = at_fault_for(error, file_of(turn.board))
    path = Path(turn.folder) / f"{fault}-{type(error).__name__}-{digest}.txt"
    told = "".join(traceback.format_exception(error))
    words = f"{type(error).__name__}: {error}".splitlines()[0]
    head = f"{words}\n{turn.member} on {turn.board} in {turn.gate}, seed {turn.seed}\n"
    write(path, f"{head}\n{told}")
    return Found(str(path), turn.board, turn.gate, "", words, told, fault, turn.member)
