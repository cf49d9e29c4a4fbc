"""What a night comes to: its verdict, in words, as conclusions, and for the report."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from proofs.exit_code import ExitCode
from proofs.harness.coverage import CALLS_ENOUGH
from proofs.harness.needs import nobody_asked
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.night.asked import Asked
from proofs.night.canary import Canary
from proofs.night.members import NAMES
from proofs.night.memory import Peak
from proofs.night.morning import Finding
from proofs.night.struck import counted
from proofs.night.tally import Line, Tally
from proofs.proving import OUR_BOARD

REASONS_MAX: Final = 10
_WORDS: Final = {
    ExitCode.VIOLATED: "violated",
    ExitCode.HARNESS_FAULT: "harness fault",
    ExitCode.UNKNOWN: "unknown",
    ExitCode.HOLDS: "holds (sampled)",
}


def _plain(seconds: float) -> str:
    """With no exponent, which the option does not take."""
    return f"{seconds:f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Sung:
    """What became of the canary; ``seconds`` None: it was not convicted."""

    canary: Canary
    seconds: float | None
    executions: int

    def words(self) -> str:
        """In a few words."""
        if self.seconds is None:
            return f"the canary {self.canary.name} was not convicted of {self.canary.invariant}"
        return f"canary {self.canary.name} convicted in {self.seconds:.1f} s"

    def conclusion(self) -> Conclusion:
        """It stands among the broken boards."""
        gate = "processes" if self.canary.gate == "processes" else "threads"
        return Conclusion(
            *("canary of the night", self.canary.name, gate),
            "unknown" if self.seconds is None else "holds",
            self.words(),
            (self.canary.invariant,),
            extent="convicted",
            bound={"executions": self.executions},
            executions=self.executions,
            seconds=round(self.seconds or 0.0, 3),
        )


@dataclass(frozen=True, slots=True)
class Night:
    """All that is known at its end. ``is_whole``: the budget was spent, nobody ended it. ``unread``
    are counterexamples that cannot be read, in words.
    """

    asked: Asked
    board: ProvenBoard
    night: str
    commit: str
    seconds: float
    is_whole: bool
    tally: Tally
    sung: Sung | None
    findings: tuple[Finding, ...]
    idle: dict[str, str]
    peak: Peak = field(default_factory=Peak)
    unread: tuple[str, ...] = ()

    @property
    def code(self) -> ExitCode:
        """The verdict; what is violated beats all else."""
        shown = [one for one in self.findings if one.is_violated]
        if any(one.invariant or one.at_fault == "board" for one in shown):
            return ExitCode.VIOLATED
        if shown:
            return ExitCode.HARNESS_FAULT
        return ExitCode.UNKNOWN if self.why_unknown() else ExitCode.HOLDS

    def why_unknown(self) -> list[str]:
        """Why nothing is known to hold, if so."""
        told = [] if self.sung is None or self.sung.seconds is not None else [self.sung.words()]
        coverage = self.tally.coverage
        if not self.tally.executions:
            told.append("nothing was executed; allow it more time with --budget")
        elif coverage.asked and not coverage.contended:
            told.append("no two agents ever touched the same thing")
        told += [
            f"{name} never succeeded in {coverage.invoked[name]:,} calls"
            for name in coverage.never_succeeded()
            if coverage.invoked[name] >= CALLS_ENOUGH
        ]
        told += self.unread[:REASONS_MAX]
        not_judged = [one.name for one in self.findings if one.is_doubtful]
        if not_judged:
            told.append(f"not judged: {', '.join(not_judged[:REASONS_MAX])}")
        told += [f"{one.turn.member} in {one.turn.gate}: {one.why}" for one in self.tally.lost]
        unknown: Counter[str] = Counter()
        for line in (*self.tally.lines.values(), *self.tally.replayed.values()):
            unknown += line.unknown
        return told + [
            f"{words} ({count:,} ×)" for words, count in unknown.most_common(REASONS_MAX)
        ]

    def extent(self) -> str:
        """How much was tried."""
        tally = self.tally
        members = len({member for member, _ in tally.lines})
        return (
            f"{self.board.name}, {tally.executions:,} execution"
            f"{'' if tally.executions == 1 else 's'} by {members} "
            f"member{'' if members == 1 else 's'} of the portfolio in {self.seconds:.1f} s, "
            f"{len(tally.orders):,} orders, {tally.pairs_in_words()}, seed {self.asked.seed}"
        )

    def line(self) -> str:
        """The verdict in one line."""
        why = self.why_unknown() if self.code is ExitCode.UNKNOWN else []
        return f"{_WORDS[self.code]}: {'; '.join([*why, self.extent()])}"

    def repeat(self) -> str:
        """The options by which the same is drawn again, in turns of the same length."""
        asked, options = self.asked, []
        if asked.board != OUR_BOARD:
            options += ["--board", asked.board]
        if len(asked.gates) == 1:
            options += ["--gate", *asked.gates]
        options += [word for name in asked.only for word in ("--only", name)]
        options += ["--budget", f"{_plain(asked.budget_seconds)}s"]
        options += ["--processes", str(asked.processes), *(["--strict"] * asked.is_strict)]
        return shlex.join([*options, "--seed", str(asked.seed)])

    def conclusions(self) -> Iterator[Conclusion]:
        """One for each member at each gate, and the canary."""
        if self.sung is not None:
            yield self.sung.conclusion()
        for line in self.tally.replayed.values():
            yield self._conclusion(line, "replayed at the beginning")
        for line in self.tally.in_order(NAMES):
            yield self._conclusion(line, "night")

    def _conclusion(self, line: Line, what: str) -> Conclusion:
        coverage = line.coverage
        told = f"{line.executions:,} executions"
        if coverage.agents:
            told = coverage.words(line.gate, line.new_orders)
        files = [one.path for one in self.findings if one.is_violated]
        mine = self._files_of(line) if line.violations else []
        asked = +coverage.invoked
        idle = {name: why for name in line.judged if (why := nobody_asked(name, asked))}
        unknown = "; ".join(line.unknown)
        verdict: Any = "violated" if line.violations else "unknown" if unknown else "holds"
        return Conclusion(
            f"{what}: {line.member}",
            self.board.name,
            line.gate,
            verdict,
            f"{unknown}; {told}" if unknown else told,
            tuple(sorted(line.judged.difference(idle), key=lambda one: (one[0], int(one[1:])))),
            {n: why for n, why in line.not_applicable.items() if n not in line.judged} | idle,
            "replayed" if what != "night" else "sampled",
            {**coverage.numbers(), "distinct_orders": line.new_orders},
            line.executions,
            round(line.seconds, 3),
            tuple(path for path in mine if path in files),
            tuple(counted(line.cells)),
        )

    def _files_of(self, line: Line) -> list[str]:
        return [
            found.path
            for found in self.tally.found.values()
            if (found.member, found.gate) == (line.member, line.gate) and found.is_replayable
        ]

    def told(self) -> list[dict[str, Any]]:
        """The conclusions as a session of pytest would hold them, and those of deep proofs."""
        own = map(asdict, self.conclusions())
        return [one | {"seed": self.asked.seed} for one in (*own, *self.tally.concluded.values())]

    def to_json(self) -> dict[str, Any]:
        """What ``report.json`` holds under "night"; ``docs/report.md`` is the reference."""
        tally = self.tally
        return {
            "night": self.night,
            "commit": self.commit,
            "board": self.board.text,
            "verdict": _WORDS[self.code].partition(" (")[0],
            "words": self.line(),
            "budget_seconds": self.asked.budget_seconds,
            "seconds": round(self.seconds, 3),
            "processes": self.asked.processes,
            "seed": self.asked.seed,
            "canary": None if self.sung is None else self._canary(self.sung),
            "findings": [one.to_json() for one in self.findings],
            "portfolio": [line.to_json() for line in tally.in_order(NAMES)],
            "replayed": [line.to_json() for line in tally.replayed.values()],
            "not_applicable": self.idle,
            "coverage": tally.reach(),
            "memory": self.peak.to_json(),
        }

    def _canary(self, sung: Sung) -> dict[str, Any]:
        canary, seconds = sung.canary, sung.seconds
        return {
            "board": canary.board,
            "invariant": canary.invariant,
            "convicted": seconds is not None,
            "seconds": None if seconds is None else round(seconds, 3),
            "executions": sung.executions,
        }
