"""Runs a program: fed, listened to, and stopped with all that it started when need be."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

from swarm.command.signals import Signals

TICK_SECONDS: Final = 0.25
"""How often to look whether the program should still run."""
_CHUNK_BYTES: Final = 1 << 16
_PIPE_CHUNKS_MAX: Final = 17  # a pipe holds a megabyte at the most
_TAIL_BYTES: Final = 4000


class Child:
    """One program in a process group of its own; ``run`` it once.

    ``output`` is what it wrote to standard output, at most ``output_bytes_max`` of it: one that
    writes more is stopped. What it writes to standard error is passed on, and the end of it is
    kept in ``errors``. ``stopped_for`` says why it was told to end, None if it was not.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        given: bytes,
        output_bytes_max: int,
        grace_seconds: float,
    ) -> None:
        self.output = bytearray()
        self.errors = bytearray()
        self.stopped_for: str | None = None
        self._given = memoryview(given)
        self._output_bytes_max = output_bytes_max
        self._grace_seconds = grace_seconds
        self._kill_at: float | None = None
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            bufsize=0,
            process_group=0,
        )

    def run(self, signals: Signals, is_wanted: Callable[[], bool]) -> int:
        """Wait until it has ended; its status, negative for the signal that killed it.

        A signal to us is passed on and stops it; so does ``is_wanted`` when it says no.
        """
        process = self._process
        with selectors.DefaultSelector() as selector:
            selector.register(signals, selectors.EVENT_READ, signals.take)
            self._register(selector, process.stdin, selectors.EVENT_WRITE, self._feed)
            self._register(selector, process.stdout, selectors.EVENT_READ, self._hear)
            self._register(selector, process.stderr, selectors.EVENT_READ, self._relay)
            passed_on = 0
            while process.poll() is None:
                for key, _ in selector.select(TICK_SECONDS):
                    key.data()
                for number in signals.received[passed_on:]:
                    self.stop("a signal", number, at_once=passed_on > 0)
                    passed_on += 1
                if self.stopped_for is None and not is_wanted():
                    self.stop("the lease was lost")
                self._kill_if_due()
            self._hear_the_rest()
        self._close()
        return process.returncode

    def stop(self, reason: str, number: int = signal.SIGTERM, *, at_once: bool = False) -> None:
        """Ask it to end, and all that it started; kill them when its grace is over."""
        if self.stopped_for is None:
            self.stopped_for = reason
            self._kill_at = time.monotonic() + self._grace_seconds
        self._signal(signal.SIGKILL if at_once else number)

    def end(self) -> None:
        """Whatever happened to us, it runs no more."""
        if self._process.poll() is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._close()

    def _register(
        self,
        selector: selectors.BaseSelector,
        pipe: IO[bytes] | None,
        event: int,
        act: Callable[[int], None],
    ) -> None:
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)

        def act_or_leave() -> None:
            try:
                act(pipe.fileno())
            except BlockingIOError:
                pass
            except (EOFError, BrokenPipeError):
                selector.unregister(pipe)
                pipe.close()

        selector.register(pipe, event, act_or_leave)

    def _feed(self, descriptor: int) -> None:
        if not self._given:
            raise EOFError
        self._given = self._given[os.write(descriptor, self._given[:_CHUNK_BYTES]) :]

    def _hear(self, descriptor: int) -> None:
        self.output += _read(descriptor)
        if len(self.output) > self._output_bytes_max:
            del self.output[self._output_bytes_max :]
            if self.stopped_for is None:
                self.stop(f"its output has more than {self._output_bytes_max} bytes")

    def _relay(self, descriptor: int) -> None:
        data = _read(descriptor)
        self.errors += data
        del self.errors[:-_TAIL_BYTES]
        with suppress(OSError):  # nobody reads ours: the program is not to blame
            os.write(2, data)

    def _hear_the_rest(self) -> None:
        """What is in the pipes. Not until they end: what it left running may keep them open."""
        for pipe, act in ((self._process.stdout, self._hear), (self._process.stderr, self._relay)):
            with suppress(EOFError, BlockingIOError):
                for _ in range(_PIPE_CHUNKS_MAX):
                    if pipe is not None and not pipe.closed:
                        act(pipe.fileno())

    def _kill_if_due(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies only
            os.killpg(self._process.pid, number)

    def _close(self) -> None:
        if self.stopped_for is not None:
            self._signal(signal.SIGKILL)  # what it started and did not take with it
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()


def _read(descriptor: int) -> bytes:
    """What is there now; EOFError at the end, BlockingIOError if there is nothing yet."""
    data = os.read(descriptor, _CHUNK_BYTES)
    if not data:
        raise EOFError
    return data
