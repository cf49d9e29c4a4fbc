"""A counterexample: a scenario that broke a promise, in a file that is read, kept and replayed.

``docs/counterexamples.md`` is the reference of the format.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from proofs.harness.invariants import INVARIANTS
from strategies.scenarios import Scenario

FORMAT: Final = "swarm-proofs/counterexample"
VERSION: Final = 1
HEAD_BYTES: Final = 1024
"""The format's name stands that near to the beginning of a file."""

LINE_WIDTH: Final = 100

Expect = Literal["holds", "violated"]


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
            return Counterexample(
                board=str(fields["board"]),
                invariant=_one_of(INVARIANTS, fields["invariant"], source, "invariant"),
                violation=str(fields["violation"]),
                gates=tuple(
                    _one_of(("threads", "processes"), gate, source, "gates")
                    for gate in fields["gates"]
                ),
                scenario=Scenario.from_json(fields["scenario"]),
                outcomes=tuple(map(str, fields["outcomes"])),
                trace=tuple(map(str, fields["trace"])),
                meets=tuple(map(str, fields.get("meets", ()))),
                expect=_one_of(("holds", "violated"), fields["expect"], source, "expect"),
                made_with=dict(fields.get("made_with", {})),
            )
        except CounterexampleError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            words = f"{source} must have the fields of the format, got {type(error).__name__} at "
            raise CounterexampleError(f"{words}{error}; see docs/counterexamples.md") from error

    def file_name(self) -> str:
        """One for each board, invariant and pair of effects that meet, however often found."""
        what = json.dumps([self.board, self.invariant, self.meets])
        digest = hashlib.sha256(what.encode()).hexdigest()[:8]
        place, _, name = self.board.rpartition(":")
        module = place.removesuffix(".py").rpartition("/")[2].rpartition(".")[2]
        return f"{module if name == 'Board' else name}-{self.invariant}-{digest}.json"


def is_counterexample(path: Path) -> bool:
    """Whether a file says so near its beginning; reads no more than that, and no other module."""
    try:
        with open(path, "rb") as file:
            return FORMAT.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


def load(path: Path) -> Counterexample:
    """The counterexample in a file. Raises ``CounterexampleError`` with words."""
    try:
        fields = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CounterexampleError(f"{path} must be JSON, got {error}") from error
    return Counterexample.from_json(fields, str(path))


def save(counterexample: Counterexample, folder: Path) -> Path:
    """Write it into the folder, whole or not at all, over an older one of the same bug.

    Returns the path of its file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / counterexample.file_name()
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
        raise CounterexampleError(f'{source} must say "format": "{FORMAT}", got {fields!r:.80}')
    version = fields.get("version")
    if version != VERSION:
        words = f"{source} must have version {VERSION}, got {version!r}"
        raise CounterexampleError(f"{words}; a newer swarm-proofs may read it")


def _one_of(known: Any, value: Any, source: str, name: str) -> Any:
    if value not in known:
        raise CounterexampleError(f"{name} of {source} must be one of {[*known]}, got {value!r}")
    return value
