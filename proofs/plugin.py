"""The pytest plugin: options, counterexample files, verdicts. Inert where nothing asks for proofs.

It imports neither Hypothesis nor the harness until one of its options or proofs is used, so it can
be installed beside any other test suite.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

OURS: Final = Path(__file__).parent
ANY_BOARD: Final = OURS / "test_any_board.py"
PROPERTY: Final = "proofs"
"""Under this name an item's ``user_properties`` hold what its proof concluded, as plain values."""

_FORMAT: Final = b"swarm-proofs/counterexample"
_HEAD_BYTES: Final = 1024
_INTERRUPTED: Final = 2
"""From this exit status of pytest on something was not run that was asked for."""

_WORDS: Final = {
    "violated": ("failed", "F", "VIOLATED"),
    "unknown": ("unknown", "U", "UNKNOWN"),
    "harness fault": ("error", "E", "HARNESS FAULT"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the proofs; unprefixed names belong to other plugins."""
    group = parser.getgroup("proofs", "swarm-proofs: proofs of a task board")
    group.addoption(
        "--proofs-board",
        metavar="BOARD",
        help="the board to prove, MODULE:CALLABLE or path/to/file.py:CALLABLE; it is called with a "
        "storage path. Of the proofs themselves only those of any board are run then",
    )
    group.addoption(
        "--proofs-gate",
        choices=("threads", "processes", "both"),
        help="where agents run: threads of this process, worker processes, or both; by default "
        "proofs run at both, and counterexamples where they were found",
    )
    group.addoption(
        "--proofs-report", type=Path, metavar="DIR", help="write report.html and report.json there"
    )
    group.addoption(
        "--proofs-counterexamples",
        type=Path,
        metavar="DIR",
        default=Path(".proofs", "counterexamples"),
        help="where new counterexamples are written (default: %(default)s)",
    )
    group.addoption(
        "--proofs-seed",
        type=int,
        metavar="N",
        help="draw the scenarios of the run that printed this seed",
    )
    group.addoption(
        "--proofs-patience",
        type=_seconds,
        metavar="SECONDS",
        help="an agent that does nothing to be seen for so long hangs (default: 30)",
    )
    group.addoption(
        "--proofs-strict",
        action="store_true",
        help="a replay that takes another way than the one written down fails",
    )


@pytest.hookimpl(tryfirst=True)  # before Hypothesis' own plugin looks the profile up
def pytest_configure(config: pytest.Config) -> None:
    """Register our profiles where ``--hypothesis-profile`` names one; load the board to prove.

    ``proofs/conftest.py`` comes too late for the profiles under ``pytest --pyargs proofs``.
    """
    config.pluginmanager.register(Conclusions(config), "proofs-conclusions")
    seed = config.getoption("--proofs-seed")
    if seed is not None and getattr(config.option, "hypothesis_seed", "") is None:
        config.option.hypothesis_seed = str(seed)  # for the proofs that draw for themselves
    profile = config.getoption("--hypothesis-profile", None)
    if profile is not None and profile.startswith("proofs-"):
        import proofs.profiles  # noqa: F401
    patience = config.getoption("--proofs-patience")
    if patience is not None:
        from proofs.harness.hanging import limits

        limits.hanging_seconds = patience
    _refuse_what_is_no_folder(config, "--proofs-report")
    if config.getoption("--proofs-board") is not None:
        _refuse_what_is_no_folder(config, "--proofs-counterexamples")
        from proofs.proving import check_board

        check_board(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With a board of one's own, of all our proofs only those of any board are collected."""
    if config.getoption("--proofs-board") is None or not collection_path.is_relative_to(OURS):
        return None
    is_test = collection_path.suffix == ".json" or collection_path.name.startswith("test_")
    is_named = str(collection_path) in map(_without_item, config.args)
    return True if is_test and collection_path != ANY_BOARD and not is_named else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file that says so near its beginning is a counterexample, to be replayed."""
    if file_path.suffix != ".json" or not _is_counterexample(file_path):
        return None
    from proofs.counterexample_items import CounterexampleFile

    return CounterexampleFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """The verdict of a proof goes with its report; whatever else ended it is our own fault."""
    report = yield
    told: list[Any] = [value for name, value in item.user_properties if name == PROPERTY]
    if report.when == "call" and told:
        report.proofs_verdict = told[-1]["verdict"]
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Each verdict under its own word."""
    verdict = getattr(report, "proofs_verdict", None)
    return _WORDS.get(verdict) if verdict is not None and report.failed else None


class Conclusions:
    """What all the proofs of a session concluded, here or in the processes of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[dict[str, Any]] = []
        self._others: dict[str, list[Any]] = {"passed": [], "failed": [], "skipped": []}
        self._ending = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a proof told; the report of its call holds all. Others are only counted."""
        told: list[Any] = [v for name, v in report.user_properties if name == PROPERTY]
        if told and report.failed and not hasattr(self._config, "workerinput"):
            from proofs.coloured_words import ColouredWords

            report.longrepr = ColouredWords(report.longrepr)  # type: ignore[assignment]
        if report.when == "call" and told:
            self._told += told
        # A test may fail after its proof concluded, or as it is torn down: it must not be lost.
        is_told = report.when == "call" and bool(told) and told[-1]["verdict"] in _WORDS
        is_other = not told and (report.when == "call" or not report.passed)
        if is_other or (report.failed and not is_told):
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self._others[report.outcome].append((report.nodeid, why.removeprefix("Skipped: ")))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; where nothing at all applied to a named board, nothing was shown."""
        applied = [told for told in self._told if told["verdict"] != "not applicable"]
        is_named = self._config.getoption("--proofs-board") is not None
        if is_named and not applied and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        folder = self._config.getoption("--proofs-report")
        if folder is not None and not hasattr(self._config, "workerinput"):
            try:
                self._write_report(folder, is_whole=int(session.exitstatus) < _INTERRUPTED)
                self._ending = f"report: {folder / 'report.html'}"
            except OSError as error:
                self._ending = f"the report could not be written: {error}"
                session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR

    def _write_report(self, folder: Path, *, is_whole: bool) -> None:
        from proofs.counterexample_items import board_to_replay
        from proofs.report import Session, Skipped, write_report

        skipped = [Skipped(test, why) for test, why in self._others["skipped"]]
        failed = [test for test, _ in self._others["failed"]]
        passed = len(self._others["passed"])
        found = Session(self._told, passed, failed, skipped, is_whole)
        write_report(folder, found, partial(board_to_replay, self._config))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each proof, and where the report is."""
        if self._told:
            from proofs.summary import summarise

            summarise(terminalreporter, self._told)
        if self._ending:
            terminalreporter.line(self._ending)


def _seconds(text: str) -> float:
    """Raises an error of usage."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
    return seconds


def _refuse_what_is_no_folder(config: pytest.Config, option: str) -> None:
    """Before all the proofs are run, and not when something is to be written there."""
    folder: Path | None = config.getoption(option)
    if folder is None:
        return
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise pytest.UsageError(f"{option}: must be a folder that can be written to, got {folder}")


def _is_counterexample(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return _FORMAT in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _without_item(argument: str) -> str:
    return str(Path(argument.partition("::")[0]).absolute())
