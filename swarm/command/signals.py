"""Signals as things to wait for, so that none ends an operation on the board half-way."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType, TracebackType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """From enter to exit, those that ask the program to end are noted, and wake whoever waits.

    One that was ignored before, as by nohup, stays so. Used in the main thread only.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        """Those that asked for the end, in order."""

    def __enter__(self) -> Signals:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._handlers_before = {
            number: signal.signal(number, self._note)
            for number in _ENDING
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        # Without a handler of Python's the death of a child would wake nobody.
        self._handlers_before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        """Readable once a signal came."""
        return self._reader.fileno()

    def take(self) -> None:
        """From now on only a later signal makes it readable again."""
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            pass

    def wait(self, seconds: float) -> None:
        """Wait so long, or until one asks for the end."""
        if not self.received:
            select.select([self], [], [], seconds)
            self.take()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)


def _ignore(number: int, frame: FrameType | None) -> None:
    pass
