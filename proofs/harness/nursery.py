"""A warm interpreter that forks workers: ``python -m proofs.harness.nursery FD BOARD``.

It has imported the board and opened the doors, so that a worker is there within milliseconds. It
forks one for each socket that it is sent, tells how each one ended when asked, and ends by itself
once the other end of its own socket is closed.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
import sys
import threading

from proofs.harness.wire import Connection
from proofs.harness.worker import LoadedBoard, serve

NUMBER = struct.Struct("!q")
"""A message: the number of a process to reap, or an exit code; with a socket for a new worker."""

NOBODY = -1
"""No process: with a socket a worker is asked for; as an answer none can be forked."""


def can_pass_sockets() -> bool:
    """Whether this system can hand an open socket to another process, and fork at all."""
    return hasattr(socket, "send_fds") and hasattr(os, "fork")


def can_fork() -> bool:
    """Whether there is but one thread: of any other a child has only what it left half done."""
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:
        threads = threading.active_count()
    return threads == 1


def main(descriptor: int, board: str) -> None:
    """Fork and reap, as told, until nobody tells any more; in a child, serve."""
    boards = LoadedBoard()
    boards.load(board)
    gc.freeze()  # so that collections in children leave alone, and do not copy, what is shared
    with socket.socket(fileno=descriptor) as ours:
        child = _nurse(ours)
    if child is not None:
        os.setpgid(0, 0)
        serve(Connection(child), boards)


def _nurse(ours: socket.socket) -> socket.socket | None:
    """In a child, the socket that it is to serve; None once there is nothing to do any more."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(ours, NUMBER.size, 1)
        if not data:
            return None
        if not descriptors:
            _, status = os.waitpid(NUMBER.unpack(data)[0], 0)
            ours.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
            continue
        theirs = socket.socket(fileno=descriptors[0])
        pid = os.fork() if can_fork() else NOBODY
        if pid == 0:
            return theirs
        theirs.close()
        ours.sendall(NUMBER.pack(pid))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
