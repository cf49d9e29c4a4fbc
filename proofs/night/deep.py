"""A turn of the deep proofs: one of those of our board that pytest runs, as deep as it goes.

One that is cut off shows nothing, so a turn has one alone, and what was cut off once is not begun
again before there is more time for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

from proofs.harness.proof import Conclusion
from proofs.night.found import AtFault, Found
from proofs.night.machine import write
from proofs.night.stage import Stage
from proofs.night.tried import Turns, chosen

FILES: Final = (
    *("any_board", "kill_at_every_effect", "errors_at_every_effect", "killed_agents_children"),
    *("damage", "damaged_scenarios", "power_loss", "power_loss_amid_one_call"),
    *("clocks_in_files", "hostile_surroundings"),
)
"""Of ``proofs/test_*.py`` those that try more of our board under ``proofs-fuzz``."""

NOT_PLAYED: Final = {
    "it proves the harness, mostly on boards with a planted bug": (
        *("broken_boards", "planted_crashes", "exhaustive", "exploration", "explained_histories"),
        *("counterexamples", "counterexample_files", "guard", "hanging_boards", "left_threads"),
        *("mutants", "ext4", "pictures", "lease_clocks", "kept_counterexamples"),
    ),
    "the soak has turns of its own": ("soak",),
    "it proves nights themselves": ("night", "night_machine", "night_memory", "night_deep"),
    "it proves commands and pages": ("pages", "proofs_command"),
}
"""The others that have a deep version, by why a night leaves them to pytest."""

COLLECT_SECONDS_MAX: Final = 120.0
ENDING_SECONDS: Final = 20.0
CUT: Final = "cut off"

_PLACE: Final = Path(__file__).parents[1]
_PASSED: Final = re.compile(r"::.* PASSED\b")
_ENDED: Final = re.compile(
    r"^(FAILED|VIOLATED|UNKNOWN|ERROR|HARNESS FAULT) (\S+::.*?)(?: - (.*))?$"
)


def deep_turn(stage: Stage) -> None:
    """The proof whose turn is due, if one is that comes to its end in the time that is left."""
    tests = _collected()
    if not tests:
        stage.judge.unknown["the deep proofs could not be collected"] += 1
        return
    turns = Turns(stage.database, stage.board.text)
    test = chosen(tests, turns.latest(), stage.until.left, stage.seed)
    if test is None:
        time.sleep(min(1.0, stage.until.left))  # or one who plays alone would ask all the time
        return
    begun, began, most = turns.begin(test), time.monotonic(), stage.until.left
    with tempfile.TemporaryDirectory() as folder:
        printed, is_cut = _run(test, stage, Path(folder))
        concluded = [] if is_cut else _concluded(Path(folder, "report.json"))
    seconds = time.monotonic() - began
    if is_cut:
        seconds = min(seconds, most)  # the rest it took to end
    turns.end(begun, seconds, is_cut=is_cut)
    if is_cut:
        concluded = [_cut_off(test, stage, seconds)]
    elif not concluded and _PASSED.search(printed):
        concluded = [_passed(test, stage, seconds)]
    take_in(stage, printed, concluded)


def take_in(stage: Stage, printed: str, concluded: list[dict[str, Any]]) -> None:
    """What pytest printed of it, and its conclusions as a report holds them."""
    judge = stage.judge
    judge.concluded += [{**one, "proof": f"deep: {one['proof']}"} for one in concluded]
    told = sum(one["executions"] for one in concluded)
    judge.coverage.executions += told or len(_PASSED.findall(printed))
    for line in printed.splitlines():
        match = _ENDED.match(line)
        if match is not None:
            _tell(stage, match[1], match[2], match[3] or "", printed)


def _tell(stage: Stage, ending: str, test: str, words: str, printed: str) -> None:
    """One that did not pass; what could not judge is no violation."""
    name = test.rpartition("/")[2]
    if ending == "UNKNOWN":
        stage.judge.unknown[f"{name}: {words}"] += 1
        return
    fault: AtFault = "board" if ending in ("FAILED", "VIOLATED") else "harness"
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    path = stage.folder / f"{name.partition('.')[0]}-{digest}.txt"
    first = f"{name}: {words}" if words else name
    deep = f"--hypothesis-profile=proofs-fuzz --hypothesis-seed={stage.seed}"
    told = f"{first}\n\n{printed}\nRepeat: pytest '{test}' {deep} --proofs-seed {stage.seed}\n"
    write(path, told)
    stage.judge.note(Found(str(path), stage.board.text, stage.gate, "", first, told, fault))


def _cut_off(test: str, stage: Stage, seconds: float) -> dict[str, Any]:
    """It shows nothing, and says so."""
    why = f"{CUT} after {seconds:.0f} s, so it shows nothing; it needs a longer --budget"
    return asdict(Conclusion(test, stage.board.name, stage.gate, "not applicable", why))


def _passed(test: str, stage: Stage, seconds: float) -> dict[str, Any]:
    """One that concludes nothing by itself, and came to its end."""
    about, words = (test, stage.board.name, stage.gate), "passed under proofs-fuzz"
    return asdict(Conclusion(*about, "holds", words, seconds=round(seconds, 3)))


def _concluded(report: Path) -> list[dict[str, Any]]:
    """None where there is no report: pytest did not come so far."""
    if not report.exists():
        return []
    proofs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["proofs"]
    return proofs


@cache
def _collected() -> tuple[str, ...]:
    """The tests, as ``test_file.py::test``; none where they are not installed."""
    files = [str(path) for name in FILES if (path := _PLACE / f"test_{name}.py").exists()]
    try:
        done = subprocess.run(
            _pytest("-q", "--collect-only", *files),
            capture_output=True,
            text=True,
            check=False,
            timeout=COLLECT_SECONDS_MAX,
            env=_environment(),
            cwd=tempfile.gettempdir(),
        )
    except subprocess.TimeoutExpired:
        return ()
    named = (line.partition("::") for line in done.stdout.splitlines() if "::" in line)
    return tuple(f"{Path(file).name}::{test}" for file, _, test in named)


def _run(test: str, stage: Stage, report: Path) -> tuple[str, bool]:
    """What pytest printed of it, and whether it was cut off at the end of the turn."""
    command = _pytest(
        *("-v", "-rfE", "-n", "0", f"--proofs-counterexamples={stage.folder.absolute()}"),
        *(f"--proofs-seed={stage.seed}", f"--hypothesis-seed={stage.seed}"),
        *(f"--proofs-report={report}", str(_PLACE / test)),
    )
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        env=_environment(),
        cwd=tempfile.gettempdir(),
    ) as process:
        try:
            return process.communicate(timeout=stage.until.left)[0], False
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        except BaseException:
            process.kill()
            raise
        try:
            return process.communicate(timeout=ENDING_SECONDS)[0], True
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return process.communicate()[0], True


def _environment() -> dict[str, str]:
    """With our sources, and its temporary files among those of the worker."""
    return {**os.environ, "PYTHONPATH": str(_PLACE.parent), "TMPDIR": tempfile.gettempdir()}


def _pytest(*arguments: str) -> list[str]:
    deep = ("-p", "no:cacheprovider", "--hypothesis-profile=proofs-fuzz", "--color=no")
    return [sys.executable, "-m", "pytest", *deep, *arguments]
