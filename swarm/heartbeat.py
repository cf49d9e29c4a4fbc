"""Renews a claim while its holder works, and tells when the claim is lost."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from swarm.task_board import TaskBoard

_log = logging.getLogger(__name__)


class Heartbeat:
    """A thread that renews one claim at a third of its lease, from enter to exit.

    ``lost`` is set as soon as a renewal is refused: the claim is another's then, and what its
    former holder does is in vain. A renewal that raises, as for a full disk, is tried again.
    """

    def __init__(self, board: TaskBoard, task_id: str, token: int, lease_seconds: float) -> None:
        self.lost = threading.Event()
        self._board = board
        self._task_id = task_id
        self._token = token
        self._pause_seconds = min(lease_seconds / 3, threading.TIMEOUT_MAX)
        self._done = threading.Event()
        name = f"heartbeat of {task_id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._pause_seconds):
            if not self._renew():
                self.lost.set()
                return

    def _renew(self) -> bool:
        try:
            return self._board.renew(self._task_id, token=self._token)
        except Exception:
            _log.warning("could not renew %r; trying again", self._task_id, exc_info=True)
            return True
