"""An error at each effect of each operation: nothing is lost or left, and what is told is true.

Each error of the system that the effect really meets happens before it, after it took place and
in the middle of a write; and writes that are short, syncs that lie, and signals whose handlers
raise. The call is made alone, so that what it leaves is seen; then with the same agent and
another one who go on, so that no lock is held and the next call works. The profile
``proofs-fuzz`` tries all of it, and another agent amid its own call as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.error_matrix import (
    BOARD,
    BOARDS,
    PAGE,
    Row,
    alone,
    call_of,
    calls_of_ours,
    cells_in,
    cells_of,
    faults_at_each_effect,
    going_on,
    measured_on_ours,
    row_of,
    table_in,
    table_of,
    trial_of,
    was_struck,
)
from proofs.harness.checkers.evidence import said
from proofs.harness.execution import Execution
from proofs.harness.exhaustive import explore, up_to_the_last_calls
from proofs.harness.matrix import cells_of_trials
from proofs.harness.proof import Proof
from proofs.harness.proven_board import ProvenBoard
from proofs.one_call import KEPT_BOARD, ONE, SPECIAL, calls_of, lost_by, scenario_of
from proofs.our_board import MENDED
from proofs.proving import OUR_BOARD, Proving, gates_of
from strategies.faults import Fault
from strategies.programs import ASKS
from strategies.scenarios import Scenario

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
QUICK = ("post", "claim_next")
EACH = [(name,) for name in ASKS if name != "advance"] if IS_DEEP else [QUICK]
"""Amid which operations, proof by proof: in depth each takes as long as all others in short runs.
"""

TEMPORARY = ".tmp/next.json"
PUT_AWAY = (".archive/", ".quarantine/")
MENDED_FILES = frozenset(f"{task_id}.json" for task_id in MENDED)
MEANWHILE = ("claim_next",)


@pytest.mark.parametrize("names", EACH, ids=" and ".join)
def test_no_error_at_any_effect_of_an_operation_breaks_a_promise(
    names: Sequence[str], proving: Proving, memory: Path
) -> None:
    if proving.board.text == OUR_BOARD:
        proving.board = ProvenBoard.named(BOARD)
    has = [name for name in names if name in proving.board.asks]
    if not has:
        pytest.skip(f"not applicable: the board lacks {', '.join(names)}")
    fail_amid(has, proving, memory)


def test_no_error_at_any_effect_of_a_call_in_a_state_of_its_own_breaks_a_promise(
    proving: Proving, memory: Path
) -> None:
    if proving.board.text == OUR_BOARD:
        proving.board = ProvenBoard.named(BOARD)
    names = [name for name in calls_of(proving.board) if name in SPECIAL]
    fail_amid(names, proving, memory, few=True)


def test_no_error_at_any_effect_of_what_a_person_asks_breaks_a_promise(
    proving: Proving, memory: Path
) -> None:
    if proving.board.text != OUR_BOARD:
        pytest.skip("not applicable: a call of our board alone")
    proving.board = ProvenBoard.named(KEPT_BOARD)
    fail_amid(calls_of(proving.board), proving, memory, few=True)


def fail_amid(names: Sequence[str], proving: Proving, memory: Path, *, few: bool = False) -> None:
    """A proof of all errors amid these calls; of a few of them in short runs."""
    is_ours = proving.board.text in BOARDS
    gate = gates_of(proving.config)[0]
    rows: list[Row] = []
    wrong: list[str] = []
    with proving.proof(gate, root=memory) as proof:
        for name in names:
            plain = proof.examine(alone(proving.board, name))
            faults = list(faults_at_each_effect(plain, is_brief=not IS_DEEP))
            for execution in struck(proof, plain.scenario, some_of(faults, 8 if few else 1)):
                rows.append(row_of(name, execution, plain))
                lost = lost_by(proving.board, execution.files)
                wrong += [f"S12: {execution.scenario.faults[0]} loses {lost}"] if lost else ()
                wrong += what_is_left(execution, plain) if is_ours else ()
            then = going_on(proving.board, name)
            locks = [] if few else [f for f in faults if f.where.startswith("lock")]
            some = dict.fromkeys([*some_of(faults, 24 if few else 4), *locks])
            for execution in struck(proof, then, some):
                wrong += what_does_not_work(execution, plain) if is_ours else ()
        proof.extent = "exhausted" if IS_DEEP else "sampled"
        proof.space = words_of(rows, names, few=few)
        proof.cells += cells_of_trials("errors", map(trial_of, rows))
    assert not wrong, "\n".join(wrong)
    if is_ours:
        check_docs(rows)


def some_of(faults: Sequence[Fault], every: int) -> Sequence[Fault]:
    """Each ``every``-th; all of them in deep runs."""
    return faults if IS_DEEP else faults[::every]


def struck(proof: Proof, scenario: Scenario, faults: Iterable[Fault]) -> Iterator[Execution]:
    """One run with each of the faults, all of which come to their effects."""
    for fault in faults:
        execution = proof.examine(replace(scenario, faults=(fault,)))
        assert was_struck(execution), f"{fault} came to nothing"
        yield execution


def words_of(rows: list[Row], names: Sequence[str], *, few: bool) -> str:
    """How much was tried, and what was told."""
    ends = Counter(row.outcome for row in rows)
    told = ", ".join(f"{ends[end]:,} {end}" for end in ("ok", "refused", "unknown"))
    what = ", ".join(names) if len(names) < 5 else f"{len(names)} operations"
    brief = "each 8th of one error and one signal" if few else "one error and one signal"
    which = "each fault" if IS_DEEP else brief
    return f"{len(rows):,} faults, {which} at each effect of {what}, alone and going on: {told}"


def what_is_left(execution: Execution, plain: Execution) -> Iterator[str]:
    """Files that are not there without the fault, but for whole tasks, which may be put away, with
    the reason.

    Where it is the removal that fails, what was to be removed is left; the next writer removes it.
    And what was put aside is left where a lasting fault lets nobody compare it.
    """
    (fault,) = execution.scenario.faults
    tasks = {f"{task.task_id}.json" for task in execution.scenario.tasks} | MENDED_FILES
    left = set(execution.files).difference(plain.files, tasks)
    for name in sorted(left):
        is_whole = name.startswith(PUT_AWAY) and name.rpartition("/")[2] in (*tasks, ".reason.json")
        is_shut_off = fault.where.startswith(f"unlink {name}") or (
            fault.lasts and name.endswith("/.aside")
        )
        if not is_whole and not is_shut_off:
            yield f"R1: {fault} leaves {name}"


def what_does_not_work(execution: Execution, plain: Execution) -> Iterator[str]:
    """Calls after a fault that raise, and a temporary file that no later writer cleared.

    Where the fault lasts, those of other agents only.
    """
    (fault,) = execution.scenario.faults
    this = call_of(execution, plain)
    for other in execution.history.operations:
        is_struck_too = other is this or (fault.lasts and other.agent == ONE)
        if other.outcome == "unknown" and not is_struck_too:
            yield f"{fault}: {said(other)}"
    if TEMPORARY in execution.files:
        yield f"R1: nobody clears {TEMPORARY} after {fault}"


def check_docs(rows: list[Row]) -> None:
    """The table of the docs says at least what was measured."""
    told, names = cells_of(rows), calls_of_ours()
    if not PAGE.exists():
        return  # proved from an installed package
    doing: dict[str, set[str]] = {}
    for (effect, _), ends in told.items():
        doing.setdefault(effect, set()).update(*ends)
    written = cells_in(table_in(PAGE.read_text(encoding="utf-8")), names, doing)
    for key, ends in told.items():
        for end, word in zip(ends, written.get(key, (set(), set(), set())), strict=True):
            assert end <= word, f"{PAGE} says otherwise of {key}: {end} are not among {word}"


@pytest.mark.skipif(not IS_DEEP, reason="all errors are measured under the profile proofs-fuzz")
def test_the_table_of_the_docs_is_what_is_measured() -> None:
    if not PAGE.exists():
        pytest.skip("not applicable: proved from an installed package")
    table = table_of(cells_of(measured_on_ours()), calls_of_ours())
    words = "out of date: python -m proofs.error_matrix"
    assert table_in(PAGE.read_text(encoding="utf-8")) == table, words


def test_no_error_beside_another_agent_amid_its_own_call_breaks_a_promise(
    proving: Proving, memory: Path
) -> None:
    if proving.board.text == OUR_BOARD:
        proving.board = ProvenBoard.named(BOARD)
    look = "claim_next" if "claim_next" in proving.board.asks else "claim"
    names = [n for n in proving.board.asks if n != "advance"] if IS_DEEP else [look]
    faults = 0
    gate = gates_of(proving.config)[0]
    with proving.proof(gate, root=memory) as proof:
        run = partial(proof.gates.run, gate=proof.gate)
        for name in names:
            begun = up_to_the_last_calls(scenario_of(proving.board, name, MEANWHILE), run)
            plain = proof.examine(alone(proving.board, name))
            each = list(faults_at_each_effect(plain, is_brief=True))
            for fault in each if IS_DEEP else each[::24]:
                for execution in explore(replace(begun, faults=(fault,)), run, preemptions_max=1):
                    proof.take(execution)
                faults += 1
        proof.extent = "exhausted" if IS_DEEP else "sampled"
        which = "each" if IS_DEEP else "each 24th"
        proof.space = (
            f"{faults:,} faults, {which} of one error and one signal at each effect of "
            f"{', '.join(names)} beside another agent, every interleaving with at most one "
            "preemption"
        )
