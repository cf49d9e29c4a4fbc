"""SwarmAgent: claims tasks that it can handle, works on them and reports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from swarm.errors import InvalidTaskError, LeaseLostError
from swarm.heartbeat import Heartbeat
from swarm.task import LEASE_SECONDS_DEFAULT, Task, TaskType
from swarm.task_board import TaskBoard
from swarm.task_file import ERROR_LENGTH_MAX

Handler = Callable[[Task], Any]

_log = logging.getLogger(__name__)


class SwarmAgent:
    """One agent; used by one thread at a time.

    ``capabilities``: the types it can handle, as names or ``TaskType``; the four known ones if
    None. ``handlers``: for a type what turns a task into its result, a JSON value. While a handler
    runs, the claim is renewed at a third of its lease; once it is lost all the same, because the
    agent was stopped for longer than that, ``lease_lost`` says so and nothing is written any more.
    """

    def __init__(
        self,
        agent_id: str,
        task_board: TaskBoard,
        capabilities: Iterable[TaskType | str] | None = None,
        handlers: Mapping[TaskType | str, Handler] | None = None,
    ) -> None:
        self.agent_id = agent_id
        self.task_board = task_board
        if isinstance(capabilities, str):
            capabilities = [capabilities]
        known: Iterable[TaskType | str] = TaskType if capabilities is None else capabilities
        self.capabilities = [str(name) for name in known]
        self.handlers = dict(handlers or {})
        self.current_task: Task | None = None
        self._heartbeat: Heartbeat | None = None
        self._lease_lost = False

    @property
    def lease_lost(self) -> bool:
        """Whether the current, or else the last, task turned out to be no longer this agent's."""
        return self._lease_lost or (self._heartbeat is not None and self._heartbeat.lost.is_set())

    def can_handle(self, task_type: TaskType | str) -> bool:
        """Whether this type is among its capabilities."""
        return task_type in self.capabilities

    def claim_next_task(self) -> Task | None:
        """The next task that it can handle, granted to it; None if there is none."""
        self._lease_lost, self._heartbeat = False, None
        self.current_task = self.task_board.claim_next(self.agent_id, self.capabilities)
        return self.current_task

    def execute_task(self, task: Task) -> Any:
        """Start the task, run its handler with the lease kept up, and return the result.

        Without a handler for its type the result says who processed what. Raises what the handler
        raises, and ``LeaseLostError`` if the task is not this agent's to start.
        """
        board, task_id, token = self.task_board, task.task_id, task.token
        if not (board.start(task_id, token=token) or board.renew(task_id, token=token)):
            raise self._lost(task)  # renewing is for a task that was started already
        handler: Handler = self.handlers.get(task.task_type) or self._default_handler
        lease = LEASE_SECONDS_DEFAULT if task.lease_seconds is None else task.lease_seconds
        with Heartbeat(board, task_id, token, lease) as self._heartbeat:
            try:
                return handler(task)
            finally:
                self._lease_lost = self._heartbeat.lost.is_set()

    def complete_task(self, task: Task, result: Any) -> bool:
        """Report the result; False, and nothing written, if the task is no longer its own."""
        done = self.task_board.complete(task.task_id, result, token=task.token)
        return self._reported(task, done)

    def fail_task(self, task: Task, error: str) -> bool:
        """Report the failure; False if the task is no longer this agent's."""
        done = self.task_board.fail(task.task_id, error, token=task.token)
        return self._reported(task, done)

    def work_cycle(self) -> Task | None:
        """Claim a task, execute it, complete it: the completed task, None if there was none.

        A handler's exception fails the task and is raised again, and so is that of a result that
        is not JSON. What the board raises, such as ``LockTimeoutError``, is raised as it is: the
        task stays claimed, and ``complete_task`` may be tried again. Raises ``LeaseLostError`` if
        the task went to another agent meanwhile.
        """
        task = self.claim_next_task()
        if task is None:
            return None
        try:
            result = self.execute_task(task)
        except LeaseLostError:
            raise
        except Exception as error:
            self.fail_task(task, _words(error))
            raise
        try:
            completed = self.complete_task(task, result)
        except InvalidTaskError as error:  # any other says nothing about the result
            self.fail_task(task, _words(error))
            raise
        if not completed:
            raise self._lost(task)
        return self.task_board.get(task.task_id) or task

    def _reported(self, task: Task, done: bool) -> bool:
        if not done:
            self._lease_lost = True
            _log.warning("%s", self._lost(task))
        if self.current_task is not None and self.current_task.task_id == task.task_id:
            self.current_task = None
        return done

    def _lost(self, task: Task) -> LeaseLostError:
        self._lease_lost = True
        return LeaseLostError(task.task_id, self.agent_id, task.token)

    def _default_handler(self, task: Task) -> dict[str, Any]:
        return {
            "processed_by": self.agent_id,
            "task_type": str(task.task_type),
            "description": task.description,
        }


def _words(error: Exception) -> str:
    """What an exception says, as text that a task can hold, however long or odd it is."""
    try:
        text = str(error)
    except Exception as worse:
        text = f"its words raise {type(worse).__name__}"
    text = f"{type(error).__name__}: {text}".encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= ERROR_LENGTH_MAX else text[: ERROR_LENGTH_MAX - 3] + "..."
