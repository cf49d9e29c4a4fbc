"""The counterexample of the README, as text and as a picture, drawn from a kept file.

``python -m proofs.drawn_counterexample`` replays it and writes ``docs/counterexample-light.svg``,
``docs/counterexample-dark.svg``, and the text in the README.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from proofs.harness.counterexample import load
from proofs.harness.gates import Gates
from proofs.harness.invariants import INVARIANTS
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.planted_bugs import KEPT

FILE: Final = KEPT / "no_lock-S1-8bfd8bfd.json"
DOCS: Final = Path(__file__).parents[1] / "docs"
WIDTH, ROW, TOP, LANE, LEFT = 900, 24, 96, 400, 56
_NUMBER_WIDTH: Final = 5
_AMID_A_CALL: Final = "\N{BOX DRAWINGS LIGHT TRIPLE DASH VERTICAL}"
"""What a picture may show in the column of an agent that was stopped: here a line is drawn."""

COLOURS: Final[Mapping[str, Mapping[str, str]]] = {
    "light": {
        "ground": "#ffffff",
        "ink": "#1f2328",
        "faint": "#656d76",
        "bar": "#0969da",
        "line": "#d0d7de",
        "stop": "#bc4c00",
    },
    "dark": {
        "ground": "#0d1117",
        "ink": "#e6edf3",
        "faint": "#8d96a0",
        "bar": "#4493f8",
        "line": "#30363d",
        "stop": "#f0883e",
    },
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the picture: ``lane`` is the agent's place, ``number`` that of the effect."""

    number: str
    lane: int
    text: str

    @property
    def is_stop(self) -> bool:
        """Whether the agent was stopped here."""
        return self.text.startswith("~~")

    @property
    def is_answer(self) -> bool:
        """Whether its call ends here."""
        return self.text.startswith("->")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the replay of the file came to."""

    promise: str
    violation: str
    picture: str

    @property
    def text(self) -> str:
        """As the README shows it."""
        return f"{self.promise}\n  {self.violation}\n\n{self.picture}\n"


def drawn(file: Path = FILE) -> Drawn:
    """Replay the file in threads; it must break its promise on the way that was written down."""
    counterexample = load(file)
    board = ProvenBoard.named(counterexample.board)
    with tempfile.TemporaryDirectory() as scratch, Gates(board, Path(scratch, "board")) as gates:
        found = replay(counterexample, gates, "threads")
    assert found.verdict is not None and found.divergence is None, found.divergence
    invariant = counterexample.invariant
    promise = f"{invariant} violated by {board.name}: {INVARIANTS[invariant]}."
    return Drawn(promise, found.verdict.words, picture(found.execution))


def rows_of(picture: str) -> tuple[list[str], list[Row]]:
    """The agents and the lines below their names; a lane begins where its agent's name does."""
    header, *lines = picture.replace(_AMID_A_CALL, " ").splitlines()
    agents = header.split()
    starts = [header.index(agent) for agent in agents]
    rows = []
    for line in lines:
        text = line[_NUMBER_WIDTH:]
        begin = _NUMBER_WIDTH + len(text) - len(text.lstrip())
        lane = max(n for n, start in enumerate(starts) if start <= begin)
        rows.append(Row(line[:_NUMBER_WIDTH].strip(), lane, line[starts[lane] :].rstrip()))
    return agents, rows


def svg(one: Drawn, colours: Mapping[str, str]) -> str:
    """Two lanes from above to below, each call a bar, and where an agent was stopped."""
    agents, rows = rows_of(one.picture)
    height = TOP + ROW * len(rows) + 52
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" font-size="13" '
        'font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace">',
        f"<title>{escape(one.promise)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{colours["ground"]}"/>',
        _text(24, 34, one.promise, colours["ink"], weight=600),
        *_lanes(agents, rows, colours),
        *(part for number, row in enumerate(rows) for part in _row(number, row, colours)),
        _text(24, height - 22, one.violation, colours["stop"], weight=600),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lanes(agents: Sequence[str], rows: Sequence[Row], colours: Mapping[str, str]) -> Iterator[str]:
    """The agents' names, and a bar from each call to its answer, thin where it was stopped."""
    for lane, agent in enumerate(agents):
        x = LEFT + lane * LANE
        yield _text(x, TOP - 28, agent, colours["faint"], weight=600)
        own = [number for number, row in enumerate(rows) if row.lane == lane]
        for number, following in zip(own, [*own[1:], None], strict=True):
            if following is None or rows[number].is_answer:
                continue
            thick = 2 if rows[number].is_stop else 6
            y, end = TOP + number * ROW - 4, TOP + following * ROW - 4
            dashes = ' stroke-dasharray="3 4"' if rows[number].is_stop else ""
            colour = colours["stop" if rows[number].is_stop else "bar"]
            yield (
                f'<line x1="{x - 14}" y1="{y}" x2="{x - 14}" y2="{end}" stroke="{colour}" '
                f'stroke-width="{thick}"{dashes}/>'
            )


def _row(number: int, row: Row, colours: Mapping[str, str]) -> Iterator[str]:
    x, y = LEFT + row.lane * LANE, TOP + number * ROW
    colour = colours["stop" if row.is_stop else "ink"]
    if row.is_stop:
        yield (
            f'<line x1="24" y1="{y + 7}" x2="{WIDTH - 24}" y2="{y + 7}" '
            f'stroke="{colours["line"]}"/>'
        )
    is_effect = row.text.startswith(" ")
    text = row.text.strip().replace("~~ ", "")
    yield _text(x + 16 * is_effect, y, text, colour, weight=400 if is_effect else 600)
    if row.number:
        yield _text(x - 22, y, row.number, colours["faint"], anchor="end")


def _text(
    x: int, y: int, text: str, colour: str, *, weight: int = 400, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def main() -> None:
    """Draw both, and write the text."""
    one = drawn()
    print(one.text)
    for name, colours in COLOURS.items():
        (DOCS / f"counterexample-{name}.svg").write_text(svg(one, colours), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    readme.write_text(_with(one, readme.read_text(encoding="utf-8")), encoding="utf-8")


def _with(one: Drawn, readme: str) -> str:
    """The README with this in place of the first block of text that tells a violation."""
    block = re.compile(r"```text\n\w+ violated by .*?```\n", re.DOTALL)
    return block.sub(lambda _: f"```text\n{one.text}```\n", readme, count=1)


if __name__ == "__main__":
    main()
