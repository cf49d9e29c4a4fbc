"""``python -m proofs`` beside fuzz: replays, makes small, explains, exports and reports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.command import judging
from proofs.command.entry import main
from proofs.exit_code import ExitCode
from proofs.exported import exported
from proofs.harness.counterexample import Counterexample, load, save
from proofs.planted_bugs import KEPT
from proofs.story import story

KINDS = {
    "race": "no_lock-S1",
    "crash": "sync_error_retried-S8",
    "damage": "corrupt_deleted-S12",
    "kill": "marker_left_by_a_kill-L2",
    "clock": "claim_from_the_future_kept-L2",
    "wait": "stale_checked_before_the_lock-S4",
}
SAFE = "proofs.safe_boards.lock_by_exclusive_create:Board"
QUICK = ("race", "crash", "damage")
"""The others are run under ``proofs-fuzz`` only, where they are run at all."""


def kept(kind: str) -> Path:
    [path] = KEPT.glob(f"{KINDS[kind]}-*.json")
    return path


def to_be_mended(folder: Path, kind: str = "race") -> Path:
    """The same file as somebody has it whose board should not be broken."""
    return save(replace(load(kept(kind)), expect="holds"), folder)


def without_lock(folder: Path) -> Path:
    """A board of one's own, as broken, in a file."""
    text = "from proofs.broken_boards.no_lock import Board\n\n__all__ = ['Board']\n"
    (folder / "mine.py").write_text(text)
    return save(replace(load(to_be_mended(folder)), board="mine.py:Board"), folder)


def call(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize("kind", QUICK)
def test_a_replay_of_a_broken_board_convicts_it_as_it_must(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("replay", kept(kind)) == ExitCode.HOLDS
    assert "convicted, as it must be" in capsys.readouterr().out


def test_a_bug_to_be_mended_is_violated_until_it_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = to_be_mended(tmp_path)
    assert call("replay", file) == ExitCode.VIOLATED
    printed = capsys.readouterr().out
    assert "S1 violated by no_lock" in printed and "~~ stopped before" in printed
    assert call("replay", file, "--board", SAFE) == ExitCode.HOLDS
    assert "diverged at step" in capsys.readouterr().out


def test_a_violation_beats_unknown_and_a_folder_is_all_that_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to_be_mended(tmp_path)
    to_be_mended(tmp_path, "crash")
    (tmp_path / "other.json").write_text("{}")
    assert call("replay", tmp_path, "--gate", "processes") == ExitCode.VIOLATED
    printed = capsys.readouterr().out
    assert "not applicable: sync_error_retried in processes" in printed
    assert "S1 violated" in printed


def test_what_diverges_is_unknown_if_strict_and_told_to_bisect_as_such(tmp_path: Path) -> None:
    file = to_be_mended(tmp_path)
    assert call("replay", file, "--board", SAFE, "--strict") == ExitCode.UNKNOWN
    assert call("replay", file, "--board", SAFE, "--bisect") == ExitCode.SKIP
    assert call("replay", file, "--bisect") == ExitCode.VIOLATED
    assert call("replay", kept("race"), "--bisect") == ExitCode.HOLDS
    assert call("replay", kept("race"), "--board", SAFE, "--bisect") == ExitCode.SKIP
    assert call("replay", file, "--board", "nowhere:Board", "--bisect") == ExitCode.SKIP


def test_a_fault_of_the_harness_is_not_shown_as_the_boards(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: object, **options: object) -> None:
        raise KeyError("a bug of ours")

    monkeypatch.setattr(judging, "replayed", breaks)
    assert call("replay", kept("race")) == ExitCode.HARNESS_FAULT
    assert "says nothing about the board" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay"], "Missing argument"),
        (["replay", "nowhere.json"], "does not exist"),
        (["explain", "{other}"], '"format"'),
        (["replay", "{folder}"], "must hold counterexamples"),
        (["replay", "{race}", "--board", "nowhere:Board"], "must name what can be imported"),
        (["minimise", "{race}", "--gate", "both"], "both"),
        (["fuzz", "--budget", "1s", "--report", "{other}"], "a folder that can be written to"),
        (
            ["fuzz", "--budget", "1s", "--counterexamples", "{other}"],
            "a folder that can be written to",
        ),
        (["fuzz", "--budget", "1s", "--database", "{other}"], "a folder that can be written to"),
        (["report", "{race}", "--report", "{other}"], "a folder that can be written to"),
        (["replay", "{race}", "--report", "{other}"], "a folder that can be written to"),
        (["minimise", "{race}", "--counterexamples", "{other}"], "a folder that can be written to"),
        (["fuzz", "--known", "{folder}/nothing.json"], "must be a file that is there"),
        (["nothing"], "No such command"),
    ],
)
def test_bad_usage_is_told_with_words(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.json").write_text("{}")
    named = {"{other}": tmp_path / "other.json", "{folder}": tmp_path, "{race}": kept("race")}
    assert call(*(named.get(argument, argument) for argument in arguments)) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_a_file_from_elsewhere_is_replayed_where_its_board_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "downloads").mkdir()
    file = without_lock(tmp_path / "project")
    file = file.rename(tmp_path / "downloads" / file.name)
    monkeypatch.chdir(tmp_path / "downloads")
    assert call("replay", file.name) == ExitCode.USAGE
    assert "mine.py:Board" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "project")
    assert call("replay", f"../downloads/{file.name}") == ExitCode.VIOLATED


