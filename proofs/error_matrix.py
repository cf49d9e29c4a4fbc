"""Errors at each effect of one call: which there are, and what the caller is told.

``python -m proofs.error_matrix`` measures all of them on our boards and writes the table of
``docs/faults.md``; with ``--json`` it prints the rows instead.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from proofs.harness.effects import Effect
from proofs.harness.execution import Execution
from proofs.harness.gates import Gates
from proofs.harness.history import Operation, Outcome
from proofs.harness.matrix import Trial
from proofs.harness.nemesis import strikes
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.turns import pattern_of
from proofs.one_call import KEPT_BOARD, ONE, before_others, calls_of, scenario_of
from proofs.power_loss import fast_directory
from strategies.faults import (
    ERRORS,
    ERRORS_OF,
    INTERRUPTIONS,
    LYING_SYNC,
    SHORT_WRITE,
    Fault,
    When,
)
from strategies.programs import Ask
from strategies.scenarios import Scenario

BOARD: Final = "proofs.our_board:SyncedTaskBoard"
"""Our board with its syncs, which may fail like anything else."""

BOARDS: Final = (BOARD, KEPT_BOARD)
"""All that is asked of it, and what people ask besides."""

What = tuple[When, str, bool]
"""When, what, and whether from then on."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one fault at one effect of one call.

    ``effect`` is the label of the effect without the names of tasks; ``raised`` is the name of the
    exception, None where there was none.
    """

    operation: str
    effect: str
    when: When
    what: str
    lasts: bool
    outcome: Outcome
    raised: str | None

    def to_json(self) -> dict[str, Any]:
        """All fields, as a report may hold them."""
        return asdict(self)


def alone(board: ProvenBoard, name: str) -> Scenario:
    """The call, and nothing after it."""
    return before_others(scenario_of(board, name, ()))


def going_on(board: ProvenBoard, name: str) -> Scenario:
    """The call; then the agent asks for the same again, and for a list; then another one works."""
    scenario = scenario_of(board, name)
    *before, (agent, program), other = scenario.programs
    again = [replace(ask, task_id="n2") if ask.name == "post" else ask for ask in program[-1:]]
    listing = [Ask("list_all")] if "list_all" in board.asks else []
    return replace(scenario, programs=(*before, (agent, (*program, *again, *listing)), other))


def call_of(execution: Execution, plain: Execution) -> Operation | None:
    """The call that is struck: the last one of ``plain``, in which it was made alone.

    Of the opening of a board only a failure is told; else it is None.
    """
    own = [one for one in execution.history.operations if one.agent == ONE]
    number = sum(one.agent == ONE for one in plain.history.operations) - 1
    return own[number] if number >= 0 else next((o for o in own if o.name == "open"), None)


def faults_at_each_effect(plain: Execution, *, is_brief: bool = False) -> Iterator[Fault]:
    """All that can happen at each effect of the last call of a run without faults.

    ``is_brief``: of errors that can happen to an effect only the first, of signals only one, and
    nothing that lasts.
    """
    for number in effects_of_the_call(plain):
        step = plain.trace[number]
        for when, what, lasts in what_may_happen(step.effect, is_brief=is_brief):
            if when != "before" and step.error is not None:  # it fails without a fault
                continue
            fault = Fault(ONE, when, pattern_of(step.effect.label()), 1, what, lasts)
            met = plain.trace[: number + 1]
            times = sum(strikes(fault, one.agent, one.effect) for one in met)
            if times:  # else it is one to which this cannot happen
                yield replace(fault, occurrence=times)


def effects_of_the_call(plain: Execution) -> list[int]:
    """Where they are in the trace."""
    own = [number for number, step in enumerate(plain.trace) if step.agent == ONE]
    calls = [at for at, number in enumerate(own) if plain.trace[number].effect.kind == "call"]
    return own[calls[-1] + 1 :] if calls else own


def what_may_happen(effect: Effect, *, is_brief: bool = False) -> Iterator[What]:
    """What really happens to such an effect, and what signals there are."""
    errors = errors_of(effect)[: 1 if is_brief else None]
    whens: tuple[When, ...] = ("before", "after")
    for what in errors:
        for when in (*whens, *(("middle",) if effect.kind == "write" else ())):
            yield when, what, False
        if not is_brief:
            yield "before", what, True
    if effect.kind == "write":
        yield "middle", SHORT_WRITE, False
    if effect.kind == "fsync":
        yield "before", LYING_SYNC, False
    for what in INTERRUPTIONS[: 1 if is_brief else None]:
        for when in whens if effect.kind == "lock" or not is_brief else whens[:1]:
            yield when, what, False


def errors_of(effect: Effect) -> Sequence[str]:
    """The errors of the system that such an effect really meets; none for locks of threads."""
    label = effect.label()
    return next((errors for where, errors in ERRORS_OF.items() if label.startswith(where[:-1])), ())


def row_of(name: str, execution: Execution, plain: Execution) -> Row:
    """What was told in a run with one fault amid the call of this name."""
    (fault,) = execution.scenario.faults
    call = call_of(execution, plain)
    outcome = "ok" if call is None else call.outcome
    raised = None if call is None or call.error is None else call.error.partition(":")[0]
    effect = without_names(fault.where)
    return Row(name, effect, fault.when, fault.what, fault.lasts, outcome, raised)


def trial_of(row: Row) -> Trial:
    """As the matrix of a report tells it."""
    lasting = ", from then on" if row.lasts else ""
    raised = f"raises {row.raised}" if row.raised else row.outcome
    words = f"{row.operation}, {WHENS[row.when]}{lasting}: {raised}"
    return Trial(row.effect, row.what, row.outcome, words)


def was_struck(execution: Execution) -> bool:
    """Whether its fault came to its effect."""
    return any(step.is_struck for step in execution.trace)


def measured(gates: Gates, names: Iterable[str]) -> Iterator[Row]:
    """One row for each fault at each effect of each of these operations, alone."""
    for name in names:
        scenario = alone(gates.board, name)
        plain = gates.run(scenario, "threads")
        for fault in faults_at_each_effect(plain):
            yield row_of(name, gates.run(replace(scenario, faults=(fault,)), "threads"), plain)


def measured_on_ours() -> list[Row]:
    """All of ``BOARDS``."""
    rows: list[Row] = []
    memory = fast_directory(Path(tempfile.gettempdir()))
    for board in map(ProvenBoard.named, BOARDS):
        with (
            tempfile.TemporaryDirectory(dir=memory) as folder,
            Gates(board, Path(folder) / "board") as gates,
        ):
            rows += measured(gates, calls_of(board))
    return rows


def without_names(label: str) -> str:
    """As it is told of any task."""
    return re.sub(r"\d{6}", "N", re.sub(r"\b[tn]\d\.json", "TASK.json", label))


# The table of the docs.

_BEGIN: Final = "<!-- measured by python -m proofs.error_matrix -->"
_END: Final = "<!-- end -->"
_HEAD: Final = ("effect", "when", "ok all the same", "raises", "refused")
WHENS: Final = {"before": "before", "after": "after", "middle": "half of it"}
_ORDER: Final = (*WHENS.values(), SHORT_WRITE)

Cells = dict[tuple[str, str], tuple[set[str], set[str], set[str]]]
"""By effect and moment: the operations that came to each of three ends, for some error."""


def cells_of(rows: Iterable[Row]) -> Cells:
    """What the table tells of these rows: of errors of the system and short writes, once each."""
    cells: Cells = {}
    for row in rows:
        if row.lasts or row.what not in (*ERRORS, SHORT_WRITE):
            continue
        when = SHORT_WRITE if row.what == SHORT_WRITE else WHENS[row.when]
        ends = cells.setdefault((row.effect, when), (set(), set(), set()))
        ends[("ok", "unknown", "refused").index(row.outcome)].add(row.operation)
    return cells


def table_of(cells: Cells, names: Sequence[str]) -> str:
    """As Markdown."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    whens: dict[tuple[str, ...], list[str]] = {}
    for effect, when in sorted(cells, key=lambda key: (key[0], _ORDER.index(key[1]))):
        ends = cells[effect, when]
        doing = set().union(*ends)
        told = [_listed(end, doing, names) for end in ends]
        whens.setdefault((effect, *told), []).append(when)
    for (effect, *told), alike in whens.items():
        lines.append(_line([f"`{effect}`", ", ".join(alike), *told]))
    return "\n".join(lines)


