"""What nights keep and share: the corpus, what was found and since when, what is known."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from proofs.command.entry import main
from proofs.commands import SOURCES
from proofs.exit_code import ExitCode
from proofs.harness.counterexample import load
from proofs.night.corpus import Corpus, Entry
from proofs.night.database import DatabaseError, database_of
from proofs.night.known import KnownError, read_known
from proofs.night.morning import findings
from proofs.night.records import Record, Records
from proofs.night.shelf import from_bytes, to_bytes
from proofs.nights import NO_LOCK, PATIENCE_SECONDS, found_as, started, until
from proofs.reports import kept
from strategies.interleavings import Interleaving

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"


@pytest.fixture
def entry() -> Entry:
    """One with the interleaving of a kept counterexample."""
    scenario = replace(load(kept("no_lock")).scenario, interleaving=Interleaving("turns"))
    return Entry(scenario, "threads", frozenset({("read t*.json", "replace * -> t*.json")}))


@pytest.fixture
def record() -> Record:
    """Of the kept counterexample of a board, as one of a bug that is to be mended."""
    text = kept("no_lock").read_text().replace('"expect": "violated"', '"expect": "holds"')
    return Record(
        "no_lock-S1-b753ff49.json", "S1", "twice", "board", "2026-01-02", "c0ffee", 7, text
    )


def test_the_corpus_is_read_as_it_was_written_and_what_is_torn_is_passed_over(
    tmp_path: Path, entry: Entry
) -> None:
    corpus = Corpus(DirectoryBasedExampleDatabase(tmp_path), NO_LOCK)
    corpus.add(entry)
    assert corpus.entries() == [entry]
    [file] = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"pairs" in path.read_bytes()
    ]
    whole = file.read_bytes()
    for torn in (whole[:-20], b"", b"[]", b"{}", whole.replace(b'"version": 1', b'"version": 2')):
        file.write_bytes(torn)
        assert corpus.entries() == []
    file.write_bytes(whole)
    corpus.drop(entry)
    assert corpus.entries() == []


def test_a_record_keeps_the_first_night_and_says_when_it_is_gone(record: Record) -> None:
    records = Records(InMemoryExampleDatabase(), NO_LOCK)
    later = replace(record, first_night="2026-02-03", first_commit="another")
    records.add(later)
    records.add(record)
    assert records.all() == {record.name: record}
    records.is_gone(record, "2026-03-04")
    records.is_gone(later, "2026-03-04")
    assert records.all()[record.name].gone == "2026-03-04"


@pytest.mark.parametrize("name", ["../outside.json", "/etc/x.json", "a.py", ".json/x"])
def test_a_record_of_another_machine_names_no_file_elsewhere(record: Record, name: str) -> None:
    with pytest.raises(ValueError, match="name of a finding"):
        from_bytes(Record, to_bytes(replace(record, name=name)))


def test_the_morning_tells_what_is_new_known_still_there_and_gone(
    record: Record, tmp_path: Path
) -> None:
    name = record.name
    known = listed(tmp_path, name)
    old, gone = {name: record}, {name: replace(record, gone="2026-02-03")}

    def standing(*case: Any) -> list[tuple[str, int]]:
        return [(one.standing, one.count) for one in findings(*case)]

    shows = {name: found_as(name, 500)}
    assert standing(shows, {}, {}, {}, {}) == [("new", 500)]
    assert standing(shows, gone, gone, {}, {}) == [("new", 500)]
    assert standing(shows, old, old, {}, {name: "violated"}) == [("still", 500)]
    assert standing(shows, old, old, known, {}) == [("known", 500)]
    assert standing({}, old, old, {}, {name: "holds"}) == [("gone", 0)]
    assert standing({}, old, old, {}, {name: "unknown"}) == [("not judged", 0)]
    assert standing({}, {}, {}, known, {name: "holds"}) == [("gone", 0)]
    assert standing({}, gone, gone, {}, {name: "holds"}) == []
    [one] = findings(shows, old, old, known, {})
    told = (one.at_fault, one.why, one.first_night, one.first_commit)
    assert told == ("dependency", "reported", "2026-01-02", "c0ffee")


def listed(folder: Path, name: str, **fields: Any) -> Any:
    """What a list with this one entry says."""
    (folder / name).write_text("{}")
    entry = {"counterexample": name, "at_fault": "dependency", "why": "reported", **fields}
    path = folder / "known.json"
    path.write_text(json.dumps({"format": "swarm-proofs/known", "version": 1, "known": [entry]}))
    return read_known(path)


@pytest.mark.parametrize(
    "fields", [{"at_fault": "nobody"}, {"counterexample": "none.json"}, {"more": 1}, {"why": 2}]
)
def test_a_list_of_what_is_known_that_cannot_be_right_is_refused(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    with pytest.raises(KnownError, match="must"):
        listed(tmp_path, "a.json", **fields)


def test_our_own_list_can_be_read_and_no_list_is_an_empty_one(tmp_path: Path) -> None:
    assert read_known(SOURCES / "proofs" / "known.json") == {}
    assert read_known(tmp_path / "none.json") == {}


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A real one, on a socket of its own; skips the test, with the reason, where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("not applicable: no redis-server is installed")
    pytest.importorskip("redis", reason="not applicable: the package redis is not installed")
    place = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(folder))
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        until(lambda: _answers(place), "the server does not answer")
        yield f"unix://{place}"
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as ours:
        try:
            ours.connect(str(place))
            ours.sendall(b"PING\r\n")
            return ours.recv(5) == b"+PONG"
        except OSError:
            return False


def test_what_one_machine_learned_another_one_finds_on_the_server(
    tmp_path: Path, entry: Entry, record: Record
) -> None:
    with redis_server(tmp_path) as url:
        Corpus(database_of(url), NO_LOCK).add(entry)
        Records(database_of(url), NO_LOCK).add(record)
        assert Corpus(database_of(url), NO_LOCK).entries() == [entry]
        assert Records(database_of(url), NO_LOCK).all() == {record.name: record}
        assert Corpus(database_of(url), "another board").entries() == []
        if IS_DEEP:
            night_on(url, tmp_path, record)


def night_on(url: str, folder: Path, record: Record) -> None:
    """The counterexample of another machine is replayed, and found again."""
    night = started(folder, "--budget", "5s", "--database", url, "--board", NO_LOCK)
    printed, _ = night.communicate(timeout=PATIENCE_SECONDS)
    assert night.returncode == ExitCode.VIOLATED and "still, " in printed, printed
    assert (folder / ".proofs" / "counterexamples" / record.name).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("redis://localhost:1", "does not answer"),
        ("redis://:secret@localhost:1", "redis://localhost:1 does not answer"),
        ("ftp://somewhere", "must be a folder, or begin with redis://"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_before_the_night_begins(
    text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text.startswith("redis"):
        pytest.importorskip("redis", reason="not applicable: the package redis is not installed")
    with pytest.raises(DatabaseError, match=words):
        database_of(text)
    assert main(["fuzz", "--budget", "1s", "--database", text]) == ExitCode.USAGE
    assert "secret" not in capsys.readouterr().err
