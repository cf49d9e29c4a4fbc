"""What our board with ``durability="power"`` promised is there after a power loss.

At each moment of an execution the power fails, and everything that a persistence model allows then
is put into a directory; a board is opened on it, must know what it had acknowledged, and must
bring all work to its end. Two agents on two tasks, with at most one preemption.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from proofs.harness.disk import MODELS, Model, crash_states
from proofs.harness.execution import Execution, run
from proofs.harness.matrix import Cell
from proofs.harness.persistence.changes import ChangeLog, Synced, Written
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.persistence.recovery import JUDGED
from proofs.harness.power_loss import PowerLoss, alike
from proofs.harness.proof import Conclusion
from proofs.moving_losses import ARCHIVE, losses_by_model
from proofs.power_loss import TWO_AGENTS, TWO_TASKS, with_one_preemption
from proofs.proving import Concludes
from proofs.restarts import restarted
from proofs.test_broken_boards import IS_DEEP
from strategies.faults import LYING_SYNC, Fault
from strategies.programs import Ask, Program
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task
from swarm.task_board import TaskBoard
from swarm.task_file import TaskWriter

pytestmark = pytest.mark.usefixtures("open_doors")

INDEX: Final = ".index"
EVERY: Final = 1 if IS_DEEP else 96
RECOVERIES_MAX: Final[int | None] = None if IS_DEEP else 30
SAMPLED_RECOVERIES_MAX: Final = 2_000 if IS_DEEP else 15
SAMPLED_STATES_MAX: Final = 100 if IS_DEEP else 10
STATES_MAX: Final = 100_000
EACH_IN_ALL: Final = [(name, model) for name in TWO_AGENTS for model in MODELS]


@pytest.fixture
def root(memory: Path) -> Path:
    return memory / "board"


def board(storage_path: str) -> TaskBoard:
    return TaskBoard(storage_path, durability="power")


def recorded(root: Path) -> Callable[[Scenario], Execution]:
    """How an execution is run whose changes are known."""
    return lambda scenario: run_recorded(scenario, board, root)[0]


def scenario_of(
    programs: tuple[Program, ...], tasks: tuple[PostedTask, ...] = TWO_TASKS
) -> Scenario:
    return Scenario(tasks, tuple((f"a{at}", program) for at, program in enumerate(programs, 1)))


# What is written down of a run.


@pytest.mark.parametrize("programs", TWO_AGENTS.values(), ids=TWO_AGENTS)
def test_a_recorded_run_is_the_same_run_and_ends_where_the_directory_is(
    programs: tuple[Program, Program], root: Path
) -> None:
    scenario = scenario_of(programs)
    plain = run(scenario, board, root)
    execution, log = run_recorded(scenario, board, root)
    assert execution.trace == plain.trace and not log.unseen
    [state] = crash_states(log, len(log.changes), "K").states
    there = {str(path.relative_to(root)): path for path in root.rglob("*")}
    assert set(state.directories) == {name for name, path in there.items() if path.is_dir()}
    assert dict(state.files) == {n: p.read_bytes() for n, p in there.items() if p.is_file()}


def test_a_recorded_run_tells_which_effect_made_which_change(root: Path) -> None:
    execution, log = run_recorded(scenario_of(((Ask("claim_next"),),)), board, root)
    kinds = {"Named": {"open", "replace"}, "Written": {"write"}, "Synced": {"fsync"}}
    for step, change in zip(log.steps, log.changes, strict=True):
        assert execution.trace[step].effect.kind in kinds[type(change).__name__]


# Our board.


@pytest.mark.parametrize(("name", "model"), EACH_IN_ALL if IS_DEEP else EACH_IN_ALL[:5])
def test_what_was_acknowledged_survives_and_all_work_is_brought_to_its_end(
    name: str, model: Model, root: Path, concludes: Concludes
) -> None:
    is_sampled = model in ("W", "S")
    proof = PowerLoss(
        board,
        root,
        model,
        SAMPLED_STATES_MAX if is_sampled else STATES_MAX,
        SAMPLED_RECOVERIES_MAX if is_sampled else RECOVERIES_MAX,
        forgotten=None if model == "K" else INDEX,
        restarts=restarted,
        has_one_counter=True,
    )
    for execution in with_one_preemption(scenario_of(TWO_AGENTS[name]), recorded(root), EVERY):
        assert execution.stuck is None and not execution.unseen
        proof.take(execution)
    proof.recover_all()
    assert proof.found is None, f"{proof.found[0]}\n{proof.found[1].state}"
    is_exhausted = EVERY == 1 and not proof.is_sampled
    space = "every interleaving" if EVERY == 1 else f"each {EVERY}th interleaving"
    words = f"{name}, {space} with at most 1 preemption; {proof.words()}"
    concludes(
        Conclusion(
            *(f"power loss, {name}, {model}", "TaskBoard", "threads", "holds", words),
            invariants=JUDGED,
            extent="exhausted" if is_exhausted else "sampled",
            bound={"states": proof.states, "recoveries": proof.recoveries},
            executions=proof.executions,
            cells=(Cell("power loss", name, model, "holds", proof.recoveries, words),),
        )
    )


def test_what_the_index_holds_after_a_restart_makes_no_difference(root: Path) -> None:
    """So states that differ only there may be counted as one."""
    proof = PowerLoss(board, root, "E", STATES_MAX, RECOVERIES_MAX and 150, restarts=restarted)
    proof.take(run_recorded(scenario_of(TWO_AGENTS["both complete"]), board, root)[0])
    held = {dict(one.state.files).get(f"{INDEX}/pages") for one in proof.crashes()}
    proof.recover_all()
    assert proof.found is None, f"{proof.found[0]}\n{proof.found[1].state}"
    assert len(held) > 20, "it held too little to tell"


@pytest.mark.parametrize("model", ["K", "E"])
def test_a_recovery_that_is_cut_off_at_any_of_its_effects_is_recovered_from(
    model: Model, root: Path, concludes: Concludes
) -> None:
    crashes, proof = cut_off(model, root, 1 if IS_DEEP else 20)
    assert proof.found is None, f"{proof.found[0]}\n{proof.found[1].state}"
    words = f"recovery cut off, after {crashes} crashes; {proof.words()}"
    concludes(
        Conclusion(
            *(f"recovery cut off, {model}", "TaskBoard", "threads", "holds", words),
            invariants=("S15",),
            bound={"states": proof.states, "recoveries": proof.recoveries},
            executions=proof.executions,
            cells=(
                Cell("power loss", "recovery cut off", model, "holds", proof.recoveries, words),
            ),
        )
    )


def test_a_recovery_that_tears_files_is_convicted_when_it_is_cut_off(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proof = cut_off("W", root, 40, lambda: without_sync_of_files(monkeypatch))
    assert proof.found is not None and proof.found[0].invariant == "S15"


def cut_off(
    model: Model, root: Path, every: int, plant: Callable[[], None] = lambda: None
) -> tuple[int, PowerLoss]:
    """A recovery after each ``every``-th crash of one execution, cut off in turn, by one model.

    What the first recovery was granted is forgotten; what had been told before it is not.
    """
    forgotten = None if model == "K" else INDEX
    states_max = 50 if model in ("W", "S") else STATES_MAX
    proof = PowerLoss(
        *(board, root, model, states_max, RECOVERIES_MAX),
        forgotten=forgotten,
        restarts=restarted,
        has_one_counter=True,
    )
    proof.take(run_recorded(scenario_of(TWO_AGENTS["both complete"]), board, root)[0])
    crashes = proof.crashes()[::every]
    second = replace(proof, _known=set(), _todo={}, moments=0, executions=0)
    plant()
    for crash in crashes:
        assert second.take_recovery(crash)
    second.recover_all()
    return len(crashes), second


@pytest.mark.parametrize("model", MODELS)
def test_one_version_of_what_is_forgotten_stands_for_all_of_them(model: Model, root: Path) -> None:
    _, log = run_recorded(scenario_of(TWO_AGENTS["both complete"]), board, root)
    fewer = 0
    for at in range(0, len(log.changes), 16):
        each = crash_states(log, at, model, states_max=500)
        newest = crash_states(log, at, model, states_max=500, forgotten=INDEX)
        assert newest.exhausted or not each.exhausted
        fewer += len(newest.states) < len(each.states)
        if each.exhausted:
            assert {alike(one, INDEX) for one in newest.states} == {
                alike(one, INDEX) for one in each.states
            }
    assert fewer > 0 or model == "K"


# The judge of a recovery.


class NeverAnything(TaskBoard):
    def claim_next(self, *arguments: Any) -> None:
        """There is work, and it is not found."""


class CannotList(TaskBoard):
    def list_all(self) -> list[Task]:
        raise KeyError("status")


@pytest.mark.parametrize(("kind", "invariant"), [(NeverAnything, "L1"), (CannotList, "S12")])
def test_a_board_that_does_not_go_on_after_a_crash_is_convicted(
    kind: type[TaskBoard], invariant: str, root: Path
) -> None:
    proof = PowerLoss(kind, root, "K", STATES_MAX)
    proof.take(run_recorded(scenario_of(((Ask("claim", "t1", fenced=False),),)), board, root)[0])
    proof.recover_all()
    assert proof.found is not None and proof.found[0].invariant == invariant


# Each operation alone.

CLAIMED: Final = (Ask("claim_next"),)
ALONE: Final[dict[str, tuple[Program, Model]]] = {
    "post": ((Ask("post", "n1", fenced=False),), "S"),
    "complete": ((*CLAIMED, Ask("complete")), "S"),
    "fail": ((*CLAIMED, Ask("fail")), "S"),
    "cancel": ((Ask("cancel", "t1", fenced=False),), "S"),
    "requeue": ((*CLAIMED, Ask("fail"), Ask("requeue", "t1", fenced=False)), "S"),
    "claim": ((Ask("claim", "t1", fenced=False),), "K"),
    "claim_next": (CLAIMED, "K"),
    "start": ((*CLAIMED, Ask("start")), "K"),
    "renew": ((*CLAIMED, Ask("renew")), "K"),
    "retry": ((*CLAIMED, Ask("retry")), "K"),
    "release": ((*CLAIMED, Ask("release")), "K"),
}


@pytest.mark.parametrize("operation", ALONE)
def test_each_operation_lasts_up_to_the_weakest_model_that_the_docs_name(
    operation: str, root: Path, concludes: Concludes
) -> None:
    program, weakest = ALONE[operation]
    execution, log = run_recorded(scenario_of((program,), TWO_TASKS[:1]), board, root)
    assert all(one.outcome == "ok" for one in execution.history.operations)
    name = "n1.json" if operation == "post" else "t1.json"
    found = {model: last_states(log, model, name) for model in MODELS}
    [now] = found["K"]
    kept = [model for model in MODELS if found[model] == {now}]
    assert kept == list(MODELS[: MODELS.index(weakest) + 1])
    versions = {change.data for change in log.changes if isinstance(change, Written)}
    assert found["S"] <= versions | set(log.contents.values()), "a file is torn"
    lasting = {"post": ("S7",), "requeue": ()}.get(operation, ("S14",))
    concludes(
        Conclusion(
            *(f"{operation} and power loss", "TaskBoard", "threads", "holds"),
            f"{operation} lasts in {' '.join(kept)}, and no file is torn in any",
            invariants=("S8", *(lasting if weakest == "S" else ())),
            executions=1,
        )
    )


def last_states(log: ChangeLog, model: Model, name: str) -> set[bytes | None]:
    """What a file may hold if the power fails after the call returned."""
    found = crash_states(log, len(log.changes), model, states_max=2_000 if IS_DEEP else 200)
    return {dict(state.files).get(name) for state in found.states}


PRUNED: Final = (*CLAIMED, Ask("complete"), Ask("prune"))


def test_what_a_prune_put_away_is_kept_and_stays_away(root: Path, concludes: Concludes) -> None:
    execution, _ = run_recorded(scenario_of((PRUNED,), TWO_TASKS[:1]), board, root)
    assert not any(losses_by_model(execution, "t1.json", ARCHIVE).values())
    words = "a final task is whole at every moment of a prune in K E W S, and stays in the archive"
    told = Conclusion("prune and power loss", "TaskBoard", "threads", "holds", words)
    concludes(replace(told, invariants=("S8", "S14"), executions=1))


def test_a_prune_without_a_sync_of_directories_is_convicted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sync_of_directories(monkeypatch)
    execution, _ = run_recorded(scenario_of((PRUNED,), TWO_TASKS[:1]), board, root)
    found = losses_by_model(execution, "t1.json", ARCHIVE)
    assert not found["K"] and "t1.json is there again" in found["E"]
    assert "neither there nor below .archive/" in found["W"]


@pytest.mark.parametrize(("operation", "invariant"), [("post", "S7"), ("complete", "S14")])
def test_nothing_survives_a_disk_whose_syncs_lie(
    operation: str, invariant: str, root: Path
) -> None:
    program, _ = ALONE[operation]
    lie = Fault("a1", "before", "fsync *", 1, LYING_SYNC, lasts=True)
    scenario = replace(scenario_of((program,), TWO_TASKS[:1]), faults=(lie,))
    execution, log = run_recorded(scenario, board, root)
    assert all(one.outcome == "ok" for one in execution.history.operations)
    assert not any(isinstance(change, Synced) for change in log.changes)
    proof = PowerLoss(board, root, "E", STATES_MAX, forgotten=INDEX, restarts=restarted)
    proof.take(execution)
    proof.recover_all(invariant)
    assert proof.found is not None


def test_a_sync_that_fails_is_answered_with_an_error_and_loses_nothing_that_was_told(
    root: Path,
) -> None:
    program, _ = ALONE["complete"]
    scenario = scenario_of((program,), TWO_TASKS[:1])
    execution, _ = run_recorded(scenario, board, root)
    syncs = sum(step.effect.kind == "fsync" for step in execution.trace)
    raised = 0
    for occurrence in range(1, syncs + 1):
        error = Fault("a1", "before", "fsync *", occurrence, "EIO")
        execution, _ = run_recorded(replace(scenario, faults=(error,)), board, root)
        raised += any(one.outcome == "unknown" for one in execution.history.operations)
        proof = PowerLoss(board, root, "E", STATES_MAX, forgotten=INDEX, restarts=restarted)
        proof.take(execution)
        proof.recover_all()
        assert proof.found is None, f"{proof.found[0]}\n{proof.found[1].state}"
    assert raised == syncs > 2


# Boards that leave a sync out.


def without_sync_of_directories(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TaskWriter, "sync", lambda self, directory: None)


def without_sync_of_files(patch: pytest.MonkeyPatch) -> None:
    written = TaskWriter._write

    def write(self: Any, data: bytes) -> None:
        self._synced, synced = False, self._synced
        try:
            written(self, data)
        finally:
            self._synced = synced

    patch.setattr(TaskWriter, "_write", write)


POST: Final = ALONE["post"][0]
COMPLETE: Final = ALONE["complete"][0]
PLANTED: Final = {
    "a completion without a sync of its directory": (
        (without_sync_of_directories, COMPLETE),
        {"E": {"S14"}, "W": {"S14", "S2"}, "S": {"S14", "S2"}},
    ),
    "a post without a sync of its directory": (
        (without_sync_of_directories, POST),
        {"E": {"S7"}, "W": {"S7"}, "S": {"S7"}},
    ),
    "a post without a sync of its file": (
        (without_sync_of_files, POST),
        {"E": {"S8"}, "W": {"S8"}, "S": {"S8"}},
    ),
    "a completion without a sync of its file": (
        (without_sync_of_files, COMPLETE),
        # In E its file is safe, since it replaces one; the mark of the tokens, a new file, is not.
        {"E": {"S2"}, "W": {"S2", "S8", "S14"}, "S": {"S2", "S8", "S14"}},
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_sync_that_is_left_out_is_convicted_in_the_models_that_need_it(
    bug: str, model: Model, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plant, program), convicted = PLANTED[bug]
    plant(monkeypatch)
    proof = PowerLoss(board, root, model, 100, 300, restarts=restarted)
    proof.take(run_recorded(scenario_of((program,), TWO_TASKS[:1]), board, root)[0])
    proof.recover_all()
    found = None if proof.found is None else proof.found[0].invariant
    assert found in convicted[model] if model in convicted else found is None, found
