"""The workflows: each version and system, least rights, and what is found arrives.

They are read as text, and as YAML where PyYAML is installed. Whether GitHub runs them is not shown.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proofs.commands import SOURCES

WORKFLOWS = sorted((SOURCES / ".github" / "workflows").glob("*.yml"))
ISSUE_TEXT = SOURCES / ".ci" / "issue-text"
FOLDERS = (".proofs/report", ".proofs/counterexamples")

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="not applicable: there are no workflows here")


def steps_of(text: str) -> list[str]:
    """Each step, as its lines."""
    return re.findall(r"^      - .*\n(?:(?:        .*)?\n)*", text, re.MULTILINE)


def scripts_of(text: str) -> list[str]:
    """What shells run."""
    return re.findall(r"^ +(?:- )?run: (?:\|\n)?((?:.*\n)(?:          .*\n)*)", text, re.MULTILINE)


def problems(text: str) -> list[str]:
    """What is wrong with a workflow, in words."""
    found = []
    for used in re.findall(r"uses: (\S+)", text):
        if re.fullmatch(r"actions/[\w/-]+@v\d+", used) is None:
            found.append(f"{used} must be one of GitHub's own, at a major version")
    if re.findall(r"^permissions:\n((?:  .*\n)+)", text, re.MULTILINE) != ["  contents: read\n"]:
        found.append("the rights must be to read contents, and no others")
    if re.search(r": write\b|secrets[.\[]|pull_request_target", text):
        found.append("nothing may be written or secret")
    found += [f"a value is pasted into a script: {one}" for one in scripts_of(text) if "${{" in one]
    for step in steps_of(text):
        if "checkout@" in step and "persist-credentials: false" not in step:
            found.append("the checkout must keep no credentials")
        if "upload-artifact@" in step:
            if "include-hidden-files: true" not in step:
                found.append("what lies in a hidden folder must be uploaded too")
            found += [f"{folder} must be uploaded" for folder in FOLDERS if folder not in step]
            if "!cancelled()" not in step:
                found.append("a failure must be uploaded too")
    if text.count("timeout-minutes:") != text.count("runs-on:"):
        found.append("each job must end some time")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_least_rights_and_uploads_what_it_finds(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("actions/checkout@v6", "actions/checkout@main"),
        ("actions/checkout@v6", "somebody/checkout@v6"),
        ("contents: read", "contents: write"),
        ("  contents: read\n", "  contents: read\n  issues: write\n"),
        ('"$BUDGET"', '"${{ inputs.budget }}"'),
        ("include-hidden-files: true", "include-hidden-files: false"),
        ("            .proofs/counterexamples\n", ""),
        ("persist-credentials: false", "persist-credentials: true"),
        ("timeout-minutes: 180", ""),
        ("          name: nightly\n", "          name: ${{ secrets.NAME }}\n"),
    ],
)
def test_what_is_wrong_with_a_workflow_is_told(old: str, new: str) -> None:
    text = (SOURCES / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    assert old in text and problems(text.replace(old, new)) != []


def test_each_push_is_proved_on_each_python_and_system() -> None:
    text = (SOURCES / ".github" / "workflows" / "proofs.yml").read_text(encoding="utf-8")
    project = (SOURCES / "pyproject.toml").read_text(encoding="utf-8")
    [row] = re.findall(r"python: \[(.*)\]", text)
    assert re.findall(r'"(.*?)"', row) == re.findall(r"Python :: (3\.\d+)", project)
    assert "system: [ubuntu-latest, macos-latest]" in text and "  push:\n" in text


def test_the_night_keeps_what_it_learned_whatever_came_of_it() -> None:
    text = (SOURCES / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    [restored] = [step for step in steps_of(text) if "cache/restore@" in step]
    [saved] = [step for step in steps_of(text) if "cache/save@" in step]
    paths = re.compile(r"path: \|\n((?: +\.proofs/\w+\n)+) +key: (.*)\n")
    assert paths.findall(restored) == paths.findall(saved) != []
    assert "!cancelled()" in saved and "schedule:" in text
    [issue] = [step for step in steps_of(text) if ".ci/issue-text" in step]
    assert "failure()" in issue


def test_what_the_scripts_name_is_there() -> None:
    scripts = "".join("".join(scripts_of(path.read_text())) for path in WORKFLOWS)
    named = set(re.findall(r"(?:\.ci|proofs)/[\w./-]*\w", scripts)) - {"proofs/report"}
    named = {name for name in named if f".{name}" not in scripts}
    assert named >= {".ci/run", ".ci/issue-text", "proofs/test_any_board.py"}
    for name in named:
        assert (SOURCES / name).exists(), name
    assert "[testenv:fuzz]" in (SOURCES / "tox.ini").read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_yaml_with_jobs_whose_steps_do_one_thing_each(path: Path) -> None:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ModuleNotFoundError:
        pytest.skip("not applicable: PyYAML is not installed; the others read the text")
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert read["permissions"] == {"contents": "read"}
    for job in read["jobs"].values():
        assert job["timeout-minutes"] <= 180
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step


def issue_text(*logs: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "GITHUB_SHA": "c0ffee", **variables}
    command = ["bash", str(ISSUE_TEXT), *map(str, logs)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_the_text_of_an_issue_has_the_violation_and_the_lines_to_copy(tmp_path: Path) -> None:
    log = tmp_path / "proofs.txt"
    log.write_text(
        "more\n\x1b[31mS1 violated by no_lock, in threads: once.\x1b[0m\n```\n"
        "Replay: pytest .proofs/counterexamples/no_lock-S1-b753ff49.json\n"
        "Replay: pytest .proofs/counterexamples/no_lock-S1-b753ff49.json\n"
    )
    text = issue_text(tmp_path / "not-there.txt", log, GITHUB_RUN_ID="7", BUDGET="30m")
    title, *lines = text.splitlines()
    assert title == "Nightly: S1 violated by no_lock, in threads: once."
    assert "Commit `c0ffee`, budget 30m." in lines
    assert "gh run download 7 --name nightly --dir .proofs" in lines
    assert lines.count("pytest .proofs/counterexamples/no_lock-S1-b753ff49.json") == 1
    assert "\x1b" not in text and len([line for line in lines if line.startswith("```")]) == 4


def test_a_night_without_a_log_has_a_text_too(tmp_path: Path) -> None:
    assert issue_text(tmp_path / "none.txt").startswith("Nightly: no verdict")
