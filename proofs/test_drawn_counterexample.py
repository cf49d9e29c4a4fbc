"""The counterexample of the README is one that was kept, as it is replayed today."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from proofs.drawn_counterexample import COLOURS, DOCS, drawn, rows_of, svg

ONE = drawn()


def test_the_readme_shows_what_is_replayed() -> None:
    readme = DOCS.parent / "README.md"
    if not readme.exists():
        pytest.skip("not applicable: installed without the README")
    shown = f"```text\n{ONE.text}```"
    assert shown in readme.read_text(encoding="utf-8"), "python -m proofs.drawn_counterexample"


@pytest.mark.parametrize("name", COLOURS)
def test_the_picture_is_drawn_from_what_is_replayed(name: str) -> None:
    file = DOCS / f"counterexample-{name}.svg"
    if not file.exists():
        pytest.skip("not applicable: installed without the pages")
    assert file.read_text(encoding="utf-8") == svg(ONE, COLOURS[name]), (
        "python -m proofs.drawn_counterexample draws it"
    )


def test_each_line_stands_in_the_lane_of_its_agent_and_all_are_shown() -> None:
    agents, rows = rows_of(ONE.picture)
    assert agents == ["a1", "a2"]
    assert [row.lane for row in rows if row.is_stop] == [1]
    assert [row.lane for row in rows if row.is_answer] == [0, 1]
    shown = [text.text for text in ElementTree.fromstring(svg(ONE, COLOURS["dark"])).iter()]
    for row in rows:
        assert row.text.strip().removeprefix("~~ ") in shown


def test_what_marks_an_agent_amid_a_call_is_no_line_of_its_own() -> None:
    marked = ONE.picture.replace("\n     claim_next()", "\n     claim_next()" + " " * 35 + "┆", 1)
    assert marked != ONE.picture and rows_of(marked) == rows_of(ONE.picture)
