"""Crashes: when all agents are gone, and which of their changes are lost, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast

from strategies import reading
from strategies.faults import nth

__all__ = ["MODELS", "Crash", "Lost", "Model"]

Model = Literal["K", "E", "W", "S"]
MODELS: Final[tuple[Model, ...]] = ("K", "E", "W", "S")
"""What may be lost, from little to much; each allows what those before it do."""

AT_THE_END: Final = "at the end"
LOST_MAX: Final = 1_000
"""So many changes may be lost in a file."""


class Lost(NamedTuple):
    """What is not there afterwards of what an effect did: the ``occurrence``-th of this label of
    this agent.

    ``what`` is "name", of a rename by halves "name" and which one, or "data": these and all later
    data of the file as they were before, or "data cut" after the first half, "data mixed" of their
    first half and the older second one, "data zero".
    """

    agent: str
    label: str
    occurrence: int
    what: str

    def __str__(self) -> str:
        """As a person is told."""
        return f"{self.what} of the {nth(self.occurrence)} {self.label!r} of {self.agent}"


@dataclass(frozen=True, slots=True)
class Crash:
    """All agents are gone before the effect ``before``, given by agent, label and occurrence, or
    at the end; ``model`` allows what was ``lost``.
    """

    model: Model
    before: tuple[str, str, int] | None = None
    lost: tuple[Lost, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON, to be read like the turns of an interleaving."""
        when: Any = AT_THE_END
        if self.before is not None:
            agent, label, occurrence = self.before
            when = [agent, "before", label, occurrence]
        return {"model": self.model, "when": when, "lost": [list(one) for one in self.lost]}

    @staticmethod
    def from_json(fields: object) -> Crash:
        """The inverse of ``to_json``. Raises ValueError for what is not known."""
        given = reading.members(fields, "a crash", ["model", "when", "lost"])
        lost = map(_lost_from_json, reading.items(given["lost"], "lost", LOST_MAX))
        model = cast(Model, reading.one_of(given["model"], "model", MODELS))
        return Crash(model, _when_from_json(given["when"]), tuple(lost))


def _when_from_json(when: object) -> tuple[str, str, int] | None:
    if when == AT_THE_END:
        return None
    if not isinstance(when, list | tuple) or len(when) != 4 or when[1] != "before":
        reading.refuse("when", f"be {AT_THE_END!r} or [agent, 'before', label, n]", when)
    return _effect(when[0], when[2], when[3])


def _lost_from_json(fields: object) -> Lost:
    if not isinstance(fields, list | tuple) or len(fields) != 4:
        reading.refuse("lost", "be of [agent, label, n, what]", fields)
    what = reading.text(fields[3], "what is lost", 1000)
    return Lost(*_effect(fields[0], fields[1], fields[2]), what)


def _effect(agent: object, label: object, occurrence: object) -> tuple[str, str, int]:
    return (
        reading.text(agent, "the agent of an effect"),
        reading.text(label, "the label of an effect"),
        reading.whole(occurrence, "occurrence", least=1),
    )
