"""Soaks: our board holds in one, broken ones are convicted in one, and nothing is left of any.

What happens in a soak is left to the machine. So the broken boards are such that nearly each round
may show the bug, and there are many rounds: how many calls it took is bounded, not how many
seconds. Under the profile ``proofs-fuzz`` safe boards are soaked as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from proofs import planted_bugs
from proofs.commands import is_alive, until
from proofs.harness.answers import UnfitBoardError
from proofs.harness.history import KILLED, Operation
from proofs.harness.interception import interception
from proofs.harness.proven_board import ProvenBoard
from proofs.soak.journal import Journal, agents_with_parts, read_calls
from proofs.soak.judging import Witnessed, judge, takeovers
from proofs.soak.kept import SoakHistoryError, read_history
from proofs.soak.merging import merged
from proofs.soak.playing import Played
from proofs.soak.rounds import Round
from proofs.soak.soaked import Soaked
from proofs.soak.soaking import Sum, soak
from proofs.workers.untouched_board import functions
from strategies.scenarios import PostedTask

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
FOR_EVER = 3600.0
OURS = "proofs.our_board:TaskBoard"
SEED = 713
"""One whose first four rounds kill two agents each: looked for among the first few thousand."""
CONVICTED_BY = 2_000
"""Calls within which the planted bugs must show: four times what it took at most in 50 soaks."""

STAND_KILLS = [
    planted_bugs.name_of(module)
    for module in planted_bugs.SAFE
    if getattr(module, "STANDS_FAULTS", True)
]


def test_our_board_holds_in_a_soak(tmp_path: Path) -> None:
    """3 agents at once, some of which are killed; claims lapse; 200 calls. Nothing is left.

    The seed begins with a round without kills, one that waits for leases, and some with kills.
    """
    calls = 20_000 if IS_DEEP else 200
    soaked = soak(OURS, FOR_EVER, 3, 4661, tmp_path, operations_max=calls)
    assert soaked.value == "holds", soaked.words()
    counts = soaked.counts
    assert counts.operations >= calls and counts.rounds > 1
    assert counts.kills and counts.takeovers and counts.overlapping, soaked.words()
    judged = {verdict.invariant for verdict in soaked.verdicts if verdict.value == "holds"}
    assert {"L1", "L2", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S9", "S13"} <= judged
    assert "S0" in judged or not IS_DEEP  # on a busy machine leases may lapse in the few rounds
    assert list(tmp_path.rglob("*")) == [tmp_path / "soak"]
    assert soaked.conclusion().gate == "uncontrolled" and soaked.holes([]) == ()


def test_a_board_without_a_lock_is_convicted_and_its_history_is_kept(tmp_path: Path) -> None:
    soaked = _convicted("no_lock", {"S1", "S2", "S3", "S4", "S6", "S9", "S14"}, tmp_path)
    found, others = soaked.found[0], soaked.found[1:]
    assert soaked.holes([found.invariant]) == others
    assert found.history.parent == tmp_path / "soak"
    history = read_history(found.history)
    promises = ProvenBoard.named(history.board).promises
    again = {v.invariant: v.words for v in judge(history.witnessed, promises)}
    assert again[found.invariant] == found.words
    told = found.history.with_suffix(".txt").read_text()
    assert told.startswith(f"{found.invariant} violated by no_lock") and found.words in told
    assert "\n       ms a" in told and "cannot be replayed" in told


def test_a_lock_that_outlives_its_holder_is_convicted(tmp_path: Path) -> None:
    """By kills alone: who holds the lock then, holds it for ever."""
    soaked = _convicted("lock_leaked_by_a_kill", {"L1"}, tmp_path)
    assert "had been killed" in soaked.found[0].words, soaked.words()


def _convicted(name: str, invariants: set[str], folder: Path) -> Soaked:
    board = f"proofs.broken_boards.{name}:Board"
    soaked = soak(
        board,
        FOR_EVER,
        3,
        SEED,
        folder,
        operations_max=CONVICTED_BY,
        ends_when_violated=True,
        patience_seconds=2.0,
    )
    assert soaked.value == "violated", soaked.words()
    assert {one.invariant for one in soaked.found} & invariants, soaked.words()
    return soaked


@pytest.mark.skipif(not IS_DEEP, reason="not applicable: safe boards are soaked in deep runs")
def test_safe_boards_hold_in_a_soak(tmp_path: Path) -> None:
    for name in STAND_KILLS:
        board = f"proofs.safe_boards.{name}:Board"
        soaked = soak(board, FOR_EVER, 3, 1, tmp_path, operations_max=1_000)
        assert soaked.value == "holds", soaked.words()


def test_nothing_is_intercepted_and_no_agent_outlives_a_soak_that_is_killed(tmp_path: Path) -> None:
    """The functions of an agent are those of any interpreter; where doors are open they are not."""
    seen = tmp_path / "seen"
    seen.mkdir()
    with _soaking_process(tmp_path, seen) as process:
        until(lambda: len(list(seen.glob("*.json"))) >= 3 or process.poll() is not None)
        process.kill()
        errors = process.communicate()[1]
    agents = list(seen.glob("*.json"))
    assert len(agents) >= 3, errors
    until(lambda: not any(is_alive(int(agent.stem)) for agent in agents))
    plain = json.loads(_run("import json; print(json.dumps(functions()))"))
    assert all(json.loads(agent.read_text()) == plain for agent in agents)
    with interception():
        assert functions() != plain
    [left] = (tmp_path / "soak").glob("at-work-*")
    soak(OURS, FOR_EVER, 2, 1, tmp_path, operations_max=1)
    assert not left.exists()


def _run(code: str) -> str:
    before = "from proofs.workers.untouched_board import functions; "
    command = [sys.executable, "-c", before + code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _soaking_process(folder: Path, seen: Path) -> subprocess.Popen[str]:
    code = f"""
