"""What passes through a door is seen, and what comes in through one is the scenario's."""

from __future__ import annotations

import os
import random
import secrets
import tempfile
from collections.abc import Callable, Iterator
from os import stat as stat_of
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from proofs.harness.clock import SharedTime
from proofs.harness.interception import interception
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from strategies.scenarios import START


@pytest.fixture(scope="module", autouse=True)
def doors() -> Iterator[None]:
    with interception():
        yield


def trace_of(root: Path, program: Callable[[], Any]) -> list[str]:
    """The effects of one agent that runs alone."""
    gate = ThreadGate(root, Switches({}), SharedTime(int(START * 1e9)))
    gate.run({"a1": program})
    return [step.label() for step in gate.trace]


def test_what_is_written_to_an_open_descriptor_is_seen(tmp_path: Path) -> None:
    def write() -> None:
        descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        with os.fdopen(descriptor, "w") as file:
            file.write("x")

    assert trace_of(tmp_path, write) == [
        "a1: open w create file",
        "a1: write file",
        "a1: close file",
    ]


def test_what_a_module_took_under_a_name_of_its_own_is_a_door_and_leads_to_the_real_thing(
    tmp_path: Path,
) -> None:
    told: list[Any] = []
    assert trace_of(tmp_path, lambda: told.append(stat_of(tmp_path))) == ["a1: stat ."]
    trace_of(tmp_path, lambda: told.append(perf_counter()))
    assert told[0].st_ino == stat_of(tmp_path).st_ino
    assert told[1] == pytest.approx(START, abs=1)
    assert 0 <= perf_counter() < START


def test_a_file_that_leaves_its_descriptor_open_closes_nothing(tmp_path: Path) -> None:
    def write() -> None:
        descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(b"x")
        os.write(descriptor, b"y")
        os.close(descriptor)

    assert [label.split()[1] for label in trace_of(tmp_path, write)] == [
        *("open", "write", "write", "close")
    ]
    assert (tmp_path / "file").read_bytes() == b"xy"


def test_random_names_and_numbers_are_the_same_in_each_run(tmp_path: Path) -> None:
    names = []

    def draw() -> None:
        descriptor, path = tempfile.mkstemp(dir=tmp_path)
        os.close(descriptor)
        os.unlink(path)
        names.append([path, random.random(), random.randint(0, 2**60), secrets.token_hex()])

    assert trace_of(tmp_path, draw) == trace_of(tmp_path, draw)
    assert names[0] == names[1]