def repository(folder: Path) -> list[str]:
    """A board that is right in two commits and has lost its lock in two more; their ids."""
    folder.mkdir()
    git(folder, "init", "-q")
    found = []
    for module in ("safe_boards.lock_by_exclusive_create", "broken_boards.no_lock"):
        for comment in ("", "# more\n"):
            text = f"{comment}from proofs.{module} import Board\n\n__all__ = ['Board']\n"
            (folder / "mine.py").write_text(text)
            git(folder, "add", "mine.py")
            git(folder, "commit", "-q", "-m", f"{module} {comment}")
            found.append(git(folder, "rev-parse", "HEAD").strip())
    return found


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    ran = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return ran.stdout + ran.stderr


@pytest.mark.skipif(shutil.which("git") is None, reason="not applicable: there is no git here")
@pytest.mark.parametrize("bisect", [[], ["--bisect"]], ids=["plain", "bisect"])
def test_git_bisect_finds_the_commit_or_those_that_it_cannot_tell_apart(
    bisect: list[str], tmp_path: Path
) -> None:
    deep("git bisect")
    file = without_lock(tmp_path)
    right, _, wrong, last = repository(tmp_path / "project")
    git(tmp_path / "project", "bisect", "start", last, right)
    command = [sys.executable, "-m", "proofs", "replay", *bisect, f"../{file.name}"]
    told = git(tmp_path / "project", "bisect", "run", *command)
    if bisect:
        assert "only 'skip'ped commits left" in told and wrong in told, told
    else:
        assert f"{wrong} is the first bad commit" in told, told


