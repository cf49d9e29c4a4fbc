"""A night finds what is there, loses nothing of it, and leaves nothing behind.

Each run has one short night that is killed half-way, and one after it that goes on. Under the
profile ``proofs-fuzz`` there are longer ones: on our board, with an interrupt from the keyboard,
and on a real Redis server.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from proofs.command.entry import main
from proofs.commands import SOURCES
from proofs.exit_code import ExitCode
from proofs.harness.conflicts import touches
from proofs.harness.counterexample import load, save
from proofs.harness.effects import Effect
from proofs.harness.gates import GateName, Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.trace import Step
from proofs.harness.verdict import violated
from proofs.json_schema import faults
from proofs.night.canary import Canary, canaries, drawn
from proofs.night.corpus import Corpus, Entry
from proofs.night.database import DatabaseError, database_of
from proofs.night.deep import take_in
from proofs.night.found import Found, together
from proofs.night.judge import Judge
from proofs.night.known import KnownError, read_known
from proofs.night.members import NAMES, PORTFOLIO
from proofs.night.morning import findings
from proofs.night.mutated import mutated
from proofs.night.reached import in_both_orders, met, pairs_of
from proofs.night.records import Record, Records
from proofs.night.schedule import next_fair, seconds_of, slots
from proofs.night.sieve import Sieve, kind_of
from proofs.night.soaks import HOLE, with_holes
from proofs.night.stage import Stage
from proofs.night.swept import swept
from proofs.night.tally import Line, Tally
from proofs.night.until import Until
from proofs.planted_bugs import EVERY, board_of, name_of, plain_run
from proofs.reports import kept
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario, scenarios

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
NO_LOCK = "proofs.broken_boards.no_lock:Board"
PATIENCE_SECONDS = 120.0


# A whole night.


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A night of its own process, below this folder."""
    command = [sys.executable, "-m", "proofs", "fuzz", "--processes", "2", *options]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(holds: Callable[[], Any], why: str) -> None:
    """Wait for what will be, whatever the machine is busy with."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def of_night(folder: Path) -> list[str]:
    """The processes whose temporary files lie below this folder, where the system tells them."""
    wanted = f"TMPDIR={folder / 'tmp'}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [command for command in found if command]  # a zombie has none


def scratch_of(folder: Path, *nights: subprocess.Popen[str]) -> list[Path]:
    """What these nights left that was to be there for a while only."""
    places = (folder / ".proofs", folder / "tmp", Path("/dev/shm"))
    names = [f"swarm-night-{night.pid}-*" for night in nights]
    left = [path for place in places for name in names for path in place.glob(name)]
    return [*left, *(folder / "tmp").iterdir()]


def test_a_night_that_is_killed_has_lost_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    options = ("--board", NO_LOCK, "--gate", "threads", "--only", "polling")
    first = started(tmp_path, "--budget", "60s", *options)
    found = tmp_path / ".proofs" / "counterexamples"
    until(lambda: list(found.glob("no_lock-*.json")), "the night found nothing")
    first.kill()
    first.communicate()
    until(lambda: not of_night(tmp_path), "a process has outlived its night")
    names = {path.name for path in found.glob("no_lock-*.json")}

    second = started(tmp_path, "--budget", "1s", "--seed", "3", "--report", "report", *options)
    printed, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == ExitCode.VIOLATED, printed
    night = report_of(tmp_path / "report")
    told = {one["name"]: one["standing"] for one in night["findings"]}
    small = {name for name in names if not name.endswith("-found.json")}
    assert told and all(told[name] == "still" for name in small), (names, told)
    assert not list(found.glob("*-found.json")), "what the first night had no time for is small now"
    assert sum(line["executions"] for line in night["replayed"]) > 0
    assert night["seed"] == 3 and "seed 3" in printed
    assert scratch_of(tmp_path, first, second) == []
    until(lambda: not of_night(tmp_path), "a process has outlived its night")
    follows_the_lines(printed, tmp_path)


def report_of(folder: Path) -> dict[str, Any]:
    """What the report says of the night, once it is as its schema says."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    schema = json.loads(files("proofs.report").joinpath("schema.json").read_text(encoding="utf-8"))
    assert faults(report, schema) == []
    night: dict[str, Any] = report["night"]
    return night


