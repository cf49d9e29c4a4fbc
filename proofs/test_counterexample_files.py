"""Whatever stands in a counterexample file, it is run or refused with words, and no more."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proofs.broken_boards.base import LockAndScan
from proofs.harness.answers import UnfitBoardError
from proofs.harness.checkers import Promises
from proofs.harness.counterexample import Counterexample, CounterexampleError, load
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from strategies.clocks import Clock
from strategies.faults import Fault
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import AGENTS_MAX, ASKS_MAX, TASKS_MAX, PostedTask, Scenario
from swarm.task import Task

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
NO_LOCK = "proofs.broken_boards.no_lock:Board"
INTERLEAVINGS = (
    Interleaving(switches=((3, "a2"), (9, "a1"))),
    Interleaving("turns", turns=(("a1", 5), ("a2", 9))),
    Interleaving("stops", stops=(("a1", "read t1.json", 1), ("a2", None, 0))),
    Interleaving("walk", seed=1),
    Interleaving("pct", seed=1, changes=2, effects=40),
)


def with_interleaving(interleaving: Interleaving) -> dict[str, Any]:
    """A file in which every field stands."""
    scenario = Scenario(
        (PostedTask("t1"), PostedTask("t2")),
        (
            ("a1", (Ask("claim_next", types=("CODE_ANALYSIS",)), Ask("complete"))),
            ("a2", (Ask("advance", seconds=7200.0), Ask("cancel", "t1", token=1, fenced=False))),
        ),
        interleaving,
        Clock((("a1", 60.0),), 1.0),
        1,
        (Fault("a1", "before", "write *.tmp", 1, "SIGSTOP for 60 s", lasts=True),),
    )
    made_with = {"python": "3.11"}
    found = Counterexample(
        *(
            NO_LOCK,
            "S1",
            "in words",
            ("threads",),
            scenario,
            ("a1: claim_next()",),
            ("a1: mkdir .",),
        ),
        meets=("read t1.json", "write t1.json"),
        made_with=made_with,
    )
    return found.to_json()


FILES = [with_interleaving(interleaving) for interleaving in INTERLEAVINGS]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where anything stands in a JSON value."""
    if at:
        yield at
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*at, key))


PLACES = [(number, place) for number, file in enumerate(FILES) for place in places(file)]
ABSENT = object()
ODD: tuple[Any, ...] = (
    *(ABSENT, None, True, False, 0, 1, -1, 10**9, 2**63, 10**400, -(10**400), 0.5, 1e300, -0.0),
    *(math.nan, math.inf, -math.inf, "", "1", "a1", "any", "../../evil", "..", "/tmp", "\0"),
    *("*" * 999, "\ud800", "x" * 1_000_000, "SIGSTOP for 1" + "0" * 400 + " s"),
    *([], [[]], [None] * 3, {}, {"": {}}, {"a/b": []}, ["threads"] * 9),
    *(["a1", "before", "*", 1, "EIO"], ["a1", 10**30], [-1, "a1"]),
)


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """The same with something else, or nothing, in one place."""
    first, *others = place
    inner = changed(value[first], tuple(others), new) if others else new
    if isinstance(value, dict):
        pairs = [(key, inner if key == first else old) for key, old in value.items()]
        return {key: found for key, found in pairs if found is not ABSENT}
    items = [inner if number == first else old for number, old in enumerate(value)]
    return [item for item in items if item is not ABSENT]


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path_factory.mktemp("run") / "board") as gates:
        yield gates


values = st.one_of(
    st.sampled_from(ODD),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
)


