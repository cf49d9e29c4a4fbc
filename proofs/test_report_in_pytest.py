"""What becomes of a report in sessions of pytest that do not end well."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from proofs.test_broken_boards import IS_DEEP
from proofs.test_plugin import pytest_in

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
    spread = [["-n", "2"]] if IS_DEEP and find_spec("xdist") else []
    for more in ([], *spread):
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
