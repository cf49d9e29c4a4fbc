"""Which effects conflict: their order matters. And the order in which those of a trace came.

Two traces in which all conflicting effects come in one order are one, as far as files and locks can
tell (Mazurkiewicz, "Trace Theory", 1987). What an effect touches is known by names: a file that is
still used through a descriptor after it got another name is not followed there. Readings of the
clock are no effects: that each effect moves the clock on by a microsecond is left out of account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final, Literal, NamedTuple

from proofs.harness.effects import Effect
from proofs.harness.trace import Step

Aspect = Literal["file", "names", "lock", "time", "calls"]
Way = Literal["looks", "changes", "lets go"]


class Touch(NamedTuple):
    """What is touched, by aspect and path, and how.

    The aspects of a path are the file or directory that it names, the "names" in it if it is a
    directory, and the "lock" on it. To look twice is the same in both orders, and so it is for two
    agents to let go of their locks; any other two touches of one thing conflict.
    """

    aspect: Aspect
    path: str
    way: Way

    @property
    def thing(self) -> tuple[str, str]:
        """What it is a touch of."""
        return self.aspect, self.path

    def conflicts_with(self, other: Touch) -> bool:
        """Whether the order of the two can be seen."""
        return self.thing == other.thing and _conflict(self.way, other.way)


_WAYS: Final[tuple[Way, ...]] = ("looks", "changes", "lets go")
_TIME: Final = Touch("time", "", "looks")
_NAMING: Final = frozenset({"link", "mkdir", "mknod", "replace", "rmdir", "symlink", "unlink"})
_LOCKING: Final = frozenset({"flock", "lockf", "lock", "unlock"})
_LISTING: Final = frozenset({"listdir", "stat", "rmdir"})
_REFUSALS: Final = frozenset(
    {
        *("BlockingIOError", "FileExistsError", "FileNotFoundError", "IsADirectoryError"),
        *("NotADirectoryError", "PermissionError"),
    }
)


def conflict(one: Effect, other: Effect) -> bool:
    """Whether two effects can touch something in common, of which at least one changes it.

    Of what is not known before it happens the worst is taken: that an effect is not refused, and
    that an open that may make a file makes it.
    """
    return any(
        mine.conflicts_with(theirs)
        for mine, theirs in product(_touches(one, made=True), _touches(other, made=True))
    )


def touches(step: Step) -> Iterator[Touch]:
    """What a step touched. What was refused, or has to wait, has only looked."""
    is_refused = step.waits or step.error in _REFUSALS
    for touch in _touches(step.effect, made=step.made):
        yield touch._replace(way="looks") if is_refused else touch


def order_of_conflicts(trace: Sequence[Step]) -> str:
    """A digest, equal for two traces exactly if the conflicting steps come in the same order.

    That is: the steps that conflict with one of another agent are the same, in the same order for
    each agent, and any two that conflict come in the same order. Attempts that only had to wait
    for a lock, or were a pause, are left out.
    """
    done = [(step, tuple(touches(step))) for step in trace if not step.waits]
    users = _users(done)
    kept = [
        (step, touched)
        for step, touched in done
        if any(_is_contended(step.agent, touch, users) for touch in touched)
    ]
    lines: dict[str, list[str]] = {}
    for (step, _), moment in zip(kept, moments(kept), strict=True):
        lines.setdefault(step.agent, []).append(f"{step.label()} {sorted(moment.items())}")
    text = "\n".join(line for agent in sorted(lines) for line in lines[agent])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def contended_paths(trace: Sequence[Step]) -> frozenset[str]:
    """The paths that two agents touched and one of them changed; that of a lock is one as well."""
    seen = [(step, tuple(touches(step))) for step in trace]
    users = _users(seen)
    return frozenset(
        touch.path
        for step, touched in seen
        for touch in touched
        if touch.aspect != "time" and _is_contended(step.agent, touch, users)
    )


def is_contended(trace: Sequence[Step]) -> bool:
    """Whether two agents touched the same thing and one of them changed it."""
    return bool(contended_paths(trace))


Moment = dict[str, int]
"""How many steps of each agent come before something, and it among its own."""


def moments(seen: Iterable[tuple[Step, Sequence[Touch]]]) -> Iterator[Moment]:
    """For each step how many of each agent happened before it: vector clocks.

    After Mattern, "Virtual Time and Global States of Distributed Systems" (1989), where messages
    are replaced by touches of the same thing that conflict.
    """
    agents: dict[str, Moment] = {}
    latest: dict[tuple[str, str], dict[Way, Moment]] = {}  # what came before, for each way to touch
    for step, touched in seen:
        moment = dict(agents.get(step.agent, {}))
        moment[step.agent] = moment.get(step.agent, 0) + 1
        for touch in touched:
            for way, before in latest.get(touch.thing, {}).items():
                if _conflict(way, touch.way):
                    _join(moment, before)
        agents[step.agent] = moment
        for touch in touched:
            _join(latest.setdefault(touch.thing, {}).setdefault(touch.way, {}), moment)
        yield moment


def _join(moment: Moment, other: Moment) -> None:
    for agent, steps in other.items():
        moment[agent] = max(moment.get(agent, 0), steps)


def _conflict(one: Way, other: Way) -> bool:
    return one != other or one == "changes"


def _touches(effect: Effect, *, made: bool) -> Iterator[Touch]:
    """What an effect touches if it is done; ``made`` tells whether an open makes a name."""
    yield _TIME if effect.label() != "call advance" else _TIME._replace(way="changes")
    for path in effect.paths:
        if effect.kind in _LOCKING:
            lets_go = "unlock" in (effect.kind, effect.detail)
            yield Touch("lock", path, "lets go" if lets_go else "changes")
        elif effect.kind == "close":
            yield Touch("lock", path, "lets go")  # if there is a lock, and if it was held
        else:
            yield from _touches_of_path(effect, path, made=made)


def _touches_of_path(effect: Effect, path: str, *, made: bool) -> Iterator[Touch]:
    opens = effect.kind == "open"
    names = effect.kind in _NAMING or (opens and effect.changes and made)
    changes = names or (_truncates(effect) if opens else effect.changes)
    yield Touch("file", path, "changes" if changes else "looks")
    if effect.kind in _LISTING:
        yield Touch("names", path, "looks")
    elif effect.kind in _NAMING:
        yield Touch("names", path, "changes")  # of a directory that comes, goes or is replaced
    *above, _ = path.split("/")
    for depth in range(1, len(above) + 1):
        yield Touch("file", "/".join(above[:depth]), "looks")
    if names and path != ".":
        yield Touch("names", "/".join(above) or ".", "changes")


def _truncates(effect: Effect) -> bool:
    """Whether an open empties a file that is there; its detail is a mode, or words for flags."""
    mode, *words = effect.detail.split()
    return effect.changes and ("truncate" in words or (not words and mode[0] == "w"))


Users = dict[tuple[str, str], dict[Way, set[str]]]


def _users(seen: Iterable[tuple[Step, Sequence[Touch]]]) -> Users:
    """Of each thing the agents that touched it, by the way."""
    users: Users = {}
    for step, touched in seen:
        for touch in touched:
            users.setdefault(touch.thing, {}).setdefault(touch.way, set()).add(step.agent)
    return users


def _is_contended(agent: str, touch: Touch, users: Users) -> bool:
    """Whether another agent touches the same thing in a way that conflicts."""
    return any(
        _conflict(way, touch.way) and bool(by - {agent}) for way, by in users[touch.thing].items()
    )
