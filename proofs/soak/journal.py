"""What one process asked of a board and was told, line by line in a file that only grows.

A line when a call begins and one when it has returned, so that of an agent that is killed no more
is lost than a return. Times are those of the two clocks that all processes of a machine share: the
monotonic one in nanoseconds, by which calls are ordered, and the calendar's, by which leases go.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.harness.history import Outcome


class Journal:
    """Appends to one file; threads of a process may share it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o666)
        self._calls = itertools.count()

    def begin(self, agent: str, name: str, arguments: dict[str, Any]) -> int:
        """A call is going to be made; its number."""
        moment, call = _now(), next(self._calls)
        self._write({"call": call, "agent": agent, "name": name, "arguments": arguments, **moment})
        return call

    def end(
        self,
        call: int,
        outcome: Outcome,
        answer: Any = None,
        error: str | None = None,
        *,
        has_parts: bool = False,
    ) -> None:
        """It has returned, or raised; the agent has threads or children of its own now."""
        moment = _now()
        told = {"call": call, "outcome": outcome, "answer": answer, "error": error}
        self._write({**told, "has_parts": has_parts, **moment})

    def drop(self, call: int) -> None:
        """The board has no such operation: nothing was asked."""
        self._write({"call": call, "dropped": True, **_now()})

    def die(self) -> None:
        """The process that wrote this is gone: said by the one that waited for it."""
        os.write(self._file, b"\n")  # its own last line may have been cut short
        self._write({"died": True, **_now()})

    def close(self) -> None:
        """No line comes any more."""
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps(line, default=str) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Call:
    """The two lines of one call; without ``ends``, ``died`` is that of the process, if it did."""

    begins: dict[str, Any]
    ends: dict[str, Any] | None
    died: dict[str, Any] | None


def read_calls(path: Path) -> list[Call]:
    """The calls in a journal, as they began. A line that a kill cut short was not written."""
    begun: dict[int, dict[str, Any]] = {}
    ended: dict[int, dict[str, Any]] = {}
    died = None
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # an object that was cut short is none
        if "died" in line:
            died = line
        elif "agent" in line:
            begun[line["call"]] = line
        else:
            ended[line["call"]] = line
    return [
        Call(begins, ended.get(number), died)
        for number, begins in begun.items()
        if "dropped" not in ended.get(number, ())
    ]


def agents_with_parts(calls: Iterable[Call]) -> frozenset[str]:
    """Those that had threads or children of their own after any of their calls."""
    return frozenset(
        call.begins["agent"] for call in calls if call.ends and call.ends.get("has_parts")
    )


def _now() -> dict[str, Any]:
    return {"at": time.monotonic_ns(), "time": time.time()}
