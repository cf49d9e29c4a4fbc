"""Files opened by ``open``: every read and write of the raw file under Python's own buffers."""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterator
from typing import Any

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.files import exists, touch, touch_directory
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect

_real_open = builtins.open


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``open``, under both its names."""
    yield Replacement(builtins, "open", _open)
    yield Replacement(io, "open", _open)


class RawFile(io.FileIO):
    """A raw file whose effects go through the gate of the agent that acts on it."""

    def __init__(
        self, agent: ActingAgent, path: Any, mode: str, opener: Any, closefd: bool = True
    ) -> None:
        self._place = agent.places.name(path) or ""
        if isinstance(path, int):  # what is open already is not opened again
            super().__init__(path, mode, closefd)
            return
        changes = mode[0] in "wxa"

        def act() -> None:
            is_new = changes and not exists(path)
            super(RawFile, self).__init__(path, mode, opener=opener)
            agent.places.opened(self.fileno(), self._place)
            if is_new:
                agent.made = True
                touch_directory(agent, path)
            if is_new or mode[0] == "w":
                touch(agent, self.fileno())

        agent.perform(Effect("open", (self._place,), mode.replace("b", ""), changes=changes), act)

    def readinto(self, buffer: Any) -> int | None:
        return int(self._perform("read", lambda: super(RawFile, self).readinto(buffer)))

    def readall(self) -> bytes:
        data = self._perform("read", lambda: super(RawFile, self).readall())
        return bytes(data)

    def read(self, size: int | None = -1) -> bytes:
        data = self._perform("read", lambda: super(RawFile, self).read(size))
        return bytes(data)

    def write(self, data: Any) -> int:
        return int(self._perform("write", lambda: super(RawFile, self).write(data), changes=True))

    def truncate(self, size: int | None = None) -> int:
        cut = self._perform("truncate", lambda: super(RawFile, self).truncate(size), changes=True)
        return int(cut)

    def close(self) -> None:
        agent = acting.agent
        is_kept = self.closed or not self.closefd
        if is_kept or agent is None or agent.places.name(self.fileno()) is None:
            super().close()
            return

        def act() -> None:
            agent.places.closed(self.fileno())
            super(RawFile, self).close()

        agent.perform(Effect("close", (self._place,), changes=True), act)

    def _perform(self, kind: str, act: Any, *, changes: bool = False) -> Any:
        agent = acting.agent
        if agent is None:
            return act()

        def act_and_touch() -> Any:
            result = act()
            if changes:
                touch(agent, self.fileno())
            return result

        return agent.perform(Effect(kind, (self._place,), changes=changes), act_and_touch)


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
    if agent is None or agent.places.name(file) is None:
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = RawFile(agent, file, mode.replace("t", "").replace("b", ""), opener, closefd)
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
