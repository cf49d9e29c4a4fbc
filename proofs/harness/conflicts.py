"""Which effects conflict: their order matters. And the order in which those of a trace came.

Two traces in which all conflicting effects come in one order are one, as far as files and locks can
tell (Mazurkiewicz, "Trace Theory", 1987). Readings of the clock are no effects: that each effect
moves the clock on by a microsecond, and the end of a sleep to its moment, is left out of account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, Literal, NamedTuple

from proofs.harness.effects import Effect
from proofs.harness.identities import Identities
from proofs.harness.trace import Step

Aspect = Literal["name", "names", "file", "links", "lock", "time", "calls", "pauses"]
Way = Literal["looks", "changes", "lets go"]


class Touch(NamedTuple):
    """What is touched, by aspect and name, and how.

    The aspects of a path are the "name", which may come, go and lead to another file, and the
    "names" in it if it is a directory; those of a file, by its identity, what the "file" holds, the
    "links" to it and the "lock" on it. "path" is what the effect itself calls it.

    To look twice is the same in both orders, and so it is for two agents to let go of their locks;
    any other two touches of one thing conflict.
    """

    aspect: Aspect
    of: str
    way: Way
    path: str = ""

    @property
    def thing(self) -> tuple[Aspect, str]:
        """What it is a touch of."""
        return self.aspect, self.of

    def conflicts_with(self, other: Touch) -> bool:
        """Whether the order of the two can be seen."""
        return self.thing == other.thing and ways_conflict(self.way, other.way)


_TIME: Final = Touch("time", "", "looks")
_ADVANCE: Final = Touch("time", "", "changes")
_NAMING: Final = frozenset({"link", "mkdir", "mknod", "replace", "rmdir", "symlink", "unlink"})
_LOCKING: Final = frozenset({"flock", "lockf", "lock", "try", "unlock"})
_CLOSING: Final = frozenset({"close", "SIGKILL"})
_THROUGH_DESCRIPTORS: Final = frozenset({"read", "write", "fsync", *_LOCKING, *_CLOSING})
_ANY_WAY: Final = frozenset({"stat", "truncate"})
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
    return meet(Step("", one, made=True), Step("", other, made=True))


def meet(one: Step, other: Step) -> bool:
    """The same of two steps by themselves, of which it is known what came of them.

    Files are known by their names alone, so a read meets what replaces the name that it reads by,
    although it goes on in the old file; within a trace ``touches`` tells more.
    """
    if _is_advance(one.effect) or _is_advance(other.effect):
        return True
    return any(a.conflicts_with(b) for a, b in product(_by_name(one), _by_name(other)))


def _by_name(step: Step) -> Iterator[Touch]:
    yield from _as_it_came(step, Identities())
    if step.effect.kind in _THROUGH_DESCRIPTORS - _LOCKING - _CLOSING:
        yield from (Touch("name", path, "looks", path) for path in step.effect.paths)


Seen = Sequence[tuple[Step, tuple[Touch, ...]]]
"""Steps, and what each of them touched."""


def touches(trace: Sequence[Step]) -> Seen:
    """Each step, and what it touched. What was refused, or has to wait, has only looked.

    If somebody lets time pass, all others look at the time.
    """
    seen = list(_touches_in_turn(trace))
    if not any(_is_advance(step.effect) for step in trace):
        return seen
    return [
        (step, (*touched, _ADVANCE if _is_advance(step.effect) else _TIME))
        for step, touched in seen
    ]


def _touches_in_turn(trace: Sequence[Step]) -> Iterator[tuple[Step, tuple[Touch, ...]]]:
    files = Identities()
    for step in trace:
        touched = tuple(_as_it_came(step, files))
        files.after(step)
        yield step, touched


def _as_it_came(step: Step, files: Identities) -> Iterator[Touch]:
    is_refused = step.waits or (step.error in _REFUSALS and not step.happened)
    for touch in _touches(step, files):
        yield touch._replace(way="looks") if is_refused else touch


def ways_conflict(one: Way, other: Way) -> bool:
    """Whether the order of two touches of one thing can be seen."""
    return one != other or one == "changes"


def _is_advance(effect: Effect) -> bool:
    return effect.kind == "call" and effect.detail == "advance"


def order_of_conflicts(trace: Sequence[Step]) -> str:
    """A digest, equal for two traces exactly if the conflicting steps come in the same order.

    That is: the steps that conflict with one of another agent are the same, in the same order for
    each agent, and any two that conflict come in the same order. Attempts that only had to wait
    for a lock, or were a pause, are left out.
    """
    return order_of(touches(trace))


def order_of(seen: Seen) -> str:
    """The same, where it is known what each step touched."""
    done = [(step, touched) for step, touched in seen if not step.waits]
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
    return contended_in(touches(trace))


def contended_in(seen: Seen) -> frozenset[str]:
    """The same, where it is known what each step touched."""
    users = _users(seen)
    return frozenset(
        touch.path
        for step, touched in seen
        for touch in touched
        if touch.path and _is_contended(step.agent, touch, users)
    )


def is_contended(trace: Sequence[Step]) -> bool:
    """Whether two agents touched the same thing and one of them changed it."""
    return bool(contended_paths(trace))


Moment = dict[str, int]
"""How many steps of each agent come before something, and it among its own."""


def moments(seen: Seen) -> Iterator[Moment]:
    """For each step how many of each agent happened before it: vector clocks.

    After Mattern, "Virtual Time and Global States of Distributed Systems" (1989), where messages
    are replaced by touches of the same thing that conflict.
    """
    agents: dict[str, Moment] = {}
    latest: dict[
        tuple[Aspect, str], dict[Way, Moment]
    ] = {}  # what came before, for each way to touch
    for step, touched in seen:
        moment = dict(agents.get(step.agent, {}))
        moment[step.agent] = moment.get(step.agent, 0) + 1
        for touch in touched:
            for way, before in latest.get(touch.thing, {}).items():
                if ways_conflict(way, touch.way):
                    _join(moment, before)
        agents[step.agent] = moment
        for touch in touched:
            _join(latest.setdefault(touch.thing, {}).setdefault(touch.way, {}), moment)
        yield moment


def _join(moment: Moment, other: Moment) -> None:
    for agent, steps in other.items():
        moment[agent] = max(moment.get(agent, 0), steps)


def _touches(step: Step, files: Identities) -> Iterator[Touch]:
    """What a step touches if its effect is not refused."""
    effect = step.effect
    for path in effect.paths:
        if effect.kind in _THROUGH_DESCRIPTORS:
            for file in files.opened(step.agent, path):
                yield _touch_of_file(effect, file, path)
        else:
            yield from _touches_of_name(step, path, files)


def _touch_of_file(effect: Effect, file: str, path: str) -> Touch:
    if effect.kind in _LOCKING and "unlock" not in (effect.kind, effect.detail):
        return Touch("lock", file, "changes", path)
    if effect.kind in _LOCKING | _CLOSING:  # if there is a lock and it was held
        return Touch("lock", file, "lets go", path)
    return Touch("file", file, "changes" if effect.changes else "looks", path)


def _touches_of_name(step: Step, path: str, files: Identities) -> Iterator[Touch]:
    kind = step.effect.kind
    names = kind in _NAMING or (kind == "open" and step.made)
    yield Touch("name", path, "changes" if names else "looks", path)
    *above, _ = path.split("/")
    for depth in range(1, len(above) + 1):
        yield Touch("name", "/".join(above[:depth]), "looks")
    if names and path != ".":
        parent = "/".join(above) or "."
        yield Touch("names", parent, "changes", parent)
    if kind in _LISTING:
        yield Touch("names", path, "looks", path)
    changes = _truncates(step.effect) if kind == "open" else step.effect.changes
    if kind in _NAMING:
        yield Touch("links", files.named(path), "changes", path)
    elif changes or kind == "stat":
        opened = files.opened(step.agent, path) if kind in _ANY_WAY else ()
        for file in {*opened, files.named(path)}:
            yield Touch("file", file, "changes" if changes else "looks", path)
            if kind == "stat":
                yield Touch("links", file, "looks", path)


def _truncates(effect: Effect) -> bool:
    """Whether an open empties a file that is there; its detail is a mode, or words for flags."""
    mode, *words = effect.detail.split()
    return effect.changes and ("truncate" in words or (not words and mode[0] == "w"))


Users = dict[tuple[Aspect, str], dict[Way, set[str]]]


def _users(seen: Seen) -> Users:
    """Of each thing the agents that touched it, by the way."""
    users: Users = {}
    for step, touched in seen:
        for touch in touched:
            users.setdefault(touch.thing, {}).setdefault(touch.way, set()).add(step.agent)
    return users


def _is_contended(agent: str, touch: Touch, users: Users) -> bool:
    """Whether another agent touches the same thing in a way that conflicts."""
    return any(
        ways_conflict(way, touch.way) and bool(by - {agent})
        for way, by in users[touch.thing].items()
    )