def cells_in(table: str, names: Sequence[str], doing: Mapping[str, Set[str]]) -> Cells:
    """The inverse of ``table_of``; ``doing`` are the operations that come to each effect."""
    cells: Cells = {}
    for line in table.splitlines()[2:]:
        effect, whens, *told = (field.strip() for field in line.strip("|").split("|"))
        for when in whens.split(", "):
            ends = [_operations(text, names, doing.get(effect.strip("`"), set())) for text in told]
            cells[effect.strip("`"), when] = (ends[0], ends[1], ends[2])
    return cells


def _operations(text: str, names: Sequence[str], doing: Set[str]) -> set[str]:
    named = {name for name in names if f"`{name}`" in text}
    return set(doing) - named if text.startswith("all") else named


def _listed(end: set[str], doing: set[str], names: Sequence[str]) -> str:
    if end == doing:
        return "all"
    rest = doing - end
    if 0 < len(rest) < len(end) and len(end) > 3:
        return f"all but {_named(rest, names)}"
    return _named(end, names)


def _named(some: set[str], names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name in some)


def _line(fields: Iterable[str]) -> str:
    return f"| {' | '.join(fields)} |"


def table_in(text: str) -> str:
    """The table in the docs. Raises ValueError where there is none."""
    return text[text.index(_BEGIN) + len(_BEGIN) : text.index(_END)].strip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all of our board."""
    parser = argparse.ArgumentParser(prog="python -m proofs.error_matrix", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the rows, write nothing")
    asked = parser.parse_args(arguments)
    rows = measured_on_ours()
    if asked.json:
        print(json.dumps([row.to_json() for row in rows]))
        return
    page = PAGE.read_text(encoding="utf-8")
    new = page.replace(table_in(page), table_of(cells_of(rows), calls_of_ours()))
    PAGE.write_text(new, encoding="utf-8")
    print(f"{len(rows):,} faults; the table is in {PAGE}")


PAGE: Final = Path("docs", "faults.md")
"""Seen from the root of the repository."""


def calls_of_ours() -> list[str]:
    """In the order in which they are told."""
    return [name for text in BOARDS for name in calls_of(ProvenBoard.named(text))]


if __name__ == "__main__":
    main()
