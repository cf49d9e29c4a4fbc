"""The machine's bursts beside damage, on odd files, with clocks apart: what is forgiven, and not.

Each is one burst that is given here, and not drawn; drawn ones are in ``proofs.machine``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, settings

import swarm.quarantine
import swarm.task_file
from proofs.bursts import bursts
from proofs.machine import TaskBoardMachine
from strategies.clocks import Clock
from strategies.faults import KILL, Fault
from strategies.misplacements import DRAWN_FOR_OURS, NO_DAMAGE
from strategies.payloads import ODDITIES, CorruptedPayload
from strategies.programs import Ask
from strategies.scenarios import Scenario
from swarm.moving import move_to_slot


class Chosen:
    """In place of what Hypothesis would draw for a burst: this scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def draw(self, strategy: object) -> Scenario:
        return self.scenario


def burst_beside_damage(fault: Fault, gate: str) -> TaskBoardMachine:
    """A machine whose agents look for work beside a file that was damaged an hour ago."""
    machine = TaskBoardMachine()
    machine.open_boards((10.0, 10.0), ["t1", "t2"])
    machine.damage_a_file("t2", CorruptedPayload("empty", b"", "another"), 3600.0)
    look = (Ask("claim_next"),)
    scenario = Scenario((), (("a1", look), ("a2", look)), faults=(fault,))
    machine.burst(0, "none", gate, Chosen(scenario))
    machine.files_show_the_state()
    machine.damaged_files_are_contained()
    machine.nothing_is_left_over()
    return machine


MOVES = "link t2.json -> .quarantine/*"


@pytest.mark.parametrize(
    ("what", "when", "gate"),
    [("EIO", "before", "threads"), ("EIO", "after", "threads"), (KILL, "after", "processes")],
)
def test_a_move_of_damage_that_was_cut_off_may_leave_a_second_copy_and_no_less(
    what: str, when: Any, gate: str
) -> None:
    machine = burst_beside_damage(Fault("a1", when, MOVES, 1, what), gate)
    assert machine.moved_in_part == {"t2": [b""]}
    machine.teardown()
    copies = machine.quarantined["t2"]
    assert copies == [b""]


def test_a_board_that_deletes_the_damage_it_cannot_move_is_convicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deletes(path: Path, *where: Any) -> Path:
        try:
            return move_to_slot(path, *where)
        except OSError:
            path.unlink()
            raise

    monkeypatch.setattr(swarm.quarantine, "move_to_slot", deletes)
    machine = burst_beside_damage(Fault("a1", "before", MOVES, 1, "EIO"), "threads")
    with pytest.raises(AssertionError, match="S12: quarantine keeps"):
        machine.teardown()


@pytest.mark.parametrize("kind", [*DRAWN_FOR_OURS, "a name in another normal form"])
def test_whatever_lies_in_the_place_of_a_task_is_kept_and_harms_no_burst(kind: str) -> None:
    machine = TaskBoardMachine()
    machine.open_boards((10.0, 10.0), ["t1", "t 5 é"])
    machine.misplace_a_file("t 5 é", kind, 3600.0)
    is_there = kind in NO_DAMAGE or "t 5 é" in machine.model.tasks
    assert is_there == (not machine.damaged)
    for check_all in (machine.files_show_the_state, machine.listings_tell_the_same):
        check_all()
    machine.damaged_files_are_contained()
    look = (Ask("claim_next"), Ask("claim_next"))
    clock = Clock((("a2", 3600.0),), 2.0)
    scenario = Scenario((), (("a1", look), ("a2", look)), clock=clock, chance=3)
    machine.burst(0, "none", "threads", Chosen(scenario))
    granted = [task.status for task in machine.model.tasks.values()]
    assert granted == ["CLAIMED"] * (1 + is_there)
    machine.nothing_outside_is_touched()
    machine.nothing_is_left_over()
    machine.teardown()


def test_a_board_that_follows_links_is_convicted_by_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flags = swarm.task_file._READ_FLAGS
    monkeypatch.setattr(swarm.task_file, "_READ_FLAGS", flags & ~os.O_NOFOLLOW)
    machine = TaskBoardMachine()
    machine.open_boards((10.0, 10.0), ["t1"])
    machine.misplace_a_file("t1", "a link out of the board", 0.0)
    with pytest.raises(AssertionError, match="S12: t1 was read"):
        machine.damaged_files_are_contained()


@pytest.mark.parametrize("kind", ODDITIES)
def test_what_looks_odd_is_a_task_for_the_machine(kind: str) -> None:
    machine = TaskBoardMachine()
    machine.open_boards((10.0, 10.0), ["t1"])
    machine.claim("t1", 0, "a1")
    machine.write_a_file_as_others_do("t1", kind)
    machine.files_show_the_state()
    machine.listings_tell_the_same()
    assert machine.model.tasks["t1"].status == "CLAIMED" and not machine.damaged
    machine.let_pass(3600.0)
    machine.claim_next(0, "a2", None)
    assert machine.model.tasks["t1"].claimed_by == "a2"
    machine.files_show_the_state()
    machine.teardown()


def test_bursts_draw_clocks_orders_and_faults_and_shrink_to_none_of_them() -> None:
    drawn = bursts({"t1": 1}, lease_seconds=10.0, faults_max=2, can_kill=True)
    # What Hypothesis explains of an example it does not tell a caller of ``find``.
    phases = (Phase.generate, Phase.shrink)
    brief = settings(max_examples=2_000, derandomize=True, database=None, phases=phases)
    plain = find(drawn, lambda burst: True, settings=brief)
    assert (plain.clock, plain.chance, plain.faults) == (Clock(), 0, ())

    def is_odd(burst: Scenario) -> bool:
        return bool(burst.clock.skews_seconds and burst.clock.file_tick_seconds and burst.chance)

    odd = find(drawn, is_odd, settings=brief)
    assert len(odd.clock.skews_seconds) == 1 and odd.chance == 1 and not odd.faults
    struck = find(drawn, lambda burst: bool(burst.faults), settings=brief)
    assert len(struck.faults) == 1 and (struck.clock, struck.chance) == (Clock(), 0)
