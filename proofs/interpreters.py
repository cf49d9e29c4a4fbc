"""A program of a few lines in a Python interpreter of its own, led by lines over its pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

import swarm

__all__ = ["Interpreter"]

PATIENCE_SECONDS = 60.0
"""A program that takes longer is stuck: it is killed, and the proof fails with what it said."""


class Interpreter:
    """Runs ``code`` with ``arguments`` from enter to exit; no process of it is left after that."""

    def __init__(self, code: str, *arguments: str | Path) -> None:
        self._command = [sys.executable, "-c", code, *map(str, arguments)]

    def __enter__(self) -> Interpreter:
        # In a session of its own, so that what it forks can be ended with it.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(swarm.__file__).parents[1])},
            start_new_session=True,
        )
        self._watchdog = threading.Timer(PATIENCE_SECONDS, self.kill_all)
        self._watchdog.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self._watchdog.join()
        self.kill_all()
        self._process.communicate()

    def expect(self, line: str) -> None:
        """Wait for the next line that the program prints, which must be this one."""
        got = self.line()
        if got != line:
            raise AssertionError(f"the program must print {line!r}, printed {got!r}{self._end()}")

    def line(self) -> str:
        """The next line that the program prints, "" at its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def say(self, line: str) -> None:
        """A line for the program's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL for the program itself, not for what it forked; returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def kill_all(self) -> None:
        """SIGKILL for the program and all that it forked."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _end(self) -> str:
        self.kill_all()
        assert self._process.stderr is not None
        return f"\n{self._process.stderr.read()}"
