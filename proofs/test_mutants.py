"""Our board with an effect left out, doubled or swapped is convicted: the proofs see enough.

In each run a few mutations, of what most depends on; all of them under the profile ``proofs-fuzz``,
when the page that lists them must be what was found.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proofs.harness.execution import run
from proofs.harness.interception import interception
from proofs.mutant_table import PAGE, page, reason
from proofs.mutants import all_mutations, try_all
from proofs.mutations import How, MutatedThreads, Mutation
from proofs.test_broken_boards import IS_DEEP
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task

SOME: list[tuple[str, str, How, str, str]] = [
    # operation, effect, how, what convicts it, of what
    ("complete", "flock try exclusive .board.lock", "left out", "beside another agent", "S9"),
    ("complete", "write .tmp/next.json", "left out", "one after the other", "S6"),
    ("complete", "close T.json", "left out", "one after the other", "R1"),
    ("complete", "replace .tmp/next.json -> T.json", "left out", "one after the other", "S14"),
    ("complete", "fsync .", "left out", "power loss", "S14"),
    ("complete", "fsync .tmp/next.json", "left out", "power loss", "S8"),
    ("claim", "write .tokens/next", "left out", "an old file put back", "S2"),
    ("claim", "unlock <a1 lock 1>", "left out", "one after the other", "R1"),
]


def test_a_board_that_leaves_out_an_effect_is_convicted_of_what_depends_on_it() -> None:
    wanted = [Mutation(operation, label, 1, how) for operation, label, how, _, _ in SOME]
    found = [conviction for _, conviction in try_all(wanted)]
    told = [(one.proof, one.invariant) if one else None for one in found]
    assert told == [(proof, invariant) for *_, proof, invariant in SOME]


def test_a_board_that_does_its_effects_as_they_are_is_not_convicted() -> None:
    wanted = [Mutation(name, "no effect bears this name", 1, "left out") for name in ("complete",)]
    assert [conviction for _, conviction in try_all(wanted)] == [None]


class TwoWrites:
    """Writes twice into one file in each call."""

    def __init__(self, storage_path: str) -> None:
        self.log = f"{storage_path}/log"

    def post(self, task: Task) -> None:
        """Nothing is kept."""

    def claim(self, task_id: str, agent_id: str) -> bool:
        descriptor = os.open(self.log, os.O_RDWR | os.O_CREAT)
        os.pwrite(descriptor, b"ab", 0)
        os.pwrite(descriptor, b"cd", 2)
        os.close(descriptor)
        return True


def test_a_write_that_comes_after_the_next_one_undoes_nothing_of_that(tmp_path: Path) -> None:
    scenario = Scenario((PostedTask("t1"),), (("a1", (Ask("claim", "t1", fenced=False),)),))
    mutation = Mutation("claim", "write log", 1, "after the next")
    root = tmp_path / "board"
    with interception():
        run(scenario, TwoWrites, root, MutatedThreads(mutation))
    assert (root / "log").read_bytes() == b"abcd"


@pytest.mark.skipif(not IS_DEEP, reason="all mutations are tried under the profile proofs-fuzz")
def test_each_mutation_is_convicted_or_listed_with_the_reason_why_it_is_redundant() -> None:
    tried = list(try_all(all_mutations()))
    unseen = [one for one, conviction in tried if conviction is None and reason(one) is None]
    assert not unseen, f"no proof sees it, and no reason is known: {'; '.join(map(str, unseen))}"
    assert PAGE.read_text(encoding="utf-8") == page(tried), "python -m proofs.mutant_table anew"
