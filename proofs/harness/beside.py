"""Beside the board: a directory that hostile ids and links lead to, and what came of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from strategies.programs import OUTSIDE
from strategies.scenarios import Scenario


class Beside:
    """What a board at ``root`` must not touch, while the agents of a scenario run.

    Made only where something in the scenario can lead there; gone once it was looked at.
    """

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self._directory = beside(root)
        self._before: dict[str, object] = {}
        self._remove()
        if _leads_out(scenario):
            self._directory.mkdir()

    def remember(self) -> None:
        """From now on a change counts."""
        self._before = self._seen()

    def changes(self) -> tuple[str, ...]:
        """What came, went or changed there, by path from the board's directory."""
        after = self._seen()
        self._remove()
        names = sorted(self._before.keys() | after.keys())
        return tuple(name for name in names if self._before.get(name) != after.get(name))

    def _remove(self) -> None:
        if os.path.lexists(self._directory):  # which it seldom does, and asking is cheaper
            shutil.rmtree(self._directory, ignore_errors=True)

    def _seen(self) -> dict[str, object]:
        found: dict[str, object] = {}
        if not os.path.lexists(self._directory):
            return found
        for path in self._directory.rglob("*"):
            held = path.read_bytes() if path.is_file() else None
            found[f"../{path.relative_to(self._directory.parent)}"] = (os.lstat(path).st_ino, held)
        return found


def beside(root: Path) -> Path:
    """Where it lies."""
    return root.parent / Path(OUTSIDE).parts[1]


def _leads_out(scenario: Scenario) -> bool:
    asked = (ask.task_id or "" for _, program in scenario.programs for ask in program)
    return bool(scenario.damage) or any("/" in task_id for task_id in asked)
