"""Which states of a directory a power loss may leave, by model: hand-made logs and brute force."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.harness.disk import MODELS, Model, crash_states, restore, state_with
from proofs.harness.persistence.changes import (
    ROOT,
    Change,
    ChangeLog,
    DirectoryState,
    Entry,
    Failed,
    Named,
    Synced,
    Written,
    directory_state,
)
from proofs.harness.persistence.models import Loss

Files = tuple[tuple[str, bytes], ...]
OLD, NEW = b"old data", b"new data"
TASK, TEMPORARY = 1, 2  # ids of files


def made(name: str, file: int, directory: int = ROOT) -> Named:
    return Named((Entry(directory, name, file),))


def renamed(source: str, target: str, file: int, *, over: bool = False) -> Named:
    return Named((Entry(ROOT, target, file), Entry(ROOT, source, None)), over)


def removed(name: str) -> Named:
    return Named((Entry(ROOT, name, None),))


def log_of(*changes: Change, there: dict[str, bytes] | None = None) -> ChangeLog:
    """A log of these changes to a directory that held these files, with ids from 1 on."""
    log = ChangeLog()
    for file, (name, data) in enumerate((there or {}).items(), 1):
        log.names[ROOT, name] = file
        log.contents[file] = data
    for change in changes:
        log.add(change)
    return log


def files(log: ChangeLog, model: Model) -> set[Files]:
    """What may be there at the end, all of it."""
    found = crash_states(log, len(log.changes), model)
    assert found.exhausted
    return {state.files for state in found.states}


def held(log: ChangeLog, model: Model, name: str) -> set[bytes | None]:
    """What a file may hold at the end; None: it may be missing."""
    return {dict(state).get(name) for state in files(log, model)}


TEMPORARY_WRITTEN = (made("tmp", TEMPORARY), Written(TEMPORARY, NEW))


# What was measured on real ext4 images, cut after each step.


def test_a_file_renamed_to_a_new_name_without_a_sync_of_its_data_may_be_there_and_empty() -> None:
    log = log_of(*TEMPORARY_WRITTEN, renamed("tmp", "t1", TEMPORARY), Synced(ROOT))
    assert files(log, "E") == {(("t1", b""),), (("t1", NEW),)}


def test_a_synced_file_whose_directory_is_not_may_still_bear_its_temporary_name() -> None:
    log = log_of(*TEMPORARY_WRITTEN, Synced(TEMPORARY), renamed("tmp", "t1", TEMPORARY))
    assert files(log, "E") == {(("tmp", NEW),), (("t1", NEW),)}


def test_a_file_renamed_over_a_name_without_a_sync_of_its_data_has_them_there() -> None:
    replaced = renamed("tmp", "t1", TEMPORARY, over=True)
    log = log_of(*TEMPORARY_WRITTEN, replaced, Synced(ROOT), there={"t1": OLD})
    assert files(log, "E") == {(("t1", NEW),)}
    assert held(log, "W", "t1") >= {b"", NEW, bytes(len(NEW))}


def test_a_new_file_written_in_place_may_be_there_and_empty() -> None:
    log = log_of(made("t1", TASK), Written(TASK, NEW), Synced(ROOT))
    assert files(log, "E") == {(("t1", b""),), (("t1", NEW),)}


def test_a_file_that_was_given_its_size_may_have_it_and_zeros() -> None:
    grown = NEW + b"\0\0"
    log = log_of(*TEMPORARY_WRITTEN, Written(TEMPORARY, grown, sized=True), Synced(ROOT))
    assert held(log, "E", "tmp") == {b"", NEW, grown, bytes(len(grown))}
    assert held(log, "K", "tmp") == {grown}


# A sync that failed.


def test_after_a_sync_that_failed_a_second_one_brings_no_data_to_the_disk() -> None:
    renamed_over = renamed("tmp", "t1", TEMPORARY, over=True)
    tried_twice = (*TEMPORARY_WRITTEN, Failed(TEMPORARY), Synced(TEMPORARY))
    log = log_of(*tried_twice, renamed_over, Synced(ROOT), there={"t1": OLD})
    assert held(log, "E", "t1") == {b"", NEW}
    written_again = (*TEMPORARY_WRITTEN, Failed(TEMPORARY), Written(TEMPORARY, NEW))
    log = log_of(*written_again, Synced(TEMPORARY), renamed_over, Synced(ROOT), there={"t1": OLD})
    assert all(held(log, model, "t1") == {NEW} for model in MODELS)


# Between the models.


def test_whoever_is_killed_leaves_what_was_written() -> None:
    log = log_of(*TEMPORARY_WRITTEN, renamed("tmp", "t1", TEMPORARY))
    assert files(log, "K") == {(("t1", NEW),)}


def test_with_every_sync_the_new_data_are_there_in_every_model() -> None:
    replaced = renamed("tmp", "t1", TEMPORARY, over=True)
    written = (*TEMPORARY_WRITTEN, Synced(TEMPORARY), replaced, Synced(ROOT))
    log = log_of(*written, there={"t1": OLD})
    assert all(held(log, model, "t1") == {NEW} for model in MODELS)


def test_a_sync_of_another_file_brings_the_names_along_in_order_only() -> None:
    log = log_of(made("t1", 1), made("t2", 2), Synced(2))
    assert held(log, "E", "t1") == {b""}
    assert held(log, "W", "t1") == {b"", None}


def test_names_are_lost_from_the_end_in_order_and_in_any_selection_where_it_is_weak() -> None:
    log = log_of(made("t1", 1), made("t2", 2))
    only_second = (("t2", b""),)
    assert only_second in files(log, "W") and only_second not in files(log, "E")


def test_a_rename_may_lose_both_names_only_where_it_is_two_steps() -> None:
    log = log_of(renamed("t1", "t2", TASK), there={"t1": OLD})
    assert files(log, "W") == {(("t1", OLD),), (("t2", OLD),)}
    assert files(log, "S") == files(log, "W") | {(), (("t1", OLD), ("t2", OLD))}


def test_data_without_a_sync_are_torn_or_zero_only_where_it_is_weak() -> None:
    log = log_of(Written(TASK, NEW), there={"t1": OLD})
    assert held(log, "E", "t1") == {OLD, NEW}
    torn = {NEW[:4], NEW[:4] + OLD[4:], bytes(len(NEW))}
    assert held(log, "W", "t1") == {OLD, NEW} | torn


def test_what_lies_in_a_directory_is_lost_with_its_name() -> None:
    log = ChangeLog(directories={ROOT, 5})
    for change in (made("d", 5), made("t1", TASK, 5), Synced(5)):
        log.add(change)
    [state] = crash_states(log, 3, "E").states
    assert (state.directories, state.files) == (("d",), (("d/t1", b""),))
    assert {state.directories for state in crash_states(log, 3, "W").states} == {(), ("d",)}


def test_a_change_that_was_not_made_yet_is_in_no_state() -> None:
    log = log_of(made("t1", TASK), Written(TASK, NEW))
    assert all(len(crash_states(log, 0, model).states) == 1 for model in MODELS)
    assert {state.files for state in crash_states(log, 1, "E").states} == {(), (("t1", b""),)}


def test_past_the_bound_it_is_a_sample_and_says_so() -> None:
    log = log_of(*(made(f"t{number}", number) for number in range(1, 9)))
    everything = crash_states(log, 8, "W")
    assert everything.exhausted and len(everything.states) == 2**8
    sample = crash_states(log, 8, "W", states_max=20)
    assert not sample.exhausted and sample.states < everything.states
    assert sample == crash_states(log, 8, "W", states_max=20)
    assert {len(state.files) for state in sample.states} >= {0, 8}, "the least and the most"


# Any small log: what each model allows, found by trying everything that it does not forbid.


@st.composite
def logs(draw: st.DrawFn) -> ChangeLog:
    """Up to six changes of two names in the root and one below, of files that begin with data."""
    names = st.sampled_from(["x", "y"])
    file = st.integers(1, 2)
    change = st.one_of(
        st.builds(made, names, file),
        st.builds(lambda f: renamed("x", "y", f), file),
        st.builds(lambda f: renamed("x", "y", f, over=True), file),
        st.builds(removed, names),
        st.builds(lambda f: Named((Entry(5, "z", f), Entry(ROOT, "x", None))), file),
        st.tuples(file, st.sampled_from([b"1", b"22"])).map(lambda one: Written(*one)),
        st.builds(lambda f, size: Written(f, bytes(size), sized=True), file, st.integers(0, 3)),
        st.builds(Synced, st.sampled_from([ROOT, 1, 2, 5])),
    )
    log = log_of(*_as_sized(draw(st.lists(change, max_size=6))), there={"x": OLD})
    log.names[ROOT, "d"] = 5
    log.directories.add(5)
    return log


def _as_sized(changes: list[Change]) -> Iterator[Change]:
    """With what each file holds once it was given that size."""
    held = {1: OLD, 2: b""}
    for change in changes:
        if isinstance(change, Written):
            data = change.data
            held[change.file] = resized(held[change.file], len(data)) if change.sized else data
            yield change._replace(data=held[change.file])
        else:
            yield change


def resized(data: bytes, size: int) -> bytes:
    return data[:size].ljust(size, b"\0")


def tried(log: ChangeLog, model: Model) -> set[DirectoryState]:
    """Every selection of surviving changes, if only it holds what each sync promised."""
    steps: list[Change] = []
    for change in log.changes:
        if model == "S" and isinstance(change, Named):
            steps += [Named((entry,), change.replaces) for entry in change.entries]
        else:
            steps.append(change)
    found = set()
    for kept in itertools.product((False, True), repeat=len(steps)):
        lost = [at for at, is_kept in enumerate(kept) if not is_kept]
        if all(_may_be_lost(steps, kept, at, model) for at in lost):
            found |= set(_replayed(log, steps, kept, model))
    return found


def _may_be_lost(steps: list[Change], kept: tuple[bool, ...], at: int, model: Model) -> bool:
    lost, later = steps[at], list(zip(steps[at:], kept[at:], strict=True))
    if isinstance(lost, Written):
        flushed = (
            any(e.target == lost.file for e in s.entries) and s.replaces and k and model == "E"
            for s, k in later
            if isinstance(s, Named)
        )
        return Synced(lost.file) not in steps[at:] and not any(flushed)
    if not isinstance(lost, Named):
        return False
    if model == "E":
        orderly = not any(k for s, k in later if isinstance(s, Named))
        return orderly and not any(isinstance(s, Synced) for s, _ in later)
    return not any(Synced(entry.directory) in steps[at:] for entry in lost.entries)


def _replayed(
    log: ChangeLog, steps: list[Change], kept: tuple[bool, ...], model: Model
) -> list[DirectoryState]:
    """Where data are lost in the middle the later ones are there: the last write kept decides."""
    names, contents = dict(log.names), dict(log.contents)
    torn: dict[int, list[bytes]] = {}
    before = dict(log.contents)
    for is_kept, change in zip(kept, steps, strict=True):
        if isinstance(change, Written):
            old = before.get(change.file, b"")
            before[change.file] = change.data
            half = len(change.data) // 2
            if is_kept:
                held = contents.get(change.file, b"")
                sized = resized(held, len(change.data))
                contents[change.file] = sized if change.sized else change.data
                torn.pop(change.file, None)
                continue
            cut = change.data[:half]
            torn.setdefault(change.file, []).extend(
                [cut, cut + old[half:], bytes(len(change.data))] if model in "WS" else []
            )
        elif isinstance(change, Named) and is_kept:
            for directory, name, target in change.entries:
                names.pop((directory, name), None)
                if target is not None:
                    names[directory, name] = target
    options = {file: [contents.get(file, b""), *torn.get(file, [])] for file in (1, 2)}
    return [
        directory_state(names, {1: one, 2: two}, log.directories)
        for one in options[1]
        for two in options[2]
    ]


@pytest.mark.parametrize("model", ["E", "W", "S"])
def test_a_model_allows_what_no_sync_forbids_and_nothing_else(model: Model) -> None:
    @given(logs())
    def check(log: ChangeLog) -> None:
        assert crash_states(log, len(log.changes), model).states == tried(log, model)

    check()


@given(logs())
def test_each_model_allows_what_the_stricter_one_does(log: ChangeLog) -> None:
    killed, ordered, weak, split = (
        crash_states(log, len(log.changes), model).states for model in MODELS
    )
    assert killed <= ordered <= weak <= split


@pytest.mark.parametrize("model", MODELS)
def test_a_state_is_found_again_by_what_is_lost(model: Model) -> None:
    @given(logs())
    def check(log: ChangeLog) -> None:
        at = len(log.changes)
        for state, losses in crash_states(log, at, model).losses.items():
            assert state_with(log, at, model, losses) == state

    check()


def test_what_a_model_does_not_allow_to_be_lost_is_no_state() -> None:
    log = log_of(*TEMPORARY_WRITTEN, Synced(TEMPORARY), made("t1", 3), Synced(ROOT))
    for model in MODELS:
        assert state_with(log, 5, model, [Loss(1, "data")]) is None
        assert state_with(log, 5, model, [Loss(3, "name")]) is None
        assert state_with(log, 4, model, [Loss(3, "data")]) is None
    assert state_with(log, 4, "E", [Loss(3, "name")]) is not None
    assert state_with(log, 4, "K", [Loss(3, "name")]) is None


# Onto a real directory.


def test_a_state_is_put_into_a_directory_with_its_links(tmp_path: Path) -> None:
    log = ChangeLog(directories={ROOT, 5})
    for change in (made("d", 5), made("t1", TASK, 5), Written(TASK, NEW), made("t2", TASK)):
        log.add(change)
    [state] = crash_states(log, 4, "K").states
    restore(state, tmp_path / "board")
    one, other = tmp_path / "board" / "d" / "t1", tmp_path / "board" / "t2"
    assert one.read_bytes() == NEW and one.samefile(other)