@pytest.mark.parametrize("kind", ["race", "crash"])
def test_what_was_made_large_is_made_small_again(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = load(kept(kind))
    (agent, program), *others = small.scenario.programs
    longer = replace(small.scenario, programs=((agent, program * 2), *others))
    large = save(replace(small, scenario=longer), tmp_path / "large")
    assert call("minimise", large, "--counterexamples", tmp_path / "small") == ExitCode.HOLDS
    [path] = (tmp_path / "small").glob("*.json")
    assert f"Replay: pytest {path}" in capsys.readouterr().out
    asks = [len(program) for _, program in load(path).scenario.programs]
    assert asks == [len(program) for _, program in small.scenario.programs]
    assert call("replay", path, "--strict") == ExitCode.HOLDS


def test_what_breaks_nothing_now_has_nothing_to_be_made_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "small"
    found = call("minimise", kept("race"), "--board", SAFE, "--counterexamples", where)
    assert found == ExitCode.UNKNOWN and not where.exists()
    assert "nothing to make smaller" in capsys.readouterr().out


def test_the_story_of_a_race_tells_who_was_stopped_and_what_another_one_did_meanwhile(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("explain", kept("race")) == ExitCode.HOLDS
    told = capsys.readouterr().out
    lines = [line.strip() for line in told.splitlines()]
    assert "1. a2 calls claim_next()." in lines
    assert "It is stopped before 'read t1.json', having done 'open r t1.json'." in lines
    assert "2. a1 calls claim_next(), answered t1 token 1." in lines
    assert "It writes .t1.*.tmp, puts in place .t1.*.tmp -> t1.json." in lines
    assert "3. a2 goes on with claim_next(), answered t1 token 1." in lines
    promise = "between two returns of a task to the pool it is granted at most once"
    assert promise in " ".join(told.split())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("crash", "The crash before 'fsync .' of a1, by which is lost: data of the first 'write"),
        ("crash", "3. recovering opens the board on that."),
        ("damage", "Damaged before anybody starts: t1.json: cut (1)."),
        ("kill", "Here goes wrong: SIGKILL before close t1.claimed"),
        ("clock", "The fault: clocks set back by 7200 s before the first 'mkdir .' of a2."),
        ("wait", "It must wait: flock exclusive .board.lock."),
        ("wait", "a2 is to let 3600 s pass, then claim_next."),
    ],
)
def test_a_story_tells_what_mattered(kind: str, words: str) -> None:
    assert words in story(load(kept(kind)))


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_each_kept_counterexample_is_told_within_a_screen_and_exported_as_python(
    path: Path,
) -> None:
    found = load(path)
    told = story(found).splitlines()
    assert len(told) <= 60 and max(map(len, told)) <= 120
    source = exported(found)
    compile(source, path.name, "exec")
    names: dict[str, object] = {}
    scenario = source[: source.index("def test_")]
    exec(compile(scenario, path.name, "exec"), names)
    assert names["SCENARIO"] == found.scenario


def deep(kind: str) -> None:
    if kind not in QUICK and settings.get_current_profile_name() != "proofs-fuzz":
        pytest.skip("not run: under --hypothesis-profile=proofs-fuzz only")


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_test_passes_where_the_board_is_convicted(kind: str, tmp_path: Path) -> None:
    deep(kind)
    names: dict[str, object] = {"__name__": "exported"}
    exec(compile(exported(load(kept(kind))), "exported", "exec"), names)
    [test] = [value for name, value in names.items() if name.startswith("test_")]
    assert callable(test)
    test(tmp_path)


def test_an_exported_test_is_run_by_pytest_and_fails_while_the_bug_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("export", to_be_mended(tmp_path)) == ExitCode.HOLDS
    (tmp_path / "test_it.py").write_text(capsys.readouterr().out)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stdout
    assert "t1 was granted twice" in ran.stdout and "1 failed" in ran.stdout


def test_whatever_a_file_says_ends_neither_a_comment_nor_a_string() -> None:
    found = load(kept("race"))
    words = 'it\n"""\nimport os; os.abort()  # \\'
    evil = replace(found, violation=words, board=f'x.y:{words}"Board')
    source = exported(evil)
    assert [line for line in source.splitlines() if line.startswith("import os")] == []
    compile(source, "exported", "exec")


def test_a_report_of_counterexamples_tells_what_their_replays_came_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "report"
    assert call("report", kept("race"), "--report", folder) == ExitCode.HOLDS
    assert f"Report: {folder / 'report.html'}" in capsys.readouterr().out
    assert "no_lock" in (folder / "report.html").read_text(encoding="utf-8")
    [told] = json.loads((folder / "report.json").read_text())["proofs"]
    assert told["verdict"] == "holds" and told["counterexamples"] == [str(kept("race"))]


def test_help_and_bad_usage_wait_for_no_hypothesis() -> None:
    code = "import sys; from proofs.command.entry import main; main(['replay', '--help']); "
    told = f"{code} print('hypothesis' in sys.modules, 'pytest' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False False"


def test_output_that_nobody_reads_is_no_violation() -> None:
    command = [sys.executable, "-m", "proofs", "explain", str(kept("race"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == ExitCode.OUTPUT_LOST


def test_a_counterexample_without_outcomes_is_explained_too() -> None:
    bare: Counterexample = replace(load(kept("race")), outcomes=(), meets=())
    assert "a2 calls claim_next()" in story(bare)
