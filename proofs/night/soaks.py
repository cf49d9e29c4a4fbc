"""A turn of the soak: real agents, nothing intercepted; what only it finds is a hole of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from proofs.harness.answers import UnfitBoardError
from proofs.night.found import Found
from proofs.night.records import Record
from proofs.night.stage import Stage
from proofs.soak.soaking import soak

NAME: Final = "soak"
AGENTS: Final = 3
HOLE: Final = "seen by the soak alone: the interception has a hole, or no proof looks there"


def soak_turn(stage: Stage) -> None:
    """Round after round until the turn is over; histories that break a promise are kept."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    try:
        soaked = soak(stage.board, stage.until.left, AGENTS, stage.seed, stage.gates.root.parent)
    except UnfitBoardError as error:
        stage.judge.unknown[str(error)] += 1
        return
    stage.judge.coverage.executions += soaked.counts.rounds
    if soaked.value == "unknown":
        stage.judge.unknown[soaked.words()] += 1
    for one in soaked.found:
        history = one.history.with_suffix(".txt")
        told = history.read_text(encoding="utf-8")
        for file in (one.history, history):
            _moved(file, stage.folder)
        words = f"{one.invariant} violated by {soaked.board}, in a soak: {one.words}"
        path = str(stage.folder / history.name)
        stage.judge.note(Found(path, stage.board.text, stage.gate, one.invariant, words, told))


def with_holes(found: Mapping[str, Found], records: Mapping[str, Record]) -> dict[str, Found]:
    """The same; what breaks a promise in soaks and nowhere else is laid to the harness.

    ``records`` are of this night and of those before: a promise that is known to break under
    control, and was not come to tonight, shows no hole.
    """
    controlled = {one.invariant for one in found.values() if one.member != NAME}
    controlled |= {
        one.invariant for one in records.values() if one.name.endswith(".json") and not one.gone
    }
    return {
        name: one
        if one.member != NAME or one.invariant in controlled
        else replace(one, at_fault="harness", words=f"{one.words}; {HOLE}")
        for name, one in found.items()
    }


def _moved(file: Path, folder: Path) -> None:
    """Whole or not at all, from one file system to another."""
    new = folder / f".{file.name}.new"
    new.write_bytes(file.read_bytes())
    os.replace(new, folder / file.name)