@settings(max_examples=20_000 if IS_DEEP else 200)
@given(where=st.sampled_from(PLACES), new=values)
@example(where=(4, ("scenario", "interleaving", "changes")), new=10**9)
@example(where=(0, ("scenario", "tasks", 1, "task_id")), new="t1")
@example(where=(0, ("scenario", "tasks", 1, "task_id")), new="../../evil")
@example(where=(0, ("scenario", "faults", 0, 2)), new="*a" * 400)
@example(where=(0, ("version",)), new=True)
def test_a_file_in_which_anything_is_changed_is_run_or_refused_in_one_sentence(
    where: tuple[int, tuple[Any, ...]], new: Any, gates: Gates, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.json"
    path.write_text(json.dumps(changed(FILES[where[0]], where[1], new)))
    try:
        found = load(path)
    except CounterexampleError as error:
        told = str(error)
        assert "must" in told and "got" in told and "\n" not in told
        assert len(told) < 500 + len(str(path)) and told.encode()
        return
    assert found.to_json()["scenario"] == Scenario.from_json(found.scenario.to_json()).to_json()
    beside = sorted(gates.root.parent.iterdir())
    try:
        gates.run(found.scenario, "threads")
    except (UnfitBoardError, NotApplicableError) as error:
        assert str(error)
    assert sorted({*gates.root.parent.iterdir()} - {gates.root}) == [
        one for one in beside if one != gates.root
    ]


def test_as_much_as_a_file_may_ask_for_is_run_or_given_up(gates: Gates) -> None:
    tasks = tuple(PostedTask(f"t{number}") for number in range(TASKS_MAX))
    polls = (Ask("claim", "t1"),) * ASKS_MAX
    programs = tuple((f"a{number}", polls) for number in range(AGENTS_MAX))
    most = Scenario(tasks, programs, Interleaving("pct", changes=1000, effects=10**9))
    assert Scenario.from_json(json.loads(json.dumps(most.to_json()))) == most
    stuck = gates.run(most, "threads").stuck
    assert stuck is not None and "nobody has come to an end" in stuck


class Hangs(LockAndScan):
    """Its posts never end."""

    def post(self, task: Task) -> None:
        """Look again and again."""
        while True:
            self.read(task.task_id)


def test_a_board_on_which_posts_never_end_is_told_as_unfit(tmp_path: Path) -> None:
    hangs = ProvenBoard("boards:Hangs", Hangs, Promises())
    one = Scenario((PostedTask("t1"),), (("a1", (Ask("claim_next"),)),))
    with Gates(hangs, tmp_path / "board") as gates, pytest.raises(UnfitBoardError) as told:
        gates.run(one, "threads")
    assert str(told.value).startswith("post must come to an end where nobody else is at work")


@pytest.mark.parametrize("file", FILES, ids=[one.kind for one in INTERLEAVINGS])
def test_a_whole_file_is_run(file: dict[str, Any], gates: Gates) -> None:
    found = Counterexample.from_json(json.loads(json.dumps(file)))
    assert found.to_json() == file
    assert gates.run(found.scenario, "threads").stuck is None


@pytest.mark.parametrize(
    ("place", "new", "told"),
    [
        ("version", 2, "must have version 1, got 2; a newer swarm-proofs may read it"),
        ("version", True, "must have version 1, got True"),
        ("format", "else", 'must say "format": "swarm-proofs/counterexample"'),
        ("invariant", "S99", "invariant must be one of .*S1.*, got 'S99'"),
        ("gates", ["fibres"], "gates must be one of threads, processes, got 'fibres'"),
        ("gates", "threads", "gates must be a list, got 'threads'"),
        ("expect", "nothing", "expect must be one of holds, violated, got 'nothing'"),
        ("trace", "a1: mkdir .", "trace must be a list"),
        ("scenario", {}, "scenario must have tasks, got {}"),
        ("scenario programs", {}, "programs must name an agent, got {}"),
        ("scenario programs", {"a/1": []}, "an agent must be named by .* letters.*, got 'a/1'"),
        ("scenario programs", {f"a{n}": [] for n in range(33)}, "at most 32 agents, got 33"),
        ("scenario programs a1", [{"name": "explode"}], "name must be one of .*, got 'explode'"),
        ("scenario programs a1", [{"name": "post"}], "post must name a task_id"),
        ("scenario programs a1", [{}] * 1001, "program of a1 must have at most 1,000 items"),
        ("scenario tasks 0 task_id", "../../evil", "task_id must be a file's name"),
        ("scenario tasks 0 task_id", "\ud800", "without halves of surrogate pairs"),
        ("scenario tasks 0 task_id", "t2", "tasks must have an id each, got 't2'"),
        ("scenario tasks 0 priority", 5.0, "priority must be a whole number from .*, got 5.0"),
        ("scenario tasks 0 created_at", True, "created_at must be a finite number, got True"),
        (
            "scenario tasks 0 colour",
            "red",
            "must have no other fields than .*, got 'colour'",
        ),
        ("scenario interleaving kind", "eval", "kind must be one of .*, got 'eval'"),
        ("scenario interleaving", {"kind": "turns"}, "interleaving by turns must have turns"),
        ("scenario interleaving switches", [[1.5, "a1"]], "must be a whole number .*, got 1.5"),
        ("scenario clock skews_seconds", {"a1": math.inf}, "must be a finite number, got inf"),
        ("scenario clock skews_seconds", {"a1": math.nan}, "must be a finite number, got nan"),
        ("scenario clock file_tick_seconds", "1", "must be a finite number, got '1'"),
        ("scenario chance", -1, "chance must be a whole number from 0"),
        ("scenario faults 0", ["a1"], r"a fault must be \[agent, when, label, n, what\]"),
        (
            "scenario faults 0 4",
            "SIGSTOP for 9000000000 s",
            "seconds must be a number from",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_rule_and_what_was_got(
    place: str, new: Any, told: str, tmp_path: Path
) -> None:
    way = tuple(int(part) if part.isdigit() else part for part in place.split())
    file = json.loads(json.dumps(FILES[0]))
    inner = file
    for part in way[:-1]:
        inner = inner[part]
    inner[way[-1]] = new
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(file))
    with pytest.raises(CounterexampleError, match=told):
        load(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "must be JSON"),
        (f'{{"format": {"[" * 100_000}', "must be JSON"),
        ('{"format": 1, "format": 2}', "must be JSON, got two fields 'format' in one object"),
        ('{"chance": 1' + "0" * 5000 + "}", "must be JSON"),
        ("[]", 'must say "format"'),
    ],
)
def test_what_is_no_json_is_refused_with_words(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CounterexampleError, match=told):
        load(tmp_path / "bad.json")
    with pytest.raises(CounterexampleError, match="must be a file that can be read"):
        load(tmp_path / "absent.json")


@pytest.mark.parametrize(
    "invariant", ["S0", "S1", "S2", "S3", "S4", "S5", "S6", "S9", "S13", "S16"]
)
def test_a_replay_in_which_nobody_asks_for_what_is_judged_shows_nothing(
    invariant: str, gates: Gates
) -> None:
    looks = (Ask("get", "t1"),)
    idle = Scenario((PostedTask("t1"),), (("a1", looks), ("a2", looks)))
    trace = tuple(step.label() for step in gates.run(idle, "threads").trace)
    found = replay(
        Counterexample(NO_LOCK, invariant, "", ("threads",), idle, (), trace), gates, "threads"
    )
    assert found.verdict is None
    assert found.unjudged is not None and found.unjudged.startswith("nobody asked for ")


def test_a_replay_of_what_no_checker_judges_shows_nothing(gates: Gates) -> None:
    one = Scenario((PostedTask("t1"),), (("a1", (Ask("claim_next"),)),))
    found = replay(Counterexample(NO_LOCK, "S15", "", ("threads",), one, (), ()), gates)
    assert found.unjudged == "no checker judges S15 by one execution"
