"""A board that comes to no door any more ends its run as unknown, in words, and nothing is left."""

from __future__ import annotations

import os
import pdb
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.hanging import (
    TICK_SECONDS,
    EndedProcessError,
    HangingError,
    Patience,
    limits,
    raise_in,
)
from proofs.harness.proof import Proof
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.scheduling import RunAbortedError
from proofs.harness.verdict import UnknownError
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"

BOARDS = '''
import asyncio
import ctypes
import os
import select
import signal
import threading

from proofs.benchmarks.executions import LeanBoard

PIPES = []
CAUGHT = []


class Well(LeanBoard):
    def claim_next(self, agent_id):
        (self._path / agent_id).write_text("")
        if agent_id == "a1":
            self.deed()
        (self._path / "after").write_text("")

    def __init__(self, storage_path):
        super().__init__(storage_path)
        import pathlib
        self._path = pathlib.Path(storage_path)

    def deed(self):
        pass


class Spins(Well):
    def deed(self):
        while True:
            pass


class Reads(Well):
    """For ever, as far as it knows; and would leave something behind."""

    def deed(self):
        reader, writer = os.pipe()
        PIPES.append(writer)
        try:
            os.read(reader, 1)
        finally:
            try:
                (self._path / "late").write_text("")
            except BaseException as error:
                CAUGHT.append(type(error).__name__)
                raise


class Calls(Well):
    def deed(self):
        ctypes.CDLL(None).pause()


class Stubborn(Well):
    """Catches all that is raised, but what a door raises again and again."""

    def deed(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                (self._path / "caught").write_text("")


class Parent(Well):
    def deed(self):
        if os.fork() == 0:
            while True:
                pass
        os.wait()


class Helped(Well):
    """Its thread waits at the gate while it waits for it where no door is."""

    def deed(self):
        reader, writer = os.pipe()

        def help():
            (self._path / "helped").write_text("")
            os.write(writer, b"x")

        threading.Thread(target=help).start()
        os.readv(reader, [bytearray(1)])


class Slow(Well):
    def deed(self):
        for number in range(10):
            (self._path / "at work").write_text(str(number))
            select.select([], [], [], 0.2)


class Told(Well):
    """Spins in a child, and says so."""

    def deed(self):
        if os.fork() == 0:
            print("spins", flush=True)
            while True:
                pass
        os.wait()


class ToldItself(Well):
    def deed(self):
        print("spins", flush=True)
        while True:
            pass


class Loops(Well):
    def deed(self):
        asyncio.run(asyncio.to_thread((self._path / "helped").write_text, ""))


class Exits(Well):
    def deed(self):
        os._exit(7)


class Aborts(Well):
    def deed(self):
        os.abort()


class Kills(Well):
    def deed(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Faults(Well):
    def deed(self):
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        ctypes.string_at(0)
'''
EACH_CLAIMS = Scenario(
    (PostedTask("t1"),), (("a1", (Ask("claim_next"),)), ("a2", (Ask("claim_next"),)))
)
NOBODY_HANGS = Scenario((), (("a2", (Ask("claim_next"),)), ("a3", (Ask("claim_next"),))))
HANGING = {
    "Spins": r"a1 hangs: in 0.5 s no effect .* since close a1; it stands at .*\.deed",
    "Reads": r"a1 hangs: .*since close a1; it stands at boards_that_hang.py:\d+, in .*\.deed",
    "Calls": r"a1 hangs: .*it stands at boards_that_hang.py:\d+, in .*\.deed",
    "Stubborn": r"a1 hangs: ",
    "Parent": r"a1\.c1 hangs: .*it stands at boards_that_hang.py:\d+, in .*\.deed",
    "Loops": r"a1 hangs: .*it stands at boards_that_hang.py:\d+, in selec.* An event loop waits",
    "Helped": r"a1 hangs: .*since start <a1\.1>; it stands at .*\.deed",
}
EACH = [(name, gate) for name in HANGING for gate in GATES]
FEW = [("Spins", "threads"), ("Loops", "threads"), ("Spins", "processes"), ("Parent", "processes")]
ENDING = [
    ("Exits", "threads", r"a1 called os\._exit\(7\), which would have .*prove it in worker proc"),
    ("Aborts", "threads", r"a1 called os\.abort\(\), which would have ended the proofs with it"),
    ("Kills", "threads", r"a1 sent signal 9 to its own process, which would have ended the proofs"),
    ("Exits", "processes", r"the process of a1 ended amid its turn, by exit code 7"),
    ("Faults", "processes", r"the process of a1 ended amid its turn, by exit code -11"),
]


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("boards") / "boards_that_hang.py"
    path.write_text(BOARDS)
    return str(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "board"


def opened(boards: str, name: str, root: Path) -> Gates:
    return Gates(ProvenBoard.named(f"{boards}:{name}"), root)


def hangs(gates: Gates, gate: GateName) -> str:
    """What is told of a run that hangs for half a second. Its workers are there before."""
    gates.run(NOBODY_HANGS, gate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "hanging_seconds", 0.5)
        with pytest.raises(HangingError) as told:
            gates.run(EACH_CLAIMS, gate)
    return str(told.value)


@pytest.mark.parametrize(("name", "gate"), EACH if IS_DEEP else FEW)
def test_a_board_that_hangs_is_told_in_words_and_the_next_run_goes_well(
    name: str, gate: GateName, boards: str, root: Path
) -> None:
    with opened(boards, name, root) as gates:
        told = hangs(gates, gate)
        assert re.search(HANGING[name], told), told
        assert ("killed" if gate == "processes" or name == "Parent" else "left behind") in told
        assert "after" in gates.run(NOBODY_HANGS, gate).files


def test_a_thread_that_was_left_behind_does_nothing_once_it_comes_back(
    boards: str, root: Path
) -> None:
    with opened(boards, "Reads", root) as gates:
        before = threading.enumerate()
        hangs(gates, "threads")
        since = (thread for thread in threading.enumerate() if thread not in before)
        left = next(thread for thread in since if thread.name == "a1")
        gates.run(NOBODY_HANGS, "threads")
        assert left.name == "a1" and left.is_alive(), "it serves nobody else"
        module = sys.modules[gates.board.open.__module__]
        os.write(module.PIPES.pop(), b"x")
        left.join(60)
        assert not left.is_alive()
        assert module.CAUGHT == ["RunAbortedError"]
        assert not (root / "late").exists()


def test_an_agent_that_is_slow_does_not_hang(boards: str, root: Path) -> None:
    """Two seconds in one turn, of which its gate hears nothing meanwhile."""
    with opened(boards, "Slow", root) as gates, pytest.MonkeyPatch.context() as patch:
        gates.run(NOBODY_HANGS, "processes")
        patch.setattr(limits, "hanging_seconds", 1.0)
        assert "after" in gates.run(EACH_CLAIMS, "processes").files


@pytest.mark.parametrize(("name", "gate", "told"), ENDING)
def test_a_board_that_ends_its_process_is_told_in_words_and_the_next_run_goes_well(
    name: str, gate: GateName, told: str, boards: str, root: Path
) -> None:
    with opened(boards, name, root) as gates:
        with pytest.raises(EndedProcessError, match=told):
            gates.run(EACH_CLAIMS, gate)
        assert "after" in gates.run(NOBODY_HANGS, gate).files


def test_a_proof_in_which_a_board_hangs_is_unknown_and_does_not_hang_again(
    boards: str, root: Path, tmp_path: Path
) -> None:
    with opened(boards, "Exits", root) as gates:
        proof = Proof("proof", gates, "threads", tmp_path)
        with pytest.raises(UnknownError) as first:
            proof.examine(EACH_CLAIMS)
        with pytest.raises(UnknownError) as second:
            proof.examine(EACH_CLAIMS)
        assert first.value is second.value


def test_patience_ends_when_nothing_has_changed_for_so_long_and_then_counts_anew() -> None:
    patience = Patience(3 * TICK_SECONDS)
    asked = [patience.is_at_end(seen) for seen in (1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2)]
    assert asked == [False] * 6 + [True, False, False, True, False]


def test_who_sits_in_a_debugger_is_waited_for() -> None:
    patience = Patience(TICK_SECONDS)
    asked: list[bool] = []

    class Sits(pdb.Pdb):
        def cmdloop(self, intro: object = None) -> None:
            asked.extend(patience.is_at_end(1, threading.get_ident()) for _ in range(4))
            self.set_continue()

    debugger = Sits(nosigint=True)
    tracing = sys.gettrace()
    try:
        debugger.runcall(lambda: None)
    finally:
        sys.settrace(tracing)
    assert asked and not any(asked)


ENDS = [
    (name, gate, number)
    for name in ("Told", "ToldItself")
    for gate in GATES
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
]
FEW_ENDS = [
    ("Told", "processes", signal.SIGKILL),
    ("ToldItself", "processes", signal.SIGTERM),
    ("ToldItself", "threads", signal.SIGINT),
]


@pytest.mark.parametrize(("name", "gate", "number"), ENDS if IS_DEEP else FEW_ENDS)
def test_nothing_is_left_of_proofs_that_are_ended_while_the_board_spins(
    name: str, gate: GateName, number: signal.Signals, boards: str, root: Path
) -> None:
    root = root.parent
    code = f"""
import pathlib, sys
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.test_hanging_boards import EACH_CLAIMS
with Gates(ProvenBoard.named("{boards}:{name}"), pathlib.Path("{root}/board")) as gates:
    gates.run(EACH_CLAIMS, "{gate}")
"""
    # Whatever process there is inherits this pipe: its end is only read once all are gone.
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stdout is not None and ran.stdout.readline() == "spins\n"
        ran.send_signal(number)
        rest, errors = ran.communicate(timeout=20)
    assert ran.returncode == -number and rest == "", errors
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT), errors


def test_a_thread_that_stays_in_c_is_left_behind_and_those_under_a_profiler_go_on() -> None:
    """Its exception waits for it; until it was met, a profiled thread got nowhere on 3.11."""
    read, write = os.pipe()
    met: list[bool] = []

    def stay() -> None:
        try:
            os.read(read, 1)
            while True:
                pass
        except RunAbortedError:
            met.append(True)

    staying = threading.Thread(target=stay, daemon=True)
    staying.start()
    raise_in(staying.ident or 0)
    calls: list[str] = []
    sys.setprofile(lambda frame, event, _: calls.append(event))
    try:
        _deed()
    finally:
        sys.setprofile(None)
    assert "call" in calls and not met
    os.write(write, b"x")
    staying.join(20)
    assert met == [True]
    os.close(read)
    os.close(write)


def _deed() -> None:
    """Anything that is called."""
