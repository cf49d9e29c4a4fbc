"""The proofs of any board: ours, or the one that ``--proofs-board`` names.

Each runs in threads and in worker processes, and says how much it tried. Under the profile
``proofs-fuzz`` that is a hundred times as much.
"""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import settings

from proofs.harness.gates import GateName
from proofs.pairs import exhaust_all, pairs, telling
from proofs.proving import Proving, gates_of
from strategies.scenarios import polling_scenarios, scenarios

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
EXECUTIONS = {"threads": 10_000 if IS_DEEP else 100, "processes": 2_000 if IS_DEEP else 40}


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
        exhaust_all(proof, pairs(asks if IS_DEEP else telling(asks)))


def test_all_promises_hold_whatever_agents_ask(proving: Proving, gate: GateName) -> None:
    with proving.proof(gate) as proof:
        lease_seconds = proving.board.promises.lease_seconds
        proving.sample(
            proof,
            lambda names: scenarios(names=names, lease_seconds=lease_seconds),
            EXECUTIONS[gate],
        )
