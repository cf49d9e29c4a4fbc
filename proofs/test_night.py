"""A night finds what is there, loses nothing of it, and leaves nothing behind.

Each run has one short night that is killed half-way, and one after it that goes on. Under the
profile ``proofs-fuzz`` there are longer ones: on our board, with an interrupt from the keyboard,
and on a real Redis server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.command.entry import main
from proofs.commands import SOURCES
from proofs.exit_code import ExitCode
from proofs.harness.counterexample import load, save
from proofs.night.canary import Canary, canaries, drawn
from proofs.night.members import NAMES
from proofs.night.memory import peak_of
from proofs.nights import NO_LOCK, PATIENCE_SECONDS, report_of, started, until
from proofs.planted_bugs import EVERY, name_of
from proofs.reports import kept

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"


def of_night(folder: Path) -> dict[int, str]:
    """The processes that were given a place for temporary files in this folder or below it, with
    their commands, where the system tells them.
    """
    wanted = f"TMPDIR={folder}/".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            given = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if command and any(one.startswith(wanted) for one in given):  # a zombie has no command
            found[int(entry.name)] = command
    return found


class Watched:
    """Adds up, while entered, the peaks that the processes of a night have had so far, whatever
    sessions they began; ``bytes_max`` is the largest sum of some twice a second.
    """

    def __init__(self, folder: Path) -> None:
        self.bytes_max = 0
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            now = 1024 * sum(map(peak_of, of_night(self._folder)))
            self.bytes_max = max(self.bytes_max, now)


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
    first.wait()
    until(lambda: not of_night(tmp_path), "a process has outlived its night")
    first.communicate()
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
def test_workers_end_with_their_night_amid_a_turn_in_which_they_find_nothing(
    tmp_path: Path,
) -> None:
    night = started(tmp_path, "--budget", "1h", "--only", "random walk")  # turns of half a minute
    corpus = tmp_path / ".proofs" / "corpus"
    until(lambda: len(list(corpus.rglob("*"))) > 4, "the night learned nothing")
    night.kill()
    night.wait()  # its output ends with the last process that has it
    until(lambda: not of_night(tmp_path), "a process has outlived its night", 12.0)
    night.communicate()


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
    with Watched(tmp_path) as watched:
        printed, _ = night.communicate(timeout=10 * PATIENCE_SECONDS)
    assert night.returncode == ExitCode.HOLDS, printed
    told = report_of(tmp_path / "report")
    assert told["canary"]["convicted"]
    plays = {one["member"] for one in told["portfolio"]}
    assert plays | set(told["not_applicable"]) == set(NAMES)
    assert plays.isdisjoint(told["not_applicable"])
    for name, why in told["not_applicable"].items():
        assert f"{name}: not applicable, {why}" in printed
    whole = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    cells = [cell for proof in whole["proofs"] for cell in proof["cells"]]
    swept = [one for one in told["portfolio"] if one["member"] == "fault sweeps"]
    if min(one["executions"] for one in swept) > 100:  # a busy machine does not come so far
        assert {cell["matrix"] for cell in cells} == {"kills", "errors", "power loss"}
    assert (tmp_path / "report" / "report.html").stat().st_size < 5_000_000
    assert scratch_of(tmp_path, night) == []
    until(lambda: not of_night(tmp_path), "a process has outlived its night")
    assert watched.bytes_max < 1_000_000_000, printed
    assert told["memory"] is None or told["memory"]["bytes"] > 0.8 * watched.bytes_max


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
