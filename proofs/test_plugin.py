"""The plugin as people use it: a board of one's own, a counterexample, and everybody else's tests.

Each is a pytest of its own in a directory of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from proofs.harness.gates import GATES, Gates
from proofs.harness.proof import Proof
from proofs.harness.proven_board import ProvenBoard
from proofs.small_boards import with_boards
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

Test = TypeVar("Test", bound=Callable[..., None])

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """What a pytest printed in a folder, and how it ended."""

    status: int
    output: str
    folder: Path


def pytest_in(folder: Path, *arguments: str) -> Ran:
    """A pytest of its own, in this folder; ``-P``: it does not import from there, as ``pytest``."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout + done.stderr, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_boards(tmp_path)


NOTHING = SimpleNamespace(params={})
AHEAD: dict[Callable[..., None], Callable[..., tuple[str, ...]]] = {}


def ahead(*arguments: str) -> Callable[[Test], Test]:
    """The test is given what the proofs of this board said as ``ran``.

    They begin with the first test of this module, as many at once as there are cores. "{name}" is
    the test's own parameter of that name.
    """

    def mark(test: Test) -> Test:
        AHEAD[test] = lambda **given: tuple(one.format(**given) for one in arguments)
        return test

    return mark


@pytest.fixture(scope="module")
def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Ran]]]:
    items: list[Any] = [
        one for one in request.session.items if getattr(one, "function", None) in AHEAD
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            item.nodeid: pool.submit(
                proved,
                with_boards(tmp_path_factory.mktemp("ahead")),
                *AHEAD[item.function](**getattr(item, "callspec", NOTHING).params),
            )
            for item in items
        }


@pytest.fixture
def ran(request: pytest.FixtureRequest, begun: dict[str, Future[Ran]]) -> Ran:
    return begun[request.node.nodeid].result()


def proved(folder: Path, board: str, *arguments: str) -> Ran:
    """The proofs of any board, on this one."""
    named = ("--pyargs", "proofs", "--proofs-board", board, "--proofs-seed", "1")
    return pytest_in(folder, *named, *arguments)


def reported(folder: Path) -> list[dict[str, Any]]:
    report = json.loads((folder / "report" / "report.json").read_text())
    assert report["format"] == "swarm-proofs/report" and report["version"] == 1
    assert report["seed"] == 1 and report["environment"]["python"]
    proofs: list[dict[str, Any]] = report["proofs"]
    return proofs


@ahead("boards.py:Board", "--proofs-report", "report")
def test_a_board_with_post_and_claim_next_alone_is_proved_from_anywhere(ran: Ran) -> None:
    assert ran.status == 0, ran.output
    told = reported(ran.folder)
    tests = json.loads((ran.folder / "report" / "report.json").read_text())["tests"]
    assert tests["failed"] == [] and "not applicable" in tests["skipped"][0]["why"]
    assert {one["gate"] for one in told} == {"threads", "processes"}
    [crashes] = [one for one in told if one["verdict"] == "not applicable"]
    assert crashes["words"].endswith("of what is left after a crash: persistence")
    told.remove(crashes)
    assert {one["verdict"] for one in told} == {"holds"}
    for one in told:
        assert one["executions"] == one["bound"]["executions"] >= 20
        assert one["bound"]["distinct_orders"] > 2 and one["seconds"] > 0
        assert one["extent"] == ("exhausted" if "pair" in one["proof"] else "sampled")
        assert f"{one['executions']:,} executions" in one["words"]
        assert one["words"] in ran.output
        assert "S1" in one["invariants"] and "S16" not in one["invariants"]
    everything = next(one for one in told if "S9" in one["not_applicable"])
    assert everything["not_applicable"]["S9"] == "the board has no complete"
    assert everything["not_applicable"]["S14"].startswith("nobody asked for cancel or complete")


@ahead("boards:ById", "--proofs-gate", "threads", "-k", "pair")
def test_a_board_on_which_tasks_are_claimed_by_their_ids_alone_is_proved(ran: Ran) -> None:
    assert ran.status == 0, ran.output
    assert "2 agents × 2 tasks" in ran.output and "1 pair of operations" in ran.output


