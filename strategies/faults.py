"""Faults: one thing that goes wrong at one effect of an agent, as plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, cast, get_args

from hypothesis import strategies as st

from strategies import reading
from strategies.timestamps import clock_jumps

__all__ = [
    "ANY",
    "ERRORS",
    "INTERRUPTIONS",
    "KILL",
    "SHORT_WRITE",
    "Fault",
    "When",
    "errors_at",
    "fault_plans",
    "nth",
    "set_clocks_by",
    "stop_for",
]

When = Literal["before", "after", "middle"]

ERRORS: Final = (
    "ENOSPC",
    "EDQUOT",
    "EIO",
    "EACCES",
    "EROFS",
    "EMFILE",
    "ENOLCK",
    "ESTALE",
    "ENOENT",
)
"""Errors of the system. EINTR is not among them: Python tries again by itself."""

SHORT_WRITE: Final = "short write"
LYING_SYNC: Final = "fsync lies"
KILL: Final = "SIGKILL"
INTERRUPTIONS: Final = ("KeyboardInterrupt", "SIGTERM")
"""Signals whose handlers raise: KeyboardInterrupt, and SystemExit as those of SIGTERM do."""

ANY: Final = "any"
"""In place of an agent's name: whoever comes to it."""

FROM_THEN_ON: Final = "from then on"

