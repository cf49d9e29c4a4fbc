"""A turn of the deep proofs: those of our board that pytest runs, each as deep as it goes."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from proofs.night.found import AtFault, Found
from proofs.night.machine import write
from proofs.night.stage import Stage

FILES: Final = (
    *("parallel_isolation", "cross_process", "fault_tolerance", "scalability", "any_board"),
    *("kill_at_every_effect", "errors_at_every_effect", "killed_agents_children", "damage"),
    *("exhaustive", "power_loss", "clocks_in_files", "lease_clocks", "linearizability"),
)
"""Of ``proofs/test_*.py`` those that try more of our board the more time they have."""

COLLECT_SECONDS_MAX: Final = 120.0
ENDING_SECONDS: Final = 20.0
TESTS_MAX: Final = 100
"""So many one turn is given; it has time for few of them."""

_PLACE: Final = Path(__file__).parents[1]
_PASSED: Final = re.compile(r"::.* PASSED\b")
_ENDED: Final = re.compile(
    r"^(FAILED|VIOLATED|UNKNOWN|ERROR|HARNESS FAULT) (\S+::.*?)(?: - (.*))?$"
)


def deep_turn(stage: Stage) -> None:
    """Proofs in an order drawn by the seed, until the turn is over; those that it cuts off amid
    their work show nothing, and are not counted.
    """
    tests = list(_collected())
    if not tests:
        stage.judge.unknown["the deep proofs could not be collected"] += 1
        return
    random.Random(stage.seed).shuffle(tests)
    take_in(stage, _run(tests[:TESTS_MAX], stage))


def take_in(stage: Stage, printed: str) -> None:
    """What pytest printed of them."""
    stage.judge.coverage.executions += len(_PASSED.findall(printed))
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
    repeat = f"pytest '{test}' --hypothesis-profile=proofs-fuzz --proofs-seed {stage.seed}"
    told = f"{first}\n\n{printed}\nRepeat: {repeat}\n"
    write(path, told)
    stage.judge.note(Found(str(path), stage.board.text, stage.gate, "", first, told, fault))


@cache
def _collected() -> tuple[str, ...]:
    """The tests, by the names that pytest takes; none where they are not installed."""
    files = [str(path) for name in FILES if (path := _PLACE / f"test_{name}.py").exists()]
    command = _pytest("-q", "--collect-only", *files)
    try:
        done = subprocess.run(
            command,
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
    return tuple(f"{_PLACE / Path(file).name}::{test}" for file, _, test in named)


def _run(tests: Sequence[str], stage: Stage) -> str:
    """What pytest printed of them; it is interrupted once the turn is over."""
    folder, seed = str(stage.folder.absolute()), str(stage.seed)
    command = _pytest(
        "-v", "-rfE", f"--proofs-counterexamples={folder}", "--proofs-seed", seed, *tests
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
            return process.communicate(timeout=stage.until.left)[0]
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=ENDING_SECONDS)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0]
        except BaseException:
            process.kill()
            raise


def _environment() -> dict[str, str]:
    """With our sources, and its temporary files among those of the worker."""
    return {**os.environ, "PYTHONPATH": str(_PLACE.parent), "TMPDIR": tempfile.gettempdir()}


def _pytest(*arguments: str) -> list[str]:
    deep = ("-p", "no:cacheprovider", "--hypothesis-profile=proofs-fuzz", "--color=no")
    return [sys.executable, "-m", "pytest", *deep, *arguments]
