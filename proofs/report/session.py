"""What one session of proofs came to, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from proofs.harness.surroundings import surroundings

FORMAT: Final = "swarm-proofs/report"
VERSION: Final = 1


class Skipped(NamedTuple):
    """A test that was not run, and why."""

    test: str
    why: str


@dataclass(slots=True)
class Session:
    """``told`` are the fields of each conclusion. Tests that concluded nothing are only counted,
    and named where they did not pass: a session with such is not well, whatever its proofs say.
    ``night`` is what a night of ``fuzz`` has besides, as JSON; None for a session of pytest.
    """

    told: list[dict[str, Any]] = field(default_factory=list)
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    is_whole: bool = True
    night: dict[str, Any] | None = None

    def to_json(self, folder: Path) -> dict[str, Any]:
        """As ``report.json`` holds it; ``docs/report.md`` is the reference."""
        seeds = [one["seed"] for one in self.told if "seed" in one]
        return {
            "format": FORMAT,
            "version": VERSION,
            "environment": surroundings(folder),
            "seed": seeds[0] if seeds else None,
            "is_whole": self.is_whole,
            "proofs": [{key: one[key] for key in one if key != "seed"} for one in self.told],
            "tests": {
                "passed": self.passed,
                "failed": list(self.failed),
                "skipped": [{"test": one.test, "why": one.why} for one in self.skipped],
            },
        } | ({} if self.night is None else {"night": self.night})

    def counterexamples(self) -> Iterator[tuple[Path, str]]:
        """Each file that a conclusion names, with the verdict: those that are violated first."""
        found: dict[str, str] = {}
        for one in sorted(self.told, key=lambda one: one["verdict"] != "violated"):
            for path in one.get("counterexamples", ()):
                found.setdefault(path, one["verdict"])
        yield from ((Path(path), verdict) for path, verdict in found.items())
