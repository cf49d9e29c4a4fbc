"""A counterexample: a scenario that broke a promise, in a file that is read, kept and replayed.

``docs/counterexamples.md`` is the reference of the format.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from proofs.harness.invariants import INVARIANTS
from strategies import reading
from strategies.scenarios import Scenario
from swarm.errors import shown

FORMAT: Final = "swarm-proofs/counterexample"
SOAK_FORMAT: Final = "swarm-proofs/soak-history"
VERSION: Final = 1
HEAD_BYTES: Final = 1024
"""The format's name stands that near to the beginning of a file."""


LINE_WIDTH: Final = 100

Expect = Literal["holds", "violated"]

_GATES: Final = ("threads", "processes")
_NEEDED: Final = (
    *("format", "version", "board", "expect", "invariant", "violation", "gates", "scenario"),
    *("outcomes", "trace"),
)
_OPTIONAL: Final = ("promise", "meets", "made_with")


class CounterexampleError(ValueError):
    """A file is no counterexample that can be read; says what must hold and what was got."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """``expect`` says what the code should do: "holds" where a bug is to be mended, so that the
    replay fails as long as the bug is there; "violated" for a board that is broken on purpose.

    ``gates`` are those in which it was confirmed, the first one being where it was found.
    ``outcomes`` and ``trace`` are lines, as the run was recorded; ``meets`` are the labels of an
    effect of the agent that was stopped first, and of one of another's in between, which conflict:
    they tell one bug from another. ``made_with`` are versions.
    """

    board: str
    invariant: str
    violation: str
    gates: tuple[str, ...]
    scenario: Scenario
    outcomes: tuple[str, ...]
    trace: tuple[str, ...]
    meets: tuple[str, ...] = ()
    expect: Expect = "holds"
    made_with: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON, in the order in which a person reads it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "board": self.board,
            "expect": self.expect,
            "invariant": self.invariant,
            "promise": INVARIANTS[self.invariant],
            "violation": self.violation,
            "gates": list(self.gates),
            "scenario": self.scenario.to_json(),
            "meets": list(self.meets),
            "outcomes": list(self.outcomes),
            "trace": list(self.trace),
            "made_with": dict(self.made_with),
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any], source: str = "counterexample") -> Counterexample:
        """The inverse of ``to_json``. Raises ``CounterexampleError``."""
        _check(fields, source)
        try:
            given = reading.members(fields, "the file", _NEEDED, _OPTIONAL)
            gates = reading.items(given["gates"], "gates", 2)
            if not gates:
                reading.refuse("gates", "name the gate where it was found", gates)
            return Counterexample(
                board=reading.text(given["board"], "board", 1000),
                invariant=reading.one_of(given["invariant"], "invariant", INVARIANTS),
                violation=reading.text(given["violation"], "violation", 10 * reading.TEXT_MAX),
                gates=tuple(reading.one_of(gate, "gates", _GATES) for gate in gates),
                scenario=Scenario.from_json(given["scenario"]),
                outcomes=_lines(given, "outcomes"),
                trace=_lines(given, "trace"),
                meets=_lines(given, "meets"),
                expect=cast(Expect, reading.one_of(given["expect"], "expect", get_args(Expect))),
                made_with=_versions(given.get("made_with", {})),
            )
        except ValueError as error:
            words = f"{source} must be one that can be run: {error}; see docs/counterexamples.md"
            raise CounterexampleError(words) from error

    def file_name(self) -> str:
        """One for each board, invariant and pair of effects that meet, however often found."""
        what = json.dumps([self.board, self.invariant, self.meets])
        digest = hashlib.sha256(what.encode()).hexdigest()[:8]
        place, _, name = self.board.rpartition(":")
        module = place.removesuffix(".py").rpartition("/")[2].rpartition(".")[2]
        return f"{module if name == 'Board' else name}-{self.invariant}-{digest}.json"


def shell_path(path: Path | str) -> str:
    """As a person may paste it behind a command."""
    return shlex.quote(str(path))


def is_counterexample(path: Path) -> bool:
    """Whether a file says so near its beginning; reads no more than that, and no other module."""
    try:
        if not path.is_file():
            return False  # a FIFO would be waited for
        with open(path, "rb") as file:
            return FORMAT.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


def load(path: Path) -> Counterexample:
    """The counterexample in a file. Raises ``CounterexampleError`` with words."""
    try:
        fields = json.loads(path.read_bytes(), object_pairs_hook=_once_each)
    except OSError as error:
        raise CounterexampleError(f"{path} must be a file that can be read, {error}") from error
    except (ValueError, RecursionError) as error:
        raise CounterexampleError(f"{path} must be JSON, got {error}") from error
    return Counterexample.from_json(fields, str(path))


def save(counterexample: Counterexample, folder: Path, name: str | None = None) -> Path:
    """Write it into the folder, whole or not at all, over an older one of the same bug.

    Returns the path of its file; ``name`` None: as that of every file of this bug.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or counterexample.file_name())
    text = _readable(counterexample.to_json()) + "\n"
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
    return path


def _readable(value: Any, indent: str = "") -> str:
    """JSON in which what fits on a line stands on one, so that a diff shows what changed."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list | dict) or len(indent + line) <= LINE_WIDTH:
        return line
    deeper = indent + " "
    if isinstance(value, list):
        rows = [_readable(item, deeper) for item in value]
    else:
        rows = [f"{json.dumps(key)}: {_readable(item, deeper)}" for key, item in value.items()]
    opens, closes = ("[", "]") if isinstance(value, list) else ("{", "}")
    return f"{opens}\n" + ",\n".join(deeper + row for row in rows) + f"\n{indent}{closes}"


def _check(fields: Any, source: str) -> None:
    if not isinstance(fields, Mapping) or fields.get("format") != FORMAT:
        told = f'{source} must say "format": "{FORMAT}", got {shown(fields)}'
        is_soak = isinstance(fields, Mapping) and fields.get("format") == SOAK_FORMAT
        raise CounterexampleError(f"{told}{'; a soak cannot be replayed' if is_soak else ''}")
    version = fields.get("version")
    if type(version) is not int or version != VERSION:
        words = f"{source} must have version {VERSION}, got {shown(version)}"
        raise CounterexampleError(f"{words}; a newer swarm-proofs may read it")


def _lines(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(reading.text(line, name) for line in reading.items(fields.get(name, []), name))


def _versions(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        reading.refuse("made_with", "be an object", value)
    return {reading.text(name, "made_with"): reading.text(at, name) for name, at in value.items()}


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, in which no name stands twice: only the last would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"two fields {max(names, key=names.count)!r} in one object")
    return found
