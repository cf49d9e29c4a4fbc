"""Files opened by ``open``: every read and write of the raw file under Python's own buffers."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.files import exists, to_write, touch, touch_directories
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import effect_on

_real_open = builtins.open
_raw = io.FileIO


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``open``, under both its names."""
    yield Replacement(builtins, "open", _open)
    yield Replacement(io, "open", _open)


class RawFile(io.FileIO):
    """A raw file whose effects go through the gate of the agent that acts on it."""

    def __init__(
        self, agent: ActingAgent, place: str, path: Any, mode: str, opener: Any, closefd: bool
    ) -> None:
        self._place = place
        if isinstance(path, int):  # what is open already is not opened again
            super().__init__(path, mode, closefd)
            return
        changes = mode[0] in "wxa"

        def act() -> None:
            is_new = changes and not exists(path)
            _raw.__init__(self, path, mode, opener=opener)
            agent.places.opened(self.fileno(), place)
            if is_new:
                agent.made = True
                touch_directories(agent, (path, None))
            if is_new or mode[0] == "w":
                touch(agent, self.fileno())

        try:
            agent.perform(effect_on("open", place, mode, changes), act)
        except BaseException:
            if not self.closed:  # it was opened, and failed all the same
                agent.places.closed(self.fileno())
                _raw.close(self)
            raise

    def readinto(self, buffer: Any) -> int | None:
        return int(self._see("read", lambda: _raw.readinto(self, buffer)))

    def readall(self) -> bytes:
        return bytes(self._see("read", lambda: _raw.readall(self)))

    def read(self, size: int | None = -1) -> bytes:
        return bytes(self._see("read", lambda: _raw.read(self, size)))

    def write(self, data: Any) -> int:
        return int(self._change("write", lambda: _raw.write(self, to_write(data))))

    def truncate(self, size: int | None = None) -> int:
        return int(self._change("truncate", lambda: _raw.truncate(self, size)))

    def close(self) -> None:
        agent = acting.agent
        is_kept = self.closed or not self.closefd
        if is_kept or agent is None or agent.places.name(self.fileno()) is None:
            super().close()
            return

        def act() -> None:
            agent.places.closed(self.fileno())
            _raw.close(self)

        agent.perform(effect_on("close", self._place, "", True), act)

    def _see(self, kind: str, act: Callable[[], Any]) -> Any:
        agent = acting.agent
        return act() if agent is None else agent.perform(effect_on(kind, self._place), act)

    def _change(self, kind: str, act: Callable[[], Any]) -> Any:
        agent = acting.agent
        if agent is None:
            return act()

        def act_and_touch() -> Any:
            result = act()
            touch(agent, self.fileno())
            return result

        return agent.perform(effect_on(kind, self._place, "", True), act_and_touch)


def _open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """As the built-in ``open``, whose buffers and text layer stand on the raw file unchanged."""
    agent = acting.agent
    place = agent.places.name(file) if agent is not None else None
    if agent is None or place is None:
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = RawFile(agent, place, file, mode.replace("t", "").replace("b", ""), opener, closefd)
    if buffering == 0:
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
    buffer: Any
    if "+" in mode:
        buffer = io.BufferedRandom(raw, size)
    elif mode[0] == "r":
        buffer = io.BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size)
    if "b" in mode:
        return buffer
    text = io.TextIOWrapper(buffer, encoding, errors, newline, buffering == 1)
    text.mode = mode  # type: ignore[misc]
    return text