def follows_the_lines(printed: str, folder: Path) -> None:
    """What a reader does next with what was printed; in depth all of it."""
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert (folder / lines["Report"]).stat().st_size < 5_000_000
    commands = ["Explain", "Export", "Replay"] if IS_DEEP else ["Explain"]
    for name in commands:
        command = [sys.executable, "-m", *lines[name].removeprefix("python -m ").split()]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (name == "Replay"), done.stdout + done.stderr
        assert "no_lock" in done.stdout


@pytest.mark.skipif(not IS_DEEP, reason="not run: it takes long; under proofs-fuzz")
def test_an_interrupted_night_keeps_what_it_found_and_leaves_nothing(tmp_path: Path) -> None:
    night = started(tmp_path, "--budget", "300s", "--board", NO_LOCK, "--report", "report")
    found = tmp_path / ".proofs" / "counterexamples"
    until(lambda: list(found.glob("no_lock-*.json")), "the night found nothing")
    night.send_signal(signal.SIGINT)
    printed, _ = night.communicate(timeout=PATIENCE_SECONDS)
    assert night.returncode == ExitCode.INTERRUPTED, printed
    assert "interrupted" in printed and report_of(tmp_path / "report")["verdict"] == "violated"
    assert scratch_of(tmp_path, night) == []
    until(lambda: not of_night(tmp_path), "a process has outlived its night")


@pytest.mark.skipif(not IS_DEEP, reason="not run: it takes long; under proofs-fuzz")
def test_our_board_stands_a_night_after_its_canary_was_convicted(tmp_path: Path) -> None:
    night = started(tmp_path, "--budget", "120s", "--report", "report")
    printed, _ = night.communicate(timeout=10 * PATIENCE_SECONDS)
    assert night.returncode == ExitCode.HOLDS, printed
    told = report_of(tmp_path / "report")
    assert told["canary"]["convicted"] and {one["member"] for one in told["portfolio"]} == set(
        NAMES
    )


# More than one machine.


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A real one, on a socket of its own; skips the test, with the reason, where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("not applicable: no redis-server is installed")
    pytest.importorskip("redis", reason="not applicable: the package redis is not installed")
    place = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(folder))
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        until(lambda: _answers(place), "the server does not answer")
        yield f"unix://{place}"
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as ours:
        try:
            ours.connect(str(place))
            ours.sendall(b"PING\r\n")
            return ours.recv(5) == b"+PONG"
        except OSError:
            return False


def test_what_one_machine_learned_another_one_finds_on_the_server(
    tmp_path: Path, entry: Entry, record: Record
) -> None:
    with redis_server(tmp_path) as url:
        Corpus(database_of(url), NO_LOCK).add(entry)
        Records(database_of(url), NO_LOCK).add(record)
        assert Corpus(database_of(url), NO_LOCK).entries() == [entry]
        assert Records(database_of(url), NO_LOCK).all() == {record.name: record}
        assert Corpus(database_of(url), "another board").entries() == []
        if IS_DEEP:
            night_on(url, tmp_path, record)


