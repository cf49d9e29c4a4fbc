"""A turn of the state machine: Hypothesis on TaskBoardMachine, under the seed of the turn."""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest import SkipTest

import hypothesis
from hypothesis import Phase, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture import engine
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

import proofs.profiles  # noqa: F401  (registers proofs-fuzz)
from proofs.night.found import Found, at_fault_for
from proofs.night.stage import Stage
from proofs.night.until import TurnOver, Until

NAME: Final = "state machine"
SHRINK_SECONDS_MAX: Final = 60
"""How long a violation is made smaller, beyond the turn if need be; Hypothesis' own limit is
five minutes, which is longer than most budgets."""

Machine = type[RuleBasedStateMachine]


class Watch:
    """Counts the executions of a turn and ends it in time.

    An execution is one life of the machine that went to its end or to a violation; those that
    Hypothesis gave up half-way are not counted, nor are those that only make a violation smaller.
    """

    def __init__(self, until: Until) -> None:
        self.executions = 0
        self.violated = False
        self._until = until

    def check(self) -> None:
        """Raise TurnOver in time, unless a violation was found that must first be told."""
        if not self.violated:
            self._until.check()

    def end(self, error: BaseException | None) -> None:
        """Note how an execution ended: None, or what ended it."""
        violated = isinstance(error, Exception) and not isinstance(error, HypothesisException)
        if not self.violated and (error is None or violated):
            self.executions += 1
            self.violated = violated


def machine_turn(stage: Stage, machine: Callable[[], Machine] | None = None) -> None:
    """Rounds until the turn is over, or something is found; that is made smaller once a night."""
    known = (NAME,) in stage.judge.sieve.names
    phases = (Phase.generate,) if known else (Phase.generate, Phase.shrink)
    _play(stage, phases, machine or task_board_machine)


def machine_replay(stage: Stage, machine: Callable[[], Machine] | None = None) -> None:
    """What the database holds of earlier nights."""
    _play(stage, (Phase.reuse,), machine or task_board_machine)


def task_board_machine() -> Machine:
    """That of our board; it reads the profile, so it is imported once that is loaded."""
    settings.load_profile("proofs-fuzz")
    # It damages files on purpose; a warning about each would bury what matters.
    logging.getLogger("swarm").addHandler(logging.NullHandler())
    from proofs.machine import TaskBoardMachine

    return TaskBoardMachine


def _play(stage: Stage, phases: tuple[Phase, ...], of: Callable[[], Machine]) -> None:
    engine.MAX_SHRINKING_SECONDS = SHRINK_SECONDS_MAX  # its docs: "you can monkeypatch them"
    watch, machine = Watch(stage.until), of()
    seeded = hypothesis.seed(stage.seed)(_watched(machine, watch))
    how = settings(
        settings.get_profile("proofs-fuzz"),
        phases=phases,
        database=stage.database,
        max_examples=100_000,
        report_multiple_bugs=False,  # the first one ends the turn
        print_blob=False,
    )
    try:
        with with_reporter(lambda text: None):
            run_state_machine_as_test(seeded, settings=how)
    except (TurnOver, SkipTest):  # there is nothing to reuse
        pass
    except Flaky as error:
        words = f"{machine.__name__}: the same steps did not end the same way: {error}"
        stage.judge.unknown[words.splitlines()[0]] += 1
    except Exception as error:
        if not is_the_boards(error):
            stage.judge.fault = error
        else:
            stage.judge.note(_found(stage, machine.__name__, error))
    finally:
        stage.judge.coverage.executions += watch.executions


def _found(stage: Stage, name: str, error: Exception) -> Found:
    """Written down: the steps, and how to run them again."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    promise = re.match(r"[SLR]\d+", str(error))
    invariant = promise[0] if promise else ""
    what = f"{type(error).__name__} {invariant} {last.name}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    path = stage.folder / f"{name}-{invariant or type(error).__name__}-{digest}.txt"
    repeat = f"python -m proofs fuzz --only '{NAME}' --processes 1 --seed {stage.seed}"
    said = next(iter(str(error).splitlines()), "")
    words = f"{invariant or type(error).__name__} violated by {stage.board.name}: {said}"
    told = f"{words}\n{''.join(traceback.format_exception(error))}\nRepeat: {repeat}\n"
    if not path.exists() or len(told) < path.stat().st_size:
        write(path, told)
    stage.judge.sieve.came_to((NAME,), str(path))
    fault = at_fault_for(error, None) if not isinstance(error, AssertionError) else "board"
    return Found(str(path), stage.board.text, stage.gate, invariant, words, told, fault)


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _watched(machine: Machine, watch: Watch) -> Machine:
    """The machine under its own name, whose every life passes by the watch."""

    class Watched(machine):  # type: ignore[misc, valid-type]  # mypy wants a base known to it
        def __init__(self) -> None:
            watch.check()
            try:
                super().__init__()
            except Exception as error:  # no teardown follows
                watch.end(error)
                raise

        def check_invariants(self, *how: object) -> None:
            watch.check()  # Hypothesis comes by here after each step
            super().check_invariants(*how)

        def teardown(self) -> None:
            error = sys.exception()  # what Hypothesis calls teardown because of, if anything
            try:
                super().teardown()
            except BaseException as own:  # Ctrl-C too: what it cut off was no execution
                error = own
                raise
            finally:
                watch.end(error)

    Watched.__name__ = Watched.__qualname__ = machine.__name__  # it is printed with the steps
    return Watched


def is_the_boards(error: Exception) -> bool:
    """Whether the board broke a promise, and not the machine or Hypothesis.

    Either an assertion about the board failed, or the board raised what the machine did not
    expect of it.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    packages = [frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames]
    return "swarm" in packages or (
        isinstance(error, AssertionError) and packages[-1] != "hypothesis"
    )
