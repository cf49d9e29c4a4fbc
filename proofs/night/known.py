"""The list of violations that somebody knows of: a file in the repository, made to be read.

Each entry names its counterexample, by path from the list, says whose fault it is, and why it is
still there. What is on the list is not new; it is as violated as anything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from proofs.night.found import AtFault
from strategies import reading
from swarm.errors import shown

FORMAT: Final = "swarm-proofs/known"
VERSION: Final = 1


class KnownError(ValueError):
    """A list that cannot be read; says what must hold and what was got."""


@dataclass(frozen=True, slots=True)
class Known:
    """``path`` is that of the counterexample."""

    path: Path
    at_fault: AtFault
    why: str

    @property
    def name(self) -> str:
        """By which a finding is known."""
        return self.path.name


def read_known(path: Path) -> dict[str, Known]:
    """By name; none where there is no such file. Raises ``KnownError``."""
    try:
        fields: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise KnownError(f"{path} must be a list that can be read, {error}") from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise KnownError(f'{path} must say "format": "{FORMAT}", got {shown(fields)}')
    try:
        given = reading.members(fields, "the list", ["format", "version", "known"], [])
        if given["version"] != VERSION:
            reading.refuse("version", f"be {VERSION}", given["version"])
        entries = [_entry(one, path.parent) for one in reading.items(given["known"], "known")]
    except ValueError as error:
        raise KnownError(f"{path} must be a list of what is known: {error}") from error
    return {entry.name: entry for entry in entries}


def _entry(fields: object, folder: Path) -> Known:
    given = reading.members(fields, "an entry", ["counterexample", "at_fault", "why"], [])
    fault = reading.one_of(given["at_fault"], "at_fault", get_args(AtFault))
    path = folder / reading.text(given["counterexample"], "counterexample", 1000)
    if not path.is_file():
        reading.refuse("counterexample", "be a file beside the list", str(path))
    why = reading.text(given["why"], "why")
    return Known(path, fault, why)  # type: ignore[arg-type]
