"""A counterexample as the source of a test: short, to be read, and kept beside other tests."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final

from proofs.harness.counterexample import Counterexample
from proofs.harness.invariants import INVARIANTS
from proofs.replaying import found_at

WIDTH: Final = 88
_MODULES: Final = {"Crash": "strategies.crashes", "Lost": "strategies.crashes"}

_SOURCE: Final = '''\
"""{promise}"""

from pathlib import Path

from proofs.one_scenario import broken_promise
{imports}

SCENARIO = {scenario}


def test_{name}(tmp_path: Path) -> None:
{violation}
    broken = broken_promise(
        {board},
        SCENARIO,
        {invariant},
        tmp_path / "board",
        gate={gate},
    )
    assert {assertion}
'''


def exported(counterexample: Counterexample, named: str | None = None) -> str:
    """The source of a module with one test.

    The test expects what the file does: that the promise holds, or that a board which is broken on
    purpose is convicted. ``named`` is another board to run it on.
    """
    invariant, must_violate = counterexample.invariant, counterexample.expect == "violated"
    board = named or counterexample.board
    scenario = _source(counterexample.scenario)
    return _SOURCE.format(
        promise=_one_line(f"{invariant}: {INVARIANTS[invariant]}."),
        imports="\n".join(_imports(scenario)),
        scenario=scenario,
        name=_name(board, invariant, must_violate),
        violation=_comment(f"It was broken like this: {counterexample.violation}"),
        board=_text(board),
        invariant=_text(invariant),
        gate=_text(found_at(counterexample)),
        assertion="broken is not None" if must_violate else "broken is None, broken",
    )


def _imports(scenario: str) -> Iterator[str]:
    names = sorted({*re.findall(r"\b([A-Z][A-Za-z]+)\(", scenario)})
    modules: dict[str, list[str]] = {}
    for name in names:
        modules.setdefault(_MODULES.get(name, "strategies"), []).append(name)
    for module in sorted(modules):
        yield f"from {module} import {', '.join(modules[module])}"


def _name(board: str, invariant: str, must_violate: bool) -> str:
    place, _, name = board.rpartition(":")
    module = re.sub(r"\.py$", "", place).rpartition("/")[2].rpartition(".")[2]
    words = re.sub(r"\W+", "_", module if name == "Board" else name).lower()
    return f"{words}_{'is_convicted_of' if must_violate else 'keeps'}_{invariant}"


def _source(value: Any, indent: str = "") -> str:
    """As one would write it by hand: what goes without saying is left out."""
    line = _on_one_line(value)
    if len(indent) + len(line) <= WIDTH - 24 or not _parts(value):
        return line
    opens = f"{type(value).__name__}(" if is_dataclass(value) else "("
    rows = [
        f"{indent}    {name}{_source(part, indent + '    ')},\n" for name, part in _parts(value)
    ]
    return f"{opens}\n{''.join(rows)}{indent})"


def _on_one_line(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if not _is_nested(value):
        return repr(value)
    inner = ", ".join(f"{name}{_on_one_line(part)}" for name, part in _parts(value))
    if is_dataclass(value) or hasattr(value, "_fields"):
        return f"{type(value).__name__}({inner})"
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def _is_nested(value: Any) -> bool:
    return is_dataclass(value) or isinstance(value, tuple)


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What is in it, each with its name where it needs one."""
    if isinstance(value, tuple):
        return [("", part) for part in value]
    if not is_dataclass(value):
        return []
    found: list[tuple[str, Any]] = []
    is_in_order = True
    for one in fields(value):
        part = getattr(value, one.name)
        usual = one.default_factory() if one.default_factory is not MISSING else one.default
        if part == usual:
            is_in_order = False
        else:
            is_in_order = is_in_order and isinstance(part, str | int) and part is not False
            found.append(("" if is_in_order else f"{one.name}=", part))
    return found


def _text(value: str) -> str:
    """With double quotes, where that needs no escapes."""
    told = repr(value)
    return f'"{told[1:-1]}"' if told[0] == "'" and '"' not in value else told


def _comment(text: str) -> str:
    return textwrap.fill(
        _one_line(text), WIDTH, initial_indent="    # ", subsequent_indent="    # "
    )


def _one_line(text: str) -> str:
    """Whatever it holds, it ends neither a comment nor a docstring."""
    words = " ".join(text.split()).encode("ascii", "backslashreplace").decode()
    return words.replace("\\", "/").replace('"', "'")
