"""The proofs of any board: ours, or the one that ``--proofs-board`` names.

Each runs in threads and in worker processes, and says how much it tried. Under the profile
``proofs-fuzz`` that is a hundred times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from proofs.harness.gates import GateName
from proofs.pairs import exhaust_all, pairs, telling
from proofs.power_loss import TWO_AGENTS, two_agents, with_one_preemption
from proofs.proving import OUR_BOARD, Proving, gates_of
from strategies.scenarios import Scenario, damaged_scenarios, polling_scenarios, scenarios

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
CRASHED_EXECUTIONS = 100 if IS_DEEP else 6
CRASH_STATES_MAX = 50 if IS_DEEP else 6
RECOVERIES_MAX = 100 if IS_DEEP else 12
EVERY_STATE = 100_000
EXECUTIONS = {"threads": 10_000 if IS_DEEP else 40, "processes": 2_000 if IS_DEEP else 20}
AMID_DAMAGE = ("claim_next", "claim", "complete", "release", "post", "get", "list_all", "advance")
"""What is asked in each run beside damage; what shows nothing else is left to the deep one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each proof at each gate that was asked for."""
    metafunc.parametrize("gate", gates_of(metafunc.config))


def test_every_task_is_claimed_exactly_once(proving: Proving, gate: GateName) -> None:
    with proving.proof(gate, ["S0", "S1", "S3", "S8", "S13", "S17", "L1", "R1"]) as proof:
        lease_seconds = proving.board.promises.lease_seconds
        polling = partial(polling_scenarios, lease_seconds=lease_seconds)
        proving.sample(proof, polling, EXECUTIONS[gate])


def test_no_pair_of_operations_breaks_a_promise(proving: Proving, gate: GateName) -> None:
    if gate != "threads":
        pytest.skip("not applicable: exhausted in threads, where it is cheapest")
    asks = proving.board.asks
    with proving.proof(gate) as proof:
        is_ours = proving.config.getoption("--proofs-board") is None
        exhaust_all(proof, pairs(asks) if IS_DEEP else telling(asks), must_end=is_ours)


def test_all_promises_hold_whatever_agents_ask(proving: Proving, gate: GateName) -> None:
    with proving.proof(gate) as proof:
        lease_seconds = proving.board.promises.lease_seconds
        proving.sample(
            proof,
            lambda names: scenarios(names=names, lease_seconds=lease_seconds),
            EXECUTIONS[gate],
        )


def test_damage_to_the_file_of_a_task_harms_no_other(proving: Proving, gate: GateName) -> None:
    if gate != "threads" and not IS_DEEP:
        pytest.skip(
            "not applicable: in processes under proofs-fuzz, damage comes before the agents"
        )
    lease_seconds = proving.board.promises.lease_seconds
    agents_max = 4 if IS_DEEP else 2

    def asked(names: Sequence[str]) -> st.SearchStrategy[Scenario]:
        few = [name for name in names if IS_DEEP or name in AMID_DAMAGE]
        return damaged_scenarios(
            scenarios(names=few, lease_seconds=lease_seconds, agents_max=agents_max),
            is_ours=proving.board.text == OUR_BOARD,
        )

    with proving.proof(gate) as proof:
        proving.sample(proof, asked, EXECUTIONS[gate])


def test_what_was_acknowledged_is_left_after_a_crash(proving: Proving, gate: GateName) -> None:
    # With its syncs ours leaves four times as much to look at; test_power_loss does so in each run.
    board = proving.board_with_syncs if IS_DEEP else proving.board
    with proving.crash_proof(gate, CRASH_STATES_MAX, RECOVERIES_MAX, board=board) as proof:
        lease_seconds = proving.board.promises.lease_seconds
        proving.sample(
            proof,
            lambda names: scenarios(
                agents_max=2, names=names, lease_seconds=lease_seconds, asks_max=4
            ),
            CRASHED_EXECUTIONS,
        )


@pytest.mark.skipif(not IS_DEEP, reason="every crash is tried under the profile proofs-fuzz")
def test_what_was_acknowledged_is_left_after_every_crash_of_two_agents(
    proving: Proving, gate: GateName
) -> None:
    with proving.crash_proof(gate, EVERY_STATE, None, cut_off_max=0, worst="E") as proof:
        for name in TWO_AGENTS:
            for _ in with_one_preemption(two_agents(name, proving.board.asks), proof.examine):
                pass
        proof.extent = "exhausted"
        proof.space = (
            f"{', '.join(TWO_AGENTS)}: each in every interleaving with at most one preemption"
        )


def test_all_promises_hold_whatever_fails(proving: Proving, gate: GateName) -> None:
    """Errors, short writes, signals whose handlers raise, stops, clocks that are set, and in worker
    processes kills."""
    drawn = partial(
        scenarios,
        agents_max=3,
        lease_seconds=proving.board.promises.lease_seconds,
        faults_max=3,
        can_kill=gate == "processes",
    )
    with proving.proof(gate) as proof:
        proving.sample(proof, lambda names: drawn(names=names), EXECUTIONS[gate])