@ahead("boards:Racy", "--proofs-gate", "threads", "-k", "exactly_once", "--proofs-report", "report")
def test_a_broken_board_of_one_s_own_is_convicted_and_the_counterexample_replays(ran: Ran) -> None:
    folder = ran.folder
    assert ran.status == 1, ran.output
    assert "S1 violated by Racy, in threads and in processes" in ran.output
    assert "VIOLATED" in ran.output and "Traceback" not in ran.output
    [told] = reported(ran.folder)
    [path] = told["counterexamples"]
    assert told["verdict"] == "violated" and f"Replay: pytest {path}" in ran.output
    page = (ran.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert f'"replay":"pytest {path}"' in page and '"preempted":[' in page
    assert "Report: report/report.html" in ran.output
    # The same once more, as that of a board which is broken on purpose.
    fields = json.loads((folder / path).read_text()) | {"expect": "violated"}
    (folder / "kept.json").write_text(json.dumps(fields))
    for gate in ([], ["--proofs-gate", "processes"]):
        again = pytest_in(folder, path, "kept.json", *gate)
        assert again.status == 1 and "1 failed, 1 passed" in again.output, again.output
        assert "VIOLATED" in again.output and "diverged" not in again.output
        assert "~~ stopped before" in again.output
    both = pytest_in(folder, path, "--proofs-gate", "both")
    assert both.status == 1 and "2 failed" in both.output, both.output
    other = pytest_in(folder, path, "kept.json", "--proofs-board", "boards:Board")
    assert other.status == 1 and "1 failed, 1 passed" in other.output, other.output
    assert "must still be convicted" in other.output and "diverged at step" in other.output
    strict = pytest_in(folder, path, "--proofs-board", "boards:Board", "--proofs-strict")
    assert strict.status == 1, strict.output
    assert "unknown: boards, diverged at step" in strict.output, strict.output


@ahead("boards.py:Idle", "--proofs-gate", "threads", "-k", "agents_ask")
def test_a_proof_in_which_nothing_succeeds_is_unknown_and_fails_under_its_own_word(
    ran: Ran,
) -> None:
    assert ran.status == 1, ran.output
    assert "unknown: Idle, start never succeeded in " in ran.output, ran.output
    assert "1 unknown" in ran.output and "failed" not in ran.output


@ahead("boards.py:Torn", "--proofs-gate", "threads", "-k", "pair")
def test_a_listing_that_reads_what_is_being_written_is_convicted_by_the_pairs(ran: Ran) -> None:
    assert ran.status == 1, ran.output
    assert "S8 violated by Torn, in threads and in processes" in ran.output


@ahead("boards.py:Unopened", "--proofs-gate", "threads", "-k", "exactly_once")
def test_a_board_that_one_agent_cannot_open_while_another_does_is_convicted(ran: Ran) -> None:
    assert ran.status == 1, ran.output
    assert "L1 violated by Unopened, in threads and in processes" in ran.output
    assert " could not open the board: FileNotFoundError" in ran.output


@ahead("boards.py:Impatient", "--proofs-gate", "threads", "-k", "agents_ask")
def test_an_agent_that_gives_up_waiting_for_the_lock_convicts_nobody(ran: Ran) -> None:
    assert ran.status == 0, ran.output


@ahead("boards.py:Silent", "-k", "exactly_once")
def test_an_answer_that_cannot_be_understood_is_no_violation(ran: Ran) -> None:
    assert ran.status == 1 and "2 unknown" in ran.output, ran.output
    for gate in GATES:
        assert f"Silent in {gate}: claim_next must answer" in ran.output, ran.output
    assert "VIOLATED" not in ran.output and "HARNESS" not in ran.output


@ahead("boards.py:Exits", "--proofs-gate", "processes", "-k", "exactly_once")
def test_a_board_that_always_raises_is_unknown_and_no_fault_of_the_harness(ran: Ran) -> None:
    assert ran.status == 1, ran.output
    assert "unknown: Exits, " in ran.output and "raised SystemExit: no work" in ran.output
    assert "HARNESS" not in ran.output and "Traceback" not in ran.output


@pytest.mark.parametrize(
    ("board", "told"), [("Raises", "RuntimeError: boom"), ("Exits", "SystemExit: no work")]
)
def test_what_a_board_always_raises_is_told_at_either_gate(
    folder: Path, board: str, told: str
) -> None:
    polls = tuple((f"a{n}", (Ask("claim_next"),) * 4) for n in range(3))
    with Gates(ProvenBoard.named(f"{folder}/boards.py:{board}"), folder / "board") as gates:
        for gate in GATES:
            proof = Proof("proof", gates, gate, folder)
            for seed in range(10):
                walk = Interleaving("walk", seed=seed)
                proof.examine(Scenario((PostedTask("t1"),), polls, walk))
            found = proof.conclude()
            assert found.verdict == "unknown" and f"claim_next raised {told}" in found.words


@ahead("boards.py:Nothing", "--proofs-gate", "threads")
def test_a_board_that_promises_nothing_is_not_applicable_and_nothing_was_shown(ran: Ran) -> None:
    assert ran.status == 5, ran.output
    assert "not applicable" in ran.output and "holds" not in ran.output


@pytest.mark.parametrize(
    ("board", "gate", "told"),
    [
        ("Dies", "threads", "called os._exit(7), which would have ended the proofs with it"),
        ("Dies", "processes", "ended amid its turn, by exit code 7"),
        ("Hangs", "threads", "hangs: in 1 s no effect has happened anywhere"),
    ],
)
@ahead(
    "boards.py:{board}",
    "--proofs-gate",
    "{gate}",
    "-k",
    "exactly_once",
    "--proofs-report",
    "report",
    "--proofs-patience",
    "1",
)
def test_a_board_that_ends_its_process_or_hangs_is_unknown_in_words(
    board: str, gate: str, told: str, ran: Ran
) -> None:
    assert ran.status == 1, ran.output
    assert "1 unknown" in ran.output and told in ran.output
    assert "VIOLATED" not in ran.output and "HARNESS FAULT" not in ran.output
    assert [one["verdict"] for one in reported(ran.folder)] == ["unknown"]


@pytest.mark.parametrize(
    ("board", "told"),
    [
        ("boards.py:Absent", "board must name something in boards.py"),
        ("boards.py:no_board", "must have post and claim or claim_next"),
        ("boards.py:Awaited", "claim_next, post must be called and answer, got async def"),
        (
            "ends.py:Board",
            "must name what can be imported, got ends.py:Board (SystemExit: 7)",
        ),
        ("boards.py:OtherArguments", "complete(task_id, result), got complete(task_id)"),
    ],
)
@ahead("{board}")
def test_what_cannot_be_proved_is_refused_as_usage(ran: Ran, board: str, told: str) -> None:
    assert ran.status == 4 and told in ran.output, ran.output
    assert "Traceback" not in ran.output


@pytest.mark.parametrize(
    ("option", "given", "told"),
    [
        ("--proofs-patience", "0", "must be a number of seconds above 0, got '0'"),
        ("--proofs-patience", "soon", "must be a number of seconds above 0, got 'soon'"),
        ("--proofs-report", "boards.py/x", "must be a folder that can be written to"),
        ("--proofs-counterexamples", "boards.py", "must be a folder that can be written to"),
    ],
)
@ahead("boards.py:Board", "{option}", "{given}")
def test_an_option_that_cannot_be_followed_is_refused_before_anything_is_proved(
    ran: Ran, option: str, given: str, told: str
) -> None:
    assert ran.status == 4 and option in ran.output and told in ran.output, ran.output
    assert "Traceback" not in ran.output and "collected" not in ran.output


@ahead("boards.py:WithoutThem", "--proofs-gate", "threads", "-k", "pair")
def test_a_method_with_other_arguments_can_be_left_out(ran: Ran) -> None:
    assert ran.status == 0 and "1 pair of operations" in ran.output, ran.output


def test_a_counterexample_imports_no_board_that_its_reader_did_not_choose(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "evil.py").write_text("print('imported')\nBoard = None\n")
    kept = next((ROOT / "proofs" / "counterexamples").glob("*.json"))
    evil = (
        *(f"{elsewhere}/evil.py:Board", "../evil.py:Board", "this.that:Board", "json:load"),
        *("os:system", "builtins:exec"),  # frozen and built in: they lie in no directory
        f"{'x' * 300}.py:Board",
    )
    for number, board in enumerate(evil):
        fields = json.loads(kept.read_text()) | {"board": board}
        (folder / f"evil-{number}.json").write_text(json.dumps(fields))
    ran = pytest_in(folder, "-s", ".")
    assert ran.status == 1 and f"{len(evil)} failed" in ran.output, ran.output
    for number in range(len(evil)):
        assert f"board of evil-{number}.json must lie below" in ran.output
    assert "During handling" not in ran.output
    assert "imported" not in ran.output.replace("importlib", "")


def test_a_replay_that_shows_nothing_is_unknown_and_says_why(folder: Path) -> None:
    kept = next((ROOT / "proofs" / "counterexamples").glob("no_lock*.json"))
    fields = json.loads(kept.read_text()) | {"expect": "holds"}
    asks = {"a1": [{"name": "get", "task_id": "t1"}]}
    idle = fields["scenario"] | {"programs": asks}
    (folder / "idle.json").write_text(json.dumps({**fields, "scenario": idle}))
    refused = idle | {"tasks": [{"task_id": "\x01" * 120}]}
    (folder / "refused.json").write_text(json.dumps({**fields, "scenario": refused}))
    ran = pytest_in(folder, ".")
    assert ran.status == 1 and "2 unknown" in ran.output, ran.output
    assert "S1 could not be judged: nobody asked for claim or claim_next" in ran.output


def test_files_of_another_version_are_refused_and_other_json_is_left_alone(folder: Path) -> None:
    kept = next((ROOT / "proofs" / "counterexamples").glob("*.json"))
    (folder / "old.json").write_text(kept.read_text().replace('"version": 1', '"version": 0'))
    (folder / "other.json").write_text('{"format": "somebody else\'s"}')
    ran = pytest_in(folder, ".")
    assert ran.status == 2 and "must have version 1, got 0" in ran.output, ran.output
    assert "other.json" not in ran.output and "Traceback" not in ran.output


INERT = """
import sys

def test_nothing_of_the_proofs_is_here():
    ours = [n for n in sys.modules if n.startswith(("proofs", "strategies", "swarm"))]
    assert sorted(ours) == ["proofs", "proofs.plugin"]
    assert "hypothesis" not in sys.modules
"""


def test_the_plugin_does_nothing_in_everybody_else_s_tests(folder: Path) -> None:
    (folder / "test_inert.py").write_text(INERT)
    (folder / "data.json").write_text("{}")
    ran = pytest_in(folder, ".")
    assert "1 passed" in ran.output, ran.output
    assert "= proofs =" not in ran.output and "seed" not in ran.output