def night_on(url: str, folder: Path, record: Record) -> None:
    """The counterexample of another machine is replayed, and found again."""
    night = started(folder, "--budget", "5s", "--database", url, "--board", NO_LOCK)
    printed, _ = night.communicate(timeout=PATIENCE_SECONDS)
    assert night.returncode == ExitCode.VIOLATED and "still, " in printed, printed
    assert (folder / ".proofs" / "counterexamples" / record.name).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("redis://localhost:1", "does not answer"),
        ("redis://:secret@localhost:1", "redis://localhost:1 does not answer"),
        ("ftp://somewhere", "must be a folder, or begin with redis://"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_before_the_night_begins(
    text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text.startswith("redis"):
        pytest.importorskip("redis", reason="not applicable: the package redis is not installed")
    with pytest.raises(DatabaseError, match=words):
        database_of(text)
    assert main(["fuzz", "--budget", "1s", "--database", text]) == ExitCode.USAGE
    assert "secret" not in capsys.readouterr().err


# What is kept from night to night.


@pytest.fixture
def entry() -> Entry:
    """One with the interleaving of a kept counterexample."""
    scenario = replace(load(kept("no_lock")).scenario, interleaving=Interleaving("turns"))
    return Entry(scenario, "threads", frozenset({("read t*.json", "replace * -> t*.json")}))


@pytest.fixture
def record() -> Record:
    """Of the kept counterexample of a board, as one of a bug that is to be mended."""
    text = kept("no_lock").read_text().replace('"expect": "violated"', '"expect": "holds"')
    return Record(
        "no_lock-S1-b753ff49.json", "S1", "twice", "board", "2026-01-02", "c0ffee", 7, text
    )


def test_the_corpus_is_read_as_it_was_written_and_what_is_torn_is_passed_over(
    tmp_path: Path, entry: Entry
) -> None:
    corpus = Corpus(DirectoryBasedExampleDatabase(tmp_path), NO_LOCK)
    corpus.add(entry)
    assert corpus.entries() == [entry]
    [file] = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"pairs" in path.read_bytes()
    ]
    whole = file.read_bytes()
    for torn in (whole[:-20], b"", b"[]", b"{}", whole.replace(b'"version": 1', b'"version": 2')):
        file.write_bytes(torn)
        assert corpus.entries() == []
    file.write_bytes(whole)
    corpus.drop(entry)
    assert corpus.entries() == []


def test_a_record_keeps_the_first_night_and_says_when_it_is_gone(record: Record) -> None:
    records = Records(InMemoryExampleDatabase(), NO_LOCK)
    later = replace(record, first_night="2026-02-03", first_commit="another")
    records.add(later)
    records.add(record)
    assert records.all() == {record.name: record}
    records.is_gone(record, "2026-03-04")
    records.is_gone(later, "2026-03-04")
    assert records.all()[record.name].gone == "2026-03-04"


@pytest.mark.parametrize("name", ["../outside.json", "/etc/x.json", "a.py", ".json/x"])
def test_a_record_of_another_machine_names_no_file_elsewhere(record: Record, name: str) -> None:
    with pytest.raises(ValueError, match="name of a finding"):
        Record.from_bytes(replace(record, name=name).to_bytes())


def found_as(name: str, count: int = 1) -> Found:
    return Found(f"folder/{name}", NO_LOCK, "threads", "S1", "twice", count=count)


def test_the_morning_tells_what_is_new_known_still_there_and_gone(
    record: Record, tmp_path: Path
) -> None:
    name = record.name
    known = listed(tmp_path, name)
    old, gone = {name: record}, {name: replace(record, gone="2026-02-03")}

    def standing(*case: Any) -> list[tuple[str, int]]:
        return [(one.standing, one.count) for one in findings(*case)]

    shows = {name: found_as(name, 500)}
    assert standing(shows, {}, {}, {}, {}) == [("new", 500)]
    assert standing(shows, gone, gone, {}, {}) == [("new", 500)]
    assert standing(shows, old, old, {}, {name: "violated"}) == [("still", 500)]
    assert standing(shows, old, old, known, {}) == [("known", 500)]
    assert standing({}, old, old, {}, {name: "holds"}) == [("gone", 0)]
    assert standing({}, old, old, {}, {name: "unknown"}) == [("not judged", 0)]
    assert standing({}, {}, {}, known, {name: "holds"}) == [("gone", 0)]
    assert standing({}, gone, gone, {}, {name: "holds"}) == []
    [one] = findings(shows, old, old, known, {})
    told = (one.at_fault, one.why, one.first_night, one.first_commit)
    assert told == ("dependency", "reported", "2026-01-02", "c0ffee")


def listed(folder: Path, name: str, **fields: Any) -> Any:
    """What a list with this one entry says."""
    (folder / name).write_text("{}")
    entry = {"counterexample": name, "at_fault": "dependency", "why": "reported", **fields}
    path = folder / "known.json"
    path.write_text(json.dumps({"format": "swarm-proofs/known", "version": 1, "known": [entry]}))
    return read_known(path)


@pytest.mark.parametrize(
    "fields", [{"at_fault": "nobody"}, {"counterexample": "none.json"}, {"more": 1}, {"why": 2}]
)
def test_a_list_of_what_is_known_that_cannot_be_right_is_refused(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    with pytest.raises(KnownError, match="must"):
        listed(tmp_path, "a.json", **fields)


def test_our_own_list_can_be_read_and_no_list_is_an_empty_one(tmp_path: Path) -> None:
    assert read_known(SOURCES / "proofs" / "known.json") == {}
    assert read_known(tmp_path / "none.json") == {}


# The portfolio.


def step(agent: str, kind: str, path: str, changes: bool = False) -> Step:
    return Step(agent, Effect(kind, (path,), changes=changes))


def test_pairs_are_counted_by_what_is_done_and_not_by_whom_or_to_which_task() -> None:
    def pairs(*steps: Step) -> set[tuple[str, str]]:
        return pairs_of(touches(steps))

    look, remove = "stat t*.json", "unlink t*.json"
    first = pairs(step("a1", "stat", "t1.json"), step("a2", "unlink", "t1.json", True))
    assert first == {(look, remove)} and (met(first), in_both_orders(first)) == (1, 0)
    assert first == pairs(step("a7", "stat", "t3.json"), step("a1", "unlink", "t3.json", True))
    second = pairs(step("a2", "unlink", "t1.json", True), step("a1", "stat", "t1.json"))
    assert second == {(remove, look)}
    assert (met(first | second), in_both_orders(first | second)) == (1, 1)
    assert not pairs(step("a1", "stat", "t1.json"), step("a1", "unlink", "t1.json", True))
    assert not pairs(step("a1", "stat", "t1.json"), step("a2", "unlink", "t2.json", True))


@settings(max_examples=max(10, settings().max_examples // 5))
@given(st.randoms(use_true_random=False), scenarios(), scenarios())
def test_a_mutated_interleaving_can_be_run(
    chance: random.Random, one: Scenario, other: Scenario
) -> None:
    turns = replace(one, interleaving=Interleaving("turns", turns=(("a1", 3), ("a2", 9))))
    for _ in range(5):
        turns = mutated(chance, turns, other)
        assert replace(turns, interleaving=one.interleaving) == one
        assert Scenario.from_json(turns.to_json()) == turns
        assert all(effects > 0 for _, effects in turns.interleaving.turns)


def test_a_sweep_strikes_each_effect_once(tmp_path: Path) -> None:
    [module] = [one for one in EVERY if name_of(one) == "no_lock"]
    with Gates(board_of(module), tmp_path / "board") as gates:
        trace = plain_run(module, gates, "threads")
    found = list(swept(random.Random(1), trace, "threads", 3600.0))
    assert len(found) == len(trace) and all(one.what != "SIGKILL" for one in found)
    assert any(one.what == "SIGKILL" for one in swept(random.Random(1), trace, "processes", 9.0))


def test_the_first_of_a_kind_is_made_small_and_few_of_the_others() -> None:
    sieve = Sieve()
    due = [number for number in range(1, 300) if sieve.is_due(("S1", "twice"))]
    assert due == [1, 4, 16, 64, 256] and sieve.is_due(("S1", "elsewhere"))


def test_violations_are_of_one_kind_by_what_was_broken_and_what_had_gone_wrong() -> None:
    execution: Any = type("Ran", (), {"trace": [], "scenario": Scenario((), ())})()

    def kind(words: str) -> tuple[str, ...]:
        return kind_of(execution, violated("S1", words))

    assert kind("t1 was granted twice: a1, a2") == kind("t3 was granted twice: a4, a1")
    assert kind("t1 was granted twice: a1, a2") != kind("t1 was lost: a1")


class Judged:
    """A judge of a board without a lock, and what it was told."""

    def __init__(self, gates: Gates, folder: Path) -> None:
        self.found: list[Found] = []
        self.folder = folder
        self.corpus = Corpus(InMemoryExampleDatabase(), NO_LOCK)
        sieve, guard = Sieve(), GuardSchedule()
        self.judge = Judge(
            gates, "threads", folder, self.corpus, set(), sieve, guard, self.found.append
        )

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.json"))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        yield Judged(gates, tmp_path / "found")


def test_a_violation_is_in_a_file_before_it_is_made_small_and_in_one_file_then(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise KeyboardInterrupt

    scenario = load(kept("no_lock")).scenario
    with monkeypatch.context() as patch:
        patch.setattr("proofs.night.judge.convict", cut_off)
        with pytest.raises(KeyboardInterrupt):
            judged.judge.examine(scenario)
    [name] = judged.names
    assert name.startswith("no_lock-S1-") and name.endswith("-found.json")
    assert load(judged.folder / name).expect == "holds"
    for _ in range(4):
        judged.judge.examine(scenario)
    [found] = together(judged.found).values()
    assert judged.names == [found.name], "one bug is one file"
    assert (found.count, judged.judge.violations) == (2, 5), "all are counted, two are told of"
    assert found.words.startswith("S1 violated by no_lock") and "stopped before" in found.told
    assert not judged.judge.unknown


def test_only_what_reached_a_pair_in_a_new_order_comes_into_the_corpus(judged: Judged) -> None:
    judged.judge.canary = "R1"  # of which this board is not to be convicted
    judged.judge.examine(load(kept("no_lock")).scenario)
    [entry] = judged.corpus.entries()
    assert entry.pairs == judged.judge.new_pairs != set()
    judged.judge.examine(entry.scenario)
    assert judged.corpus.entries() == [entry] and judged.judge.learned is None


def test_one_bug_found_five_hundred_times_is_one_with_a_count() -> None:
    [one] = together([found_as("a.json"), *[found_as("a.json")] * 499]).values()
    assert one.count == 500


def test_every_member_has_its_turns_at_each_gate_in_each_round() -> None:
    both: tuple[GateName, ...] = ("threads", "processes")
    every = {(one.name, gate) for one in PORTFOLIO for gate in one.gates}
    order = slots(PORTFOLIO, ("threads", "processes"), 7)
    for _ in range(3):
        assert {next(order)[:2] for _ in every} == every
    assert next(slots(PORTFOLIO, both, 7)).seed == 7
    again = [[*islice(slots(PORTFOLIO, both, 7), 60)] for _ in range(2)]
    assert again[0] == again[1]


def test_no_member_has_more_than_its_share_of_the_time_but_one_that_is_alone() -> None:
    members = {one.name: one for one in PORTFOLIO}
    [deep, polling] = members["deep proofs"], members["polling"]
    both: tuple[GateName, ...] = ("threads", "processes")
    tally = Tally()
    tally.lines["deep proofs", "threads"] = Line("deep proofs", "threads", seconds=21.0)
    tally.lines["polling", "threads"] = Line("polling", "threads", seconds=79.0)
    some = {one.name: one for one in (deep, polling)}
    order = slots([deep, polling], both, 1)
    assert {next_fair(order, some, tally).member for _ in range(9)} == {"polling"}
    tally.lines["polling", "threads"].seconds = 90.0
    assert {next_fair(order, some, tally).member for _ in range(9)} == set(some)
    alone = slots([deep], both, 1)
    assert next_fair(alone, {deep.name: deep}, tally).member == "deep proofs"
    assert (seconds_of(deep, 3.0, 3600.0), seconds_of(polling, 3.0, 3600.0)) == (60.0, 3.0)


def test_what_soaks_alone_find_is_laid_to_the_harness() -> None:
    soaked = replace(found_as("soaked.txt"), member="soak")
    assert with_holes({"soaked.txt": soaked})["soaked.txt"].at_fault == "harness"
    both = {"soaked.txt": soaked, "a.json": found_as("a.json")}
    assert with_holes(both) == both
    other = {"soaked.txt": soaked, "a.json": replace(found_as("a.json"), invariant="S2")}
    assert with_holes(other)["soaked.txt"].words.endswith(HOLE)


def test_each_end_of_a_deep_proof_is_told_as_what_it_is(judged: Judged) -> None:
    printed = (
        "proofs/test_x.py::test_one PASSED [ 1%]\nproofs/test_x.py::test_two[a b] PASSED [ 2%]\n"
        "FAILED proofs/test_x.py::test_a - assert 1\nUNKNOWN proofs/test_x.py::test_b - S1: why\n"
        "ERROR proofs/test_x.py::test_c[d] - KeyError\nVIOLATED proofs/test_x.py::test_d\n"
    )
    stage = Stage(
        judged.judge, Until(1), 7, judged.corpus, InMemoryExampleDatabase(), judged.folder
    )
    take_in(stage, printed)
    assert judged.judge.coverage.executions == 2
    assert list(judged.judge.unknown) == ["test_x.py::test_b: S1: why"]
    told = [(one.words, one.at_fault) for one in judged.found]
    assert told == [
        ("test_x.py::test_a: assert 1", "board"),
        ("test_x.py::test_c[d]: KeyError", "harness"),
        ("test_x.py::test_d", "board"),
    ]
    assert "--proofs-seed 7" in Path(judged.found[0].path).read_text()


# The canary.


def test_each_night_another_canary_of_those_that_cost_little_enough() -> None:
    boards = [Canary(f"proofs.b{n}:Board", "S1", "threads", float(n)) for n in range(1, 40)]
    names = {drawn(boards, 300.0, ("threads",), seed).name for seed in range(200)}
    assert names == {f"b{n}" for n in range(1, 16)}  # a twentieth of the budget is 15 s
    few = {drawn(boards, 5.0, ("threads",), seed).name for seed in range(99)}
    assert few == {"b1", "b2", "b3"}
    processes = [replace(one, gate="processes") for one in boards[:5]]
    assert drawn([*processes, *boards[5:]], 5.0, ("threads",), 1).name in ("b6", "b7", "b8")


def test_the_canaries_are_broken_boards_whose_cost_was_measured() -> None:
    names = {name_of(module) for module in EVERY}
    found = canaries()
    assert len(found) >= 20 and {one.name for one in found} <= names
    assert all(one.invariant and 0 < one.cost_seconds <= 60 for one in found)


@pytest.mark.skipif(not IS_DEEP, reason="not run: it takes long; under proofs-fuzz")
def test_a_night_whose_canary_is_not_convicted_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A canary that sings not: a board that is correct."""
    safe = Canary("proofs.safe_boards.claim_by_rename:Board", "S1", "threads", 0.1)
    monkeypatch.setattr("proofs.night.night.canaries", lambda: [safe])
    monkeypatch.setattr("proofs.night.canary._SECONDS_MIN", 3.0)
    monkeypatch.chdir(tmp_path)
    options = ["--processes", "1", "--budget", "10s", "--gate", "threads"]
    assert main(["fuzz", *options]) == ExitCode.UNKNOWN
    assert "the canary claim_by_rename was not convicted of S1" in capsys.readouterr().out


# The command.


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["fuzz", "--budget", "60"], ["fuzz", "--budget", "0s"], ["fuzz", "--seed", "x"]),
        *(["fuzz", "--processes", "0"], ["fuzz", "--only", "nobody"], ["fuzz", "--board", "x:y"]),
    ],
)
def test_bad_usage_leaves_with_its_own_code(arguments: list[str]) -> None:
    assert main(arguments) == ExitCode.USAGE


def test_a_counterexample_is_saved_under_another_name_where_one_is_given(tmp_path: Path) -> None:
    found = load(kept("no_lock"))
    path = save(found, tmp_path, "other.json")
    assert [*tmp_path.iterdir()] == [path] and load(path) == found
