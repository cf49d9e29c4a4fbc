"""What of all that was found is new, known, still there, or gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from proofs.night.found import AtFault, Found
from proofs.night.known import Known
from proofs.night.records import Record

Standing = Literal["new", "still", "known", "gone", "not judged"]
ORDER: Final = get_args(Standing)


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation as the report tells of it.

    ``standing`` is "new" where no night before has found it, "still" where one has, "known" where
    it is on the list, "gone" where it shows no more, "not judged" where nobody could tell.
    ``path`` is that of its file, and empty where there is none. ``bug`` is the name of the finding
    that shows best what is probably the same bug: its own, or that of another one.
    """

    standing: Standing
    name: str
    path: str
    invariant: str
    words: str
    at_fault: AtFault
    count: int
    first_night: str
    first_commit: str
    why: str = ""
    told: str = ""
    bug: str = ""

    @property
    def is_violated(self) -> bool:
        """Whether it showed tonight."""
        return self.standing in ("new", "still", "known")

    def with_file(self, folder: Path) -> Finding:
        """With the path of its file where it did not show, if it is in the folder."""
        path = folder / self.name
        return self if self.path or not path.exists() else replace(self, path=str(path))

    @property
    def is_doubtful(self) -> bool:
        """Whether it could be replayed, and that could not tell; a soak's history can not."""
        return self.standing == "not judged" and self.name.endswith(".json")

    def to_json(self) -> dict[str, Any]:
        """As ``report.json`` holds it."""
        names = ("standing", "name", "path", "invariant", "words", "at_fault", "count")
        more = ("first_night", "first_commit", "why", "bug")
        return {name: getattr(self, name) for name in (*names, *more)}


def findings(
    found: Mapping[str, Found],
    before: Mapping[str, Record],
    now: Mapping[str, Record],
    known: Mapping[str, Known],
    replays: Mapping[str, str],
) -> list[Finding]:
    """All of them, those first that ask for something. ``before`` are the records when the night
    began, ``now`` those at its end, ``replays`` the verdicts of files that were replayed.
    """
    old = {name for name, record in before.items() if not record.gone}
    told = []
    for name in dict.fromkeys((*found, *known, *sorted(old))):
        entry, one = known.get(name), found.get(name)
        standing: Standing
        if one is not None:
            standing = "known" if entry else "still" if name in old else "new"
        else:
            standing = "gone" if replays.get(name) == "holds" else "not judged"
        told.append(_finding(standing, name, one, now.get(name), entry))
    return sorted(told, key=lambda one: (ORDER.index(one.standing), one.name))


def _finding(
    standing: Standing, name: str, found: Found | None, record: Record | None, known: Known | None
) -> Finding:
    first = ("", "") if record is None else (record.first_night, record.first_commit)
    why = "" if known is None else known.why
    if found is not None:
        fault = found.at_fault if known is None else known.at_fault
        about = (found.path, found.invariant, found.words, fault, found.count)
        return Finding(standing, name, *about, *first, why, found.told)
    path = "" if known is None else str(known.path)
    if record is None:
        assert known is not None
        return Finding(standing, name, path, "", "", known.at_fault, 0, *first, why)
    fault = record.at_fault if known is None else known.at_fault
    return Finding(standing, name, path, record.invariant, record.words, fault, 0, *first, why)
