"""A counterexample made as small as it gets by the code as it is now."""

from __future__ import annotations

from dataclasses import replace

from proofs.harness.conviction import convict, counterexample_of
from proofs.harness.counterexample import Counterexample
from proofs.harness.crash_conviction import convict_crash, counterexample_of_crash
from proofs.harness.crash_replay import smallest_crash
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import GateName, Gates
from proofs.harness.replay import replay
from proofs.restarts import restarted


class NothingToMinimiseError(Exception):
    """The scenario breaks its promise no more, or could not be run."""


def minimised(
    counterexample: Counterexample, gates: Gates, gate: GateName, named: str | None = None
) -> tuple[str, Counterexample]:
    """What a person is to read, and the smallest that breaks the same promise.

    Where the code went another way, a neighbouring interleaving that breaks it is taken. ``named``
    is the board to write down, None for the file's. Raises ``NothingToMinimiseError``, and
    ``NondeterminismError`` where one scenario runs in two ways.
    """
    smaller = _with_crash if counterexample.scenario.crashes else _without_crash
    try:
        return smaller(counterexample, gates, gate, named or counterexample.board)
    except NotApplicableError as error:
        raise NothingToMinimiseError(str(error)) from error


def _without_crash(
    counterexample: Counterexample, gates: Gates, gate: GateName, board: str
) -> tuple[str, Counterexample]:
    found = replay(counterexample, gates, gate, restarted)
    if found.verdict is None:
        raise _nothing(counterexample, gates)
    conviction = convict(gates, gate, found.execution, counterexample.invariant)
    written = counterexample_of(conviction, board, gates.root.parent, counterexample.expect)
    return conviction.words(gates.board.name), written


def _with_crash(
    counterexample: Counterexample, gates: Gates, gate: GateName, board: str
) -> tuple[str, Counterexample]:
    """The crash is looked for anew, in the model in which it was found."""
    if gate != "threads":
        raise NotApplicableError("what a crash may leave is only written down in threads")
    model, invariant = counterexample.scenario.crashes[-1].model, counterexample.invariant
    execution = gates.run_recorded(replace(counterexample.scenario, crashes=()))
    if smallest_crash(execution, gates, restarted, model, invariant).found is None:
        raise _nothing(counterexample, gates)
    conviction = convict_crash(gates, execution, invariant, model, restarted)
    written = counterexample_of_crash(conviction, board, gates.root.parent, counterexample.expect)
    return conviction.words(gates.board.name), written


def _nothing(counterexample: Counterexample, gates: Gates) -> NothingToMinimiseError:
    words = f"{gates.board.name} does not break {counterexample.invariant} here any more"
    return NothingToMinimiseError(f"{words}; there is nothing to make smaller")