_STOP: Final = re.compile(r"SIGSTOP for (\d+(?:\.\d+)?) s")
_SET: Final = re.compile(r"clocks set (ahead|back) by (\d+(?:\.\d+)?) s")
_WHENS: Final[dict[str, tuple[When, ...]]] = {
    **dict.fromkeys(ERRORS, ("before", "after", "middle")),
    SHORT_WRITE: ("middle",),
    LYING_SYNC: ("before",),
    KILL: ("before", "after", "middle"),
    **dict.fromkeys(INTERRUPTIONS, ("before", "after")),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """``what`` happens ``when`` the ``agent`` comes to an effect.

    ``agent`` is the name of a process of agents, its threads included; ``where`` is the label of
    the effect, in which a star stands for anything, and ``occurrence`` counts those of this agent
    that match, from 1. Only effects are counted to which it can happen. With ``lasts`` all later
    ones are struck as well.

    - An error of the system "before" the effect, or "after" it took place, or in the "middle" of a
      write, of which the first half is written;
    - "short write", in the "middle": half of it is written, and the call says so;
    - "fsync lies": it answers and does nothing;
    - "SIGKILL" ends the agent's process; "KeyboardInterrupt" and "SIGTERM" raise in the agent, that
      goes on with its program once its call has raised; "SIGSTOP for 7200 s" stops it for so long;
    - "clocks set back by 7200 s", or "ahead", are those of all agents: no time passes.

    What lets go of a descriptor or a lock does so whatever it answers; an error, and what a handler
    raises, come afterwards then.

    Raises ValueError where that makes no sense.
    """

    agent: str
    when: When
    where: str
    occurrence: int
    what: str
    lasts: bool = False

    def __post_init__(self) -> None:
        is_timed = _STOP.fullmatch(self.what) or _SET.fullmatch(self.what)
        whens = ("before", "after") if is_timed else _WHENS.get(self.what)
        if whens is None:
            known = [
                *_WHENS,
                "SIGSTOP for N s",
                "clocks set ahead by N s",
                "clocks set back by N s",
            ]
            raise ValueError(f"what must be one of {known}, got {self.what!r}")
        if self.when not in whens:
            raise ValueError(f"{self.what} must happen {' or '.join(whens)}, got {self.when!r}")
        if self.occurrence < 1:
            raise ValueError(f"occurrence must be at least 1, got {self.occurrence}")

    def __str__(self) -> str:
        """As a person is told."""
        lasting = f", {FROM_THEN_ON}" if self.lasts else ""
        when = "in the middle of" if self.when == "middle" else self.when
        return (
            f"{self.what} {when} the {nth(self.occurrence)} {self.where!r} of {self.agent}{lasting}"
        )

    @property
    def stops_for_seconds(self) -> float | None:
        """For how long it stops the agent; None if that is not what it does."""
        match = _STOP.fullmatch(self.what)
        return None if match is None else float(match[1])

    @property
    def sets_clocks_by_seconds(self) -> float | None:
        """By how much it sets all clocks, negative for back; None if that is not what it does."""
        match = _SET.fullmatch(self.what)
        if match is None:
            return None
        return float(match[2]) if match[1] == "ahead" else -float(match[2])

    def to_json(self) -> list[Any]:
        """As JSON, to be read like the turns of an interleaving."""
        fields = [self.agent, self.when, self.where, self.occurrence, self.what]
        return [*fields, FROM_THEN_ON] if self.lasts else fields

    @staticmethod
    def from_json(fields: object) -> Fault:
        """The inverse of ``to_json``. Raises ValueError."""
        given = reading.items(fields, "a fault", 6)
        if len(given) < 5:
            reading.refuse("a fault", "be [agent, when, label, n, what]", fields)
        agent, when, where, occurrence, what, *lasting = given
        if lasting not in ([], [FROM_THEN_ON]):
            reading.refuse("a fault", f"end with {FROM_THEN_ON!r} if with anything", fields)
        found = Fault(
            reading.text(agent, "the agent of a fault"),
            cast(When, reading.one_of(when, "when", get_args(When))),
            reading.text(where, "the label of a fault"),
            reading.whole(occurrence, "occurrence", least=-reading.COUNT_MAX),
            reading.text(what, "what", 100),
            bool(lasting),
        )
        reading.number(found.stops_for_seconds or 0.0, "seconds", 0, reading.SECONDS_MAX)
        return found


def nth(occurrence: int) -> str:
    """The number in words, as in "the second time"."""
    order = {1: "first", 2: "second", 3: "third"}
    return order.get(occurrence, f"{occurrence}th")


def stop_for(seconds: float) -> str:
    """What stops an agent for so long."""
    return f"SIGSTOP for {seconds:g} s"


def set_clocks_by(seconds: float) -> str:
    """What sets the clocks of all agents ahead by so much, or back by a negative number."""
    return f"clocks set {'back' if seconds < 0 else 'ahead'} by {_shown(abs(seconds))} s"


def _shown(seconds: float) -> str:
    """Exact to a microsecond, and without a fraction where there is none."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


_LOCKING: Final = ("ENOLCK", "EIO", "ESTALE")
_NAMING: Final = ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS")

ERRORS_OF: Final = {
    "open r *": ("EIO", "EMFILE", "ESTALE"),
    "open w *": (*_NAMING, "EMFILE", "ESTALE", "ENOENT"),
    "mkdir *": (*_NAMING, "ENOENT"),
    "write *": ("ENOSPC", "EDQUOT", "EIO"),
    "fsync *": ("EIO", "ENOSPC", "EDQUOT"),
    "replace *": (*_NAMING, "ESTALE"),
    "link *": _NAMING,
    "unlink *": ("EIO", "EACCES", "EROFS", "ESTALE"),
    "flock exclusive *": _LOCKING,
    "flock shared *": _LOCKING,
    "flock try *": _LOCKING,
    "read *": ("EIO", "ESTALE"),
    "stat *": ("EIO", "EACCES", "ESTALE"),
    "listdir *": ("EIO", "EACCES", "EMFILE", "ESTALE"),
    "close *": ("EIO", "ENOSPC", "EDQUOT"),
    "lockf exclusive *": _LOCKING,
    "lockf shared *": _LOCKING,
    "lockf try *": _LOCKING,
    "lockf by fcntl *": _LOCKING,
    "rmdir *": ("EIO", "EACCES", "EROFS", "ESTALE"),
    "symlink *": (*_NAMING, "ENOENT"),
    "truncate *": ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS", "ESTALE"),
    "chmod *": ("EIO", "EACCES", "EROFS", "ESTALE"),
    "utime *": ("EIO", "EACCES", "EROFS", "ESTALE"),
}
"""The errors that each kind of effect really meets, by its label.

ENOENT is that of the directory that is gone. Where it or EACCES would tell of one file, that it is
not there or is another user's, it is no fault: no board can know better. So it is none of a move or
a link either, by which a claim may be taken: whoever lost it is told so by ENOENT. EMFILE is that
of what takes a descriptor, a listing among it.
"""


def errors_at(label: str) -> tuple[str, ...]:
    """The errors that the effect of this label may meet."""
    found = (errors for where, errors in ERRORS_OF.items() if fnmatchcase(label, where))
    return tuple(dict.fromkeys(error for errors in found for error in errors))


def fault_plans(
    agents: Sequence[str],
    *,
    faults_max: int = 3,
    lease_seconds: float = 3600.0,
    can_kill: bool = False,
    occurrences_max: int = 20,
) -> st.SearchStrategy[tuple[Fault, ...]]:
    """Few faults, mostly one, each at some effect of one of the agents; shrinks to none.

    One to three events show nine in ten of the failures that were found in systems at work (Yuan
    and others, "Simple Testing Can Prevent Most Critical Failures", OSDI 2014). ``can_kill`` is for
    agents that are processes. Who is stopped is stopped beyond the lease. Signals come before an
    effect or after it, kills also amid a write.
    """
    one = _faults(agents, occurrences_max, lease_seconds, can_kill)
    counts = st.sampled_from([count for count in (0, 1, 1, 1, 2, 3) if count <= faults_max])
    return counts.flatmap(
        lambda count: st.lists(one, min_size=count, max_size=count, unique=True)
    ).map(tuple)


@st.composite
def _faults(
    draw: st.DrawFn, agents: Sequence[str], most: int, lease_seconds: float, can_kill: bool
) -> Fault:
    kinds = ["error", "error", "write", "sync", "interruption", "stop", "clocks"]
    kinds += ["kill", "kill", "kill", "kill amid a write"] * can_kill
    kind = draw(st.sampled_from(kinds))
    agent, occurrence = draw(st.sampled_from(list(agents))), draw(st.integers(1, most))
    few, lasts = 1 + (occurrence - 1) % 8, draw(st.sampled_from([False, False, True]))
    if kind == "error":
        where = draw(st.sampled_from(list(ERRORS_OF)))
        when: When = draw(st.sampled_from(["before", "after"]))
        return Fault(agent, when, where, few, draw(st.sampled_from(ERRORS_OF[where])), lasts)
    if kind == "write":
        what = draw(st.sampled_from([SHORT_WRITE, *ERRORS_OF["write *"]]))
        return Fault(agent, "middle", "write *", few, what, lasts)
    if kind == "sync":
        return Fault(agent, "before", "fsync *", few, LYING_SYNC, lasts)
    when = draw(st.sampled_from(["before", "before", "after"]))
    if kind == "interruption":
        return Fault(agent, when, "*", occurrence, draw(st.sampled_from(INTERRUPTIONS)))
    if kind == "kill":
        return Fault(agent, when, "*", occurrence, KILL)
    if kind == "kill amid a write":
        return Fault(agent, "middle", "write *", few, KILL)
    lease_seconds = lease_seconds if lease_seconds < 1e9 else 43_200.0
    if kind == "clocks":
        jump = draw(clock_jumps(lease_seconds=lease_seconds))
        return Fault(agent, when, "*", occurrence, set_clocks_by(jump))
    return Fault(agent, when, "*", occurrence, stop_for(2 * lease_seconds))
