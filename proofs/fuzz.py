"""``python -m proofs fuzz``: the state machine under fresh seeds until the budget is spent.

The night is cut into rounds, each a Hypothesis run of its own under its own seed. The first round
takes the night's seed and each later one a seed made from that of the round before, so a night is
repeated by its first seed and a violation by the seed of its round, at once.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

import hypothesis
from hypothesis import settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture import engine
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

import proofs.profiles  # noqa: F401  (registers proofs-fuzz)
from proofs.exit_code import ExitCode

__all__ = ["fuzz"]

SHRINK_SECONDS_MAX: Final = 60
"""How long a violation is made smaller, beyond the budget if need be; Hypothesis' own limit is
five minutes, which is longer than most budgets."""

Machine = type[RuleBasedStateMachine]


class BudgetSpent(KeyboardInterrupt):
    """Ends a round, between two steps.

    An interruption, because that is all that Hypothesis passes on as it is; of anything else it
    would say that the test is flaky, since it ended earlier this time.
    """


class Watch:
    """Counts the executions of a night and ends it in time.

    An execution is one life of the machine that went to its end or to a violation; those that
    Hypothesis gave up half-way are not counted, nor are those that only make a violation smaller.
    """

    def __init__(self, budget_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.executions = 0
        self._clock = clock
        self._started_at = clock()
        self._budget_seconds = budget_seconds
        self._violated = False

    @property
    def seconds(self) -> float:
        """Since the night began."""
        return self._clock() - self._started_at

    def check_budget(self) -> None:
        """Raise BudgetSpent where it is, and no violation was found that must first be told."""
        if not self._violated and self.seconds >= self._budget_seconds:
            raise BudgetSpent

    @property
    def violated(self) -> bool:
        """Whether an execution ended in a violation, be it only once."""
        return self._violated

    def end(self, error: BaseException | None) -> None:
        """Note how an execution ended: None, or what ended it."""
        violated = isinstance(error, Exception) and not isinstance(error, HypothesisException)
        if not self._violated and (error is None or violated):
            self.executions += 1
            self._violated = violated


def fuzz(budget_seconds: float, seed: int | None = None, machine: Machine | None = None) -> int:
    """Run ``machine``, by default TaskBoardMachine, for the budget; print and return the verdict.

    It ends within the budget and the length of one step, unless a violation is found: that is made
    smaller for at most SHRINK_SECONDS_MAX first. What is wrong with the machine itself is
    a HARNESS_FAULT. A verdict of HOLDS is sampled: it says how much was tried, and no more.
    """
    watch = Watch(budget_seconds)
    if seed is None:
        seed = secrets.randbits(32)
    engine.MAX_SHRINKING_SECONDS = SHRINK_SECONDS_MAX  # its docs: "you can monkeypatch them"
    # The machine damages files on purpose; a warning about each would bury the verdict.
    logging.getLogger("swarm").addHandler(logging.NullHandler())
    settings.load_profile("proofs-fuzz")  # before the machine is imported: it may read them
    machine = _task_board_machine() if machine is None else machine
    print(f"fuzz: {machine.__name__} for {budget_seconds:g} s, seed {seed}", flush=True)
    night = _Night(machine, watch, seed)
    try:
        night.run()
    except BudgetSpent:
        return night.spent()
    except KeyboardInterrupt:
        return night.interrupted()
    except Flaky as error:
        return night.stopped(ExitCode.UNKNOWN, "the same steps did not end the same way", error)
    except Exception as error:
        if _is_the_boards(error):
            return night.stopped(ExitCode.VIOLATED, "see the steps above", error)
        return night.stopped(ExitCode.HARNESS_FAULT, "this says nothing about the board", error)


class _Night:
    """The rounds of one run of the command, and its last words."""

    def __init__(self, machine: Machine, watch: Watch, seed: int) -> None:
        self._name = machine.__name__
        self._machine = _watched(machine, watch)
        self._watch = watch
        self._seed = seed
        self._round_seed = seed

    def run(self) -> NoReturn:
        """Round after round, until something is raised: BudgetSpent at the latest."""
        while True:
            seeded = hypothesis.seed(self._round_seed)(self._machine)
            with with_reporter(_report):
                run_state_machine_as_test(seeded, settings=_profile())
            self._round_seed = _seed_after(self._round_seed)

    def spent(self) -> ExitCode:
        """The verdict when nothing was found in all the time there was."""
        if self._watch.executions == 0:
            print(f"unknown: {self._extent()}. Allow it more time with --budget.")
            return ExitCode.UNKNOWN
        print(f"holds (sampled): {self._extent()}")
        return ExitCode.HOLDS

    def interrupted(self) -> ExitCode:
        """The summary after Ctrl-C; what was found and not yet told is not forgotten."""
        print(f"\ninterrupted: {self._extent()}")
        if self._watch.violated:
            print("The last of them was a violation; its steps had not been made few yet.")
            print(self._repeat())
        return ExitCode.INTERRUPTED

    def stopped(self, code: ExitCode, meaning: str, error: Exception) -> ExitCode:
        """The verdict when ``error`` ended the night; its notes hold the steps to it."""
        traceback.print_exception(error, file=sys.stdout)
        verdict = code.name.lower().replace("_", " ")
        print(f"\n{verdict}: {meaning}; {self._extent()}")
        print(self._repeat())
        return code

    def _extent(self) -> str:
        """How much was tried, as numbers."""
        count = self._watch.executions
        return (
            f"{self._name}, {count:,} execution{'' if count == 1 else 's'} of at most "
            f"{_profile().stateful_step_count} steps in {self._watch.seconds:.1f} s, "
            f"seed {self._seed}"
        )

    def _repeat(self) -> str:
        return f"Repeat: python -m proofs fuzz --seed {self._round_seed}"


def _report(text: object) -> None:
    """Print what Hypothesis says, but for the one warning that our shorter limit makes false."""
    if "spent more than five minutes" in str(text):
        text = f"Stopped making it smaller after {SHRINK_SECONDS_MAX:g} s."
    print(text)


def _profile() -> settings:
    return settings.get_profile("proofs-fuzz")


def _task_board_machine() -> Machine:
    from proofs.machine import TaskBoardMachine

    return TaskBoardMachine


def _watched(machine: Machine, watch: Watch) -> Machine:
    """The machine under its own name, whose every life passes by the watch."""

    class Watched(machine):  # type: ignore[misc, valid-type]  # mypy wants a base known to it
        def __init__(self) -> None:
            watch.check_budget()
            try:
                super().__init__()
            except Exception as error:  # no teardown follows
                watch.end(error)
                raise

        def check_invariants(self, *how: object) -> None:
            watch.check_budget()  # Hypothesis comes by here after each step
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


def _seed_after(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4])


def _is_the_boards(error: Exception) -> bool:
    """Whether the board broke a promise, and not the machine or Hypothesis.

    Either an assertion about the board failed, or the board raised what the machine did not
    expect of it.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    packages = [frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames]
    return "swarm" in packages or (
        isinstance(error, AssertionError) and packages[-1] != "hypothesis"
    )
