"""What becomes of a report in sessions of pytest that do not end well."""

from __future__ import annotations

import json
import re
from pathlib import Path

from proofs.test_plugin import pytest_in

SPREAD = """
from dataclasses import replace

import pytest

@pytest.mark.parametrize("number", range(4))
def test_one(number, concludes):
    from proofs.harness.proof import Conclusion

    held = Conclusion(f"one {number}", "Small", "threads", "holds", "1 execution", ("S1",))
    concludes(replace(held, extent="sampled"))
"""

LATE = """
from proofs.harness.proof import Conclusion

def test_late(concludes):
    concludes(Conclusion("late", "Small", "threads", "holds", "1 execution", ("S1",)))
    assert not "what was left"

def test_plain():
    pass
"""


def test_a_test_that_fails_after_its_proof_held_is_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from proofs.conftest import concludes\n")
    (tmp_path / "test_late.py").write_text(LATE)
    for more in ([], ["-n", "2"]):
        ran = pytest_in(tmp_path, "test_late.py", "--proofs-report", "report", *more)
        assert ran.status == 1 and "report: report/report.html" in ran.output, ran.output
        report = json.loads((tmp_path / "report" / "report.json").read_text())
        assert [one["verdict"] for one in report["proofs"]] == ["holds"]
        assert report["tests"] == {
            "passed": 1,
            "failed": ["test_late.py::test_late"],
            "skipped": [],
        }
        assert report["is_whole"]
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    ran = pytest_in(tmp_path, "test_late.py::test_plain", "--proofs-report", "taken")
    assert ran.status == 3 and "the report could not be written" in ran.output, ran.output


def test_a_folder_of_proofs_runs_in_several_processes_that_draw_by_one_seed(tmp_path: Path) -> None:
    names = "concludes, pytest_cmdline_main"
    (tmp_path / "conftest.py").write_text(f"from proofs.conftest import {names}  # noqa: F401\n")
    (tmp_path / "test_spread.py").write_text(SPREAD)
    drawn = "--hypothesis-profile=proofs-dev"
    alone = (["test_spread.py"], [".", "-n", "0"], [".", "-p", "no:xdist"])
    for more, is_spread in ((["."], True), *((more, False) for more in alone)):
        ran = pytest_in(tmp_path, drawn, *more)
        assert ran.status == 0 and ran.output.count("holds (sampled)") == 4, ran.output
        assert ("worker" in ran.output) == is_spread, ran.output
        assert re.search(r"^seed \d+; the same again", ran.output, re.MULTILINE), ran.output
