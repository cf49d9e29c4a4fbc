"""The report: what it is made from is what happened, and what boards tell of is data to it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from proofs.harness.counterexample import load
from proofs.harness.film import FILE_BYTES_MAX, Camera, Film, shown
from proofs.harness.filmed_run import run_filmed
from proofs.harness.gates import GATES, GateName
from proofs.harness.interception import interception
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import diverged
from proofs.json_schema import faults
from proofs.report import Session, write_report
from proofs.report.json_text import json_in_a_page, json_text
from proofs.report.locks import locks_held
from proofs.report.timeline import timeline
from proofs.reports import board_of, kept, long_timeline, session
from proofs.struck_runs import BASE, SCENARIO
from strategies.faults import Fault
from strategies.scenarios import Scenario

PAGE_BYTES_MAX = 5_000_000


def filmed(scenario: Scenario, board: str, gate: GateName, folder: Path) -> dict[str, Any]:
    """The timeline of a run."""
    with interception():
        execution, film = run_filmed(scenario, ProvenBoard.named(board), gate, folder / "board")
    return timeline(execution, film)


def held(told: dict[str, Any], path: str, number: int) -> str | None:
    """What a file held after this effect, by the timeline."""
    versions = [text for at, name, text in told["files"] if name == path and at <= number]
    return None if not versions or versions[-1] is None else told["texts"][versions[-1]]


def label(told: dict[str, Any], number: int) -> str:
    """That of an effect."""
    text: str = told["labels"][told["steps"]["label"][number]]
    return text


# The film.


def test_a_filmed_run_is_the_run_that_the_counterexample_tells_of(tmp_path: Path) -> None:
    found = load(kept("lock_file_unlinked"))
    with interception():
        board = ProvenBoard.named(found.board)
        execution, film = run_filmed(found.scenario, board, "threads", tmp_path / "board")
    assert diverged(found.trace, execution) is None
    assert [seen.number for seen in film.pictures] == list(range(-1, len(execution.trace)))
    assert not list(tmp_path.glob("*.film"))


@pytest.mark.parametrize("gate", GATES)
def test_the_files_before_and_after_each_effect_are_those_that_were_there(
    gate: GateName, tmp_path: Path
) -> None:
    found = load(kept("no_lock"))
    told = filmed(found.scenario, found.board, gate, tmp_path)
    steps = range(len(told["steps"]["agent"]))
    [first, second] = [n for n in steps if label(told, n).startswith("replace")]
    before, after = held(told, "t1.json", first - 1), held(told, "t1.json", first)
    assert json.loads(before or "")["status"] == "PENDING"
    for number in (first, second):
        agent = told["agents"][told["steps"]["agent"][number]]
        assert json.loads(held(told, "t1.json", number) or "")["claimed_by"] == agent
    [writes] = [n for n in steps if label(told, n).startswith("write") and n < first]
    temporary = next(name for at, name, text in told["files"] if at == writes)
    assert held(told, temporary, writes - 1) == "" and held(told, temporary, writes) == after
    assert held(told, temporary, first) is None
    by = {operation[0]: operation[4] for operation in told["operations"]}
    assert by == {0: "t1 token 1", 1: "t1 token 1"}


def test_the_film_of_a_killed_process_goes_on_with_the_others(tmp_path: Path) -> None:
    kill = Fault("a1", "before", "replace *", 1, "SIGKILL")
    told = filmed(replace(SCENARIO, faults=(kill,)), BASE, "processes", tmp_path)
    [(number, words)] = told["faults"]
    assert words.startswith("SIGKILL before replace")
    assert label(told, number).startswith("SIGKILL")
    last = len(told["steps"]["agent"]) - 1
    assert any(name.endswith(".tmp") and held(told, name, last) for _, name, _ in told["files"])
    owners = {json.loads(held(told, f"t{n}.json", last) or "")["claimed_by"] for n in (1, 2)}
    assert "a2" in owners and "a1" not in owners
    dropped = [one for one in told["locks"] if one[0] == 0 and one[3] == number]
    assert [one[1] for one in dropped] == [".board.lock"], "a kill lets go of what was held"


def test_time_that_moves_is_told_with_the_effect_before_which_it_did(tmp_path: Path) -> None:
    found = load(kept("stale_checked_before_the_lock"))
    told = filmed(found.scenario, found.board, "threads", tmp_path)
    asked = sum(ask.seconds for _, program in found.scenario.programs for ask in program)
    assert asked >= 3600
    (at, begun), *moves = told["clock"]
    assert at == -1 and 0 <= begun < 1
    assert moves and abs(moves[-1][1] - asked) < 1
    assert all(label(told, number - 1) == "call advance" for number, _ in moves)


def test_what_is_large_or_binary_is_told_in_words() -> None:
    assert shown(b"{}") == "{}" and shown("é\udcff".encode(errors="surrogateescape")) == "é\\xff"
    text = shown(b"x" * (FILE_BYTES_MAX + 5))
    assert text.endswith("(… 5 more bytes are not shown)") and len(text) < FILE_BYTES_MAX + 60
    assert shown(b"\0\1" * 100).startswith("(binary, 200 bytes, sha256 ")


def test_a_file_that_changes_behind_what_is_shown_of_it_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    camera = Camera(tmp_path / "board", tmp_path / "film")
    for number, end in enumerate("ab"):
        (tmp_path / "board" / "binary").write_bytes(b"\0" * 70_000 + end.encode())
        camera.take(number, 0)
    first, second = (seen.files for seen in Film.read(tmp_path / "film").pictures)
    assert first != second


# The timeline.


def test_a_power_loss_is_the_last_effect_and_what_is_left_follows_it(tmp_path: Path) -> None:
    found = session("no_sync_of_the_file", "journal_removed_before_it_is_applied")
    write_report(tmp_path, found, board_of)
    one, two = (shown["timeline"] for shown in data_of(tmp_path)["counterexamples"])
    [(number, words)] = one["crashes"]
    assert words.startswith("the power fails (model ") and "lost: data" in words
    assert number == len(one["steps"]["agent"]) - 1 and one["agents"][-1] == "the disk"
    lost = [name for at, name, _ in one["files"] if at == number]
    assert lost and held(one, lost[0], number) != held(one, lost[0], number - 1)
    assert len(two["crashes"]) == 2 and "in the recovery" in two["crashes"][1][1]
    assert max(operation[2] for operation in one["operations"]) <= number


def test_who_held_the_lock_is_known_and_two_at_a_time_where_its_file_was_unlinked(
    tmp_path: Path,
) -> None:
    found = load(kept("lock_file_unlinked"))
    with interception():
        board = ProvenBoard.named(found.board)
        execution, _ = run_filmed(found.scenario, board, "threads", tmp_path / "board")
    locks = [one for one in locks_held(execution.trace) if one.name == ".board.lock"]
    assert {one.agent for one in locks} == {"a1", "a2"}
    together = [(a, b) for a in locks for b in locks if a.agent < b.agent and a.since < b.until]
    assert any(b.since < a.until for a, b in together), locks
    for one in locks:
        assert execution.trace[one.since].effect.kind == "flock"
        assert not execution.trace[one.since].waits


def test_ten_thousand_operations_take_less_than_a_third_of_a_page() -> None:
    told = long_timeline()
    assert len(told["operations"]) == 10_000 and len(told["steps"]["agent"]) == 100_000
    assert len(json_text(told)) < PAGE_BYTES_MAX / 3
    assert told["matter"] is None and "not looked for" in told["cut"][0]


def test_what_files_held_is_cut_with_words_once_it_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofs.report.timeline.TEXTS_BYTES_MAX", 600)
    found = load(kept("no_lock"))
    told = filmed(found.scenario, found.board, "threads", tmp_path)
    assert any(text.startswith("(not kept: ") for text in told["texts"])
    assert "versions of files are not kept, for their size" in told["cut"][0]


# The files.


def test_report_json_is_as_its_schema_says(tmp_path: Path) -> None:
    schema = json.loads(files("proofs.report").joinpath("schema.json").read_text())
    write_report(tmp_path, session("no_lock"), board_of)
    report = json.loads((tmp_path / "report.json").read_text())
    assert faults(report, schema) == []
    assert faults({**report, "version": 2}, schema) == ["$.version must be 1, got 2"]
    del report["proofs"][0]["bound"]
    report["proofs"][1]["verdict"] = "passed"
    report["tests"]["passed"] = True
    found = faults(report, schema)
    assert [words.partition(" must")[0] for words in found] == [
        "$.proofs[0]",
        "$.proofs[1].verdict",
        "$.tests.passed",
    ]


def test_a_word_of_a_schema_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="maximum"):
        faults(1, {"maximum": 3})


def test_a_report_is_written_whatever_is_wrong_with_a_counterexample(tmp_path: Path) -> None:
    found = session("no_lock")
    (tmp_path / "torn.json").write_text("{")
    gone = str(tmp_path / "gone.json")
    found.told[0]["counterexamples"] = (gone, str(tmp_path / "torn.json"), str(kept("no_lock")))
    write_report(tmp_path, found, board_of)
    first, second, third = data_of(tmp_path)["counterexamples"]
    assert "must be a file that can be read" in first["unplayed"] and "timeline" not in first
    assert "must be JSON" in second["unplayed"]
    assert third["timeline"]["preempted"] and "unplayed" not in third


def test_where_only_a_neighbouring_run_is_violated_that_one_is_shown(tmp_path: Path) -> None:
    found = session("no_lock")
    fields = json.loads(kept("no_lock").read_text())
    for stop in fields["scenario"]["interleaving"]["stops"]:
        stop[2:3] = ["no such effect"] if stop[1] == "before" else stop[2:3]
    (tmp_path / "older.json").write_text(json.dumps(fields))
    found.told[0]["counterexamples"] = (str(tmp_path / "older.json"),)
    write_report(tmp_path, found, board_of)
    [one] = data_of(tmp_path)["counterexamples"]
    assert one["diverged"].startswith("diverged at step ")
    assert [each[4] for each in one["timeline"]["operations"]] == ["t1 token 1"] * 2


def test_a_page_stays_small_however_much_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = session("no_lock", "shared_lock", "two_locks")
    write_report(tmp_path, found, board_of)
    first = len(json_text(data_of(tmp_path)["counterexamples"][0]))
    monkeypatch.setattr("proofs.report.played.BYTES_MAX", first + 1_000)
    write_report(tmp_path, found, board_of)
    shown = data_of(tmp_path)["counterexamples"]
    assert [one.get("unplayed") for one in shown] == [None, *["the page has grown too large"] * 2]
    assert all(one["replay"].startswith("pytest ") and one["violation"] for one in shown)


def test_the_page_needs_nothing_else_and_its_data_cannot_end_its_element(tmp_path: Path) -> None:
    found = session("no_lock")
    found.told[0]["words"] = "</script><script>alert(1)</script> <!-- $script \u2028 \udcff"
    page = write_report(tmp_path, found, board_of).read_text(encoding="utf-8")
    assert data_of(tmp_path)["proofs"][0]["words"] == found.told[0]["words"]
    assert page.count("</script>") == 2 and "\u2028" not in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]
    json.loads((tmp_path / "report.json").read_text())


def data_of(folder: Path) -> dict[str, Any]:
    """What a page holds."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    found: dict[str, Any] = json.loads(data[1])
    return found


def test_json_is_text_for_any_reader() -> None:
    value = {"a": float("nan"), "b": ["\ud800", "<&>"], "c": 2**70}
    assert json.loads(json_text(value)) == {**value, "a": None}
    json_text(value).encode()
    assert "<" not in json_in_a_page(value) and json.loads(json_in_a_page(value))["b"][1] == "<&>"


def test_a_session_without_proofs_is_reported_as_one(tmp_path: Path) -> None:
    write_report(tmp_path, Session(is_whole=False), board_of)
    assert data_of(tmp_path)["proofs"] == [] and not data_of(tmp_path)["is_whole"]
