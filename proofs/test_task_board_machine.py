"""The board against the model, one operation at a time; see ``proofs.machine`` for the bound."""

from proofs.machine import TaskBoardMachine
from strategies.payloads import CorruptedPayload
from swarm.task import Task

TestTaskBoardMachine = TaskBoardMachine.TestCase


def test_a_file_that_is_given_its_own_id_is_not_taken_for_a_damaged_one() -> None:
    """A night drew that: damage to the file of another, put in the place of the task it names."""
    machine = TaskBoardMachine()
    machine.open_boards((10.0, 10.0), ["t1"])
    data = Task("t1", "CODE_ANALYSIS", "whole").to_json().encode()
    machine.damage_a_file("t1", CorruptedPayload("another task's id", data, "another"), 0.0)
    assert not machine.damaged
    machine.damage_a_file("t2", CorruptedPayload("another task's id", data, "another"), 0.0)
    assert list(machine.damaged) == ["t2"]
    machine.damaged_files_are_contained()
    machine.files_show_the_state()
    machine.teardown()