import pathlib
from proofs.soak.soaking import soak
soak("proofs.workers.untouched_board:Board", {FOR_EVER}, 3, 1, pathlib.Path({str(folder)!r}))
"""
    variables = {**os.environ, "SWARM_PROOFS_SEEN": str(seen)}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


def test_an_agent_that_ends_by_itself_makes_the_soak_unknown(tmp_path: Path) -> None:
    soaked = _soaked_with("os._exit(7)", tmp_path)
    assert soaked.value == "unknown" and not soaked.found
    assert "ended by itself, with exit code 7: it is over" in soaked.words()


def test_an_answer_that_cannot_be_understood_is_no_violation(tmp_path: Path) -> None:
    with pytest.raises(UnfitBoardError, match="claim_next must answer a task"):
        _soaked_with("return 7", tmp_path)


def _soaked_with(code: str, folder: Path) -> Soaked:
    file = folder / "board.py"
    file.write_text(f"""
import os, sys
from proofs.broken_boards.base import LockAndScan

class Board(LockAndScan):
    def claim_next(self, agent_id):
        print("it is over", file=sys.stderr, flush=True)
        {code}
""")
    return soak(f"{file}:Board", FOR_EVER, 2, 1, folder, operations_max=1)


def _operations(tmp_path: Path, *lines: dict[str, object]) -> list[Operation]:
    """What the lines of one journal each come to, by agent."""
    for line in lines:
        with (tmp_path / f"{line.pop('of')}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    paths = sorted(tmp_path.glob("*.jsonl"))
    return merged([call for path in paths for call in read_calls(path)])


def _begins(agent: str, at: int, ahead: float = 1e9, name: str = "claim_next") -> dict[str, object]:
    moment = {"at": at, "time": ahead + at / 1e9}
    return {"of": agent, "call": at, "agent": agent, "name": name, "arguments": {}, **moment}


def _ends(agent: str, call: int, at: int, ahead: float = 1e9) -> dict[str, object]:
    moment = {"at": at, "time": ahead + at / 1e9}
    return {"of": agent, "call": call, "outcome": "refused", "answer": None, "error": None} | moment


def test_calls_whose_readings_of_the_clock_are_one_overlap(tmp_path: Path) -> None:
    """One that was read to have ended when another began may have been under way."""
    first, second, third = _operations(
        tmp_path,
        *(_begins("a1", 10), _ends("a1", 10, 20)),
        *(_begins("a2", 20), _ends("a2", 20, 30)),
        *(_begins("a3", 31), _ends("a3", 31, 40)),
    )
    assert not first.precedes(second) and second.precedes(third) and first.precedes(third)


def test_a_calendar_that_was_set_meanwhile_makes_intervals_longer(tmp_path: Path) -> None:
    """It was set back by 5 s amid the second call: leases may have lapsed for all of it."""
    first, second = _operations(
        tmp_path,
        *(_begins("a1", 10), _ends("a1", 10, 20)),
        *(_begins("a1", 30), _ends("a1", 30, 40, ahead=1e9 - 5)),
    )
    for operation in (first, second):
        assert operation.started < 1e9 - 4.9 and operation.ended >= 1e9


def test_of_a_killed_agent_the_last_call_is_unknown_and_over(tmp_path: Path) -> None:
    path = tmp_path / "a1.jsonl"
    journal = Journal(path)
    done = journal.begin("a1", "claim_next", {})
    journal.end(done, "ok", {"task_id": "t1", "token": 1}, has_parts=True)
    lacking = journal.begin("a1", "renew", {"task_id": "t1"})
    journal.drop(lacking)
    journal.begin("a1", "complete", {"task_id": "t1"})
    journal.close()
    alive, whole = merged(read_calls(path)), path.read_text()
    assert alive[1].may_go_on, "nobody said that it is dead"
    path.write_text(whole + '{"call": 2, "outcome": "o')  # the kill cut it short
    parent = Journal(path)
    parent.die()
    parent.close()
    calls = read_calls(path)
    claim, completion = merged(calls)
    assert (claim.outcome, completion.outcome, completion.error) == ("ok", "unknown", KILLED)
    assert not completion.may_go_on and claim.precedes(completion)
    assert agents_with_parts(calls) == {"a1"}


def test_only_a_grant_of_what_nobody_gave_back_is_a_takeover() -> None:
    moments = (0, 1, 0.0, 0.0)
    grant = Operation("a1", "claim", {"task_id": "t1"}, *moments, "ok", {"task_id": "t1"})
    release = replace(grant, name="release", answer=None)
    assert takeovers((grant, release, grant)) == 0
    assert takeovers((grant, grant, release, grant, grant)) == 2


def test_who_renews_behind_its_own_back_may_hold_a_task_for_ever() -> None:
    """A look for work that passes a claim over whose lease is over is convicted, but for this."""
    task = {"task_id": "t1", "token": 1}
    claim = Operation("a1", "claim_next", {}, 0, 1, 100.0, 100.0, "ok", task)
    look = Operation("a2", "claim_next", {}, 2, 3, 200.0, 200.0, "refused")
    witnessed = Witnessed((PostedTask("t1"),), (claim, look), 10.0)
    promises = ProvenBoard.named(OURS).promises
    by_parts = [witnessed, replace(witnessed, has_parts=frozenset(["a1"]))]
    values = [{v.invariant: v.value for v in judge(one, promises)} for one in by_parts]
    assert [value["L2"] for value in values] == ["violated", "not applicable"]


@pytest.mark.parametrize(("name", "invariant"), [("list_all", "S16"), ("get", "S8")])
def test_a_reader_that_is_killed_has_not_tripped(name: str, invariant: str) -> None:
    arguments = {"task_id": "t1"} if name == "get" else {}
    values = []
    for error in (KILLED, "FileNotFoundError: t1.json"):
        read = Operation("a1", name, arguments, 0, 1, 0.0, 0.0, "unknown", None, error)
        witnessed = Witnessed((PostedTask("t1"),), (read,), 10.0)
        verdicts = judge(witnessed, ProvenBoard.named(OURS).promises)
        values += [verdict.value for verdict in verdicts if verdict.invariant == invariant]
    assert values == ["holds", "violated"]


@pytest.mark.parametrize(("rounds", "value"), [(19, "unknown"), (20, "holds")])
def test_a_round_in_twenty_that_takes_too_long_to_judge_is_left_out_and_told(
    rounds: int, value: str, tmp_path: Path
) -> None:
    """The others are the sample then."""
    told = Sum(ProvenBoard.named(OURS), 10.0, 1, tmp_path)
    task, whole = (
        PostedTask("t1"),
        Round("1/1", "mixed", (PostedTask("t1"),), (), 10.0, frozenset()),
    )
    spent = [
        Operation(f"a{n}", "claim", {"task_id": "t1"}, n, 100 + n, 0.0, 0.0, "unknown", None, "E")
        for n in range(12)
    ]
    none = Operation("b", "claim_next", {}, 99, 500, 0.0, 0.0, "refused")
    look = replace(none, invoked_at=0, returned_at=1)
    claim = replace(none, answer={"task_id": task.task_id, "token": 1}, outcome="ok")
    told.take(Played(whole, [*spent, none]))
    for _ in range(rounds - 1):
        told.take(Played(whole, [claim, replace(look, invoked_at=501, returned_at=502)]))
    [verdict] = [v for v in told.soaked(2, 1.0).verdicts if v.invariant == "S4"]
    assert verdict.value == value and "steps" in verdict.words, verdict
    assert ("but for 1 of 20 rounds" in verdict.words) == (value == "holds")


def test_a_file_that_is_no_history_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"format": "else"}')
    with pytest.raises(SoakHistoryError, match="must say"):
        read_history(path)
    path.write_text('{"format": "swarm-proofs/soak-history", "version": 2}')
    with pytest.raises(SoakHistoryError, match="version must be 1, got 2"):
        read_history(path)
