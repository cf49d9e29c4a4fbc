"""A history that a soak keeps: it cannot be replayed, and can be judged again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proofs.harness.checkers.evidence import task_of
from proofs.harness.columns import fitted, printable
from proofs.harness.counterexample import SOAK_FORMAT
from proofs.harness.history import Operation
from proofs.harness.invariants import INVARIANTS
from proofs.harness.surroundings import surroundings
from proofs.harness.verdict import Verdict
from proofs.soak.judging import Witnessed
from proofs.soak.merging import from_json, to_json
from strategies.scenarios import PostedTask

FORMAT: Final = SOAK_FORMAT
VERSION: Final = 1

_WIDTH: Final = 100
_TIME_WIDTH: Final = 10
_COLUMN_WIDTH_MIN: Final = 20
_ROWS_MAX: Final = 60


class SoakHistoryError(ValueError):
    """A file holds no such history; says why."""


@dataclass(frozen=True, slots=True)
class SoakHistory:
    """One round: ``board`` as it is named for a fresh interpreter, and what was witnessed."""

    board: str
    seed: int
    round: int
    witnessed: Witnessed


def keep(history: SoakHistory, verdict: Verdict, name: str, folder: Path) -> Path:
    """Write it to a file, and beside it, as ``.txt``, a picture for people; where it is."""
    fields = {
        "format": FORMAT,
        "version": VERSION,
        "board": history.board,
        "invariant": verdict.invariant,
        "words": verdict.words,
        "seed": history.seed,
        "round": history.round,
        "surroundings": surroundings(folder),
        **_to_json(history.witnessed),
    }
    text = json.dumps(fields, indent=1, default=str) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = folder / f"{name}-{verdict.invariant}-{digest}.json"
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".txt").write_text(told(history, verdict, name), encoding="utf-8")
    return path


def read_history(path: Path) -> SoakHistory:
    """The inverse of ``keep``. Raises ``SoakHistoryError``."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise SoakHistoryError(f'{path} must say "format": "{FORMAT}"')
    if fields.get("version") != VERSION:
        words = f"version must be {VERSION}, got {fields.get('version')!r}"
        raise SoakHistoryError(f"{path}: {words}; read it with the release that wrote it")
    witnessed = Witnessed(
        tuple(map(PostedTask.from_json, fields["tasks"])),
        tuple(map(from_json, fields["operations"])),
        float(fields["lease_seconds"]),
        fields["final"],
        frozenset(fields["lacking"]),
        frozenset(fields["has_parts"]),
        fields["stuck"],
        tuple(fields["unseen"]),
    )
    return SoakHistory(fields["board"], fields["seed"], fields["round"], witnessed)


def told(history: SoakHistory, verdict: Verdict, name: str) -> str:
    """The promise, how it was broken, and the agents side by side, as far as it is about that."""
    promise = INVARIANTS[verdict.invariant]
    lines = [
        f"{verdict.invariant} violated by {name}, with nothing intercepted: {promise}.",
        f"  {verdict.words}",
        "",
        *picture(_concerned(history.witnessed, verdict)),
        "",
        f"Seen in round {history.round} under seed {history.seed}. It cannot be replayed.",
    ]
    return printable("\n".join(lines)) + "\n"


def picture(operations: Iterable[Operation]) -> Iterator[str]:
    """A column for each agent, a line for each call and each answer, by the clock, in ms."""
    shown = list(operations)
    agents = sorted({operation.agent for operation in shown}, key=lambda a: (len(a), a))
    if not agents:
        return
    column = max(_COLUMN_WIDTH_MIN, (_WIDTH - _TIME_WIDTH) // len(agents))
    begin = min(operation.started for operation in shown)
    moments = [(o.invoked_at, o.agent, o.started, o.call(), True) for o in shown]
    moments += [(o.returned_at, o.agent, o.ended, f"-> {o.response()}", False) for o in shown]
    rows, amid = [_row("ms", dict(zip(agents, agents, strict=True)), agents, column)], set[str]()
    for _, agent, seconds, text, begins in sorted(moments, key=lambda moment: moment[0]):
        cells = {**dict.fromkeys(amid, "┆"), agent: text}
        rows.append(_row(f"{(seconds - begin) * 1e3:.2f}", cells, agents, column))
        (amid.add if begins else amid.discard)(agent)
    yield from rows[:_ROWS_MAX]
    if len(rows) > _ROWS_MAX:
        yield f"   ⋮ {len(rows) - _ROWS_MAX} more lines: the file has all"


def _concerned(witnessed: Witnessed, verdict: Verdict) -> list[Operation]:
    """What was done to the tasks that it is about; all, where it is about none."""
    ids = {task_of(operation) for operation in verdict.operations} - {None}
    named = {o.name for o in verdict.operations}
    if not ids or "claim_next" in {o.name for o in verdict.operations if task_of(o) is None}:
        return list(witnessed.operations)
    broken = {(o.agent, o.invoked_at) for o in verdict.operations if named}
    return [
        operation
        for operation in witnessed.operations
        if task_of(operation) in ids or (operation.agent, operation.invoked_at) in broken
    ]


def _row(moment: str, texts: dict[str, str], agents: list[str], column: int) -> str:
    cells = (f"{fitted(texts.get(agent, ''), column - 1)} " for agent in agents)
    return f"{moment:>{_TIME_WIDTH - 1}} {''.join(cells)}".rstrip()


def _to_json(witnessed: Witnessed) -> dict[str, Any]:
    return {
        "lease_seconds": witnessed.lease_seconds,
        "tasks": [task.to_json() for task in witnessed.tasks],
        "operations": [to_json(operation) for operation in witnessed.operations],
        "final": witnessed.final,
        "lacking": sorted(witnessed.lacking),
        "has_parts": sorted(witnessed.has_parts),
        "stuck": witnessed.stuck,
        "unseen": list(witnessed.unseen),
    }
