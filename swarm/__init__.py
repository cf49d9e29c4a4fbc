"""A file-backed task board for agents in threads and processes. See docs/board.md."""

from swarm.errors import (
    CorruptTaskError,
    DuplicateTaskError,
    InvalidTaskError,
    LeaseLostError,
    LockTimeoutError,
    NetworkFileSystemWarning,
    NewerFormatError,
    ReadOnlyBoardError,
    StorageMissingError,
    SwarmError,
    TokensUsedUpError,
    UnsafeStorageError,
    UnsupportedPlatformError,
)
from swarm.quarantine import QuarantinedFile
from swarm.reduction import STRATEGIES, ReductionStrategy, get_strategy, reduce_results
from swarm.swarm_agent import SwarmAgent
from swarm.swarm_coordinator import SwarmCoordinator
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard

__all__ = [
    "STRATEGIES",
    "CorruptTaskError",
    "DuplicateTaskError",
    "InvalidTaskError",
    "LeaseLostError",
    "LockTimeoutError",
    "NetworkFileSystemWarning",
    "NewerFormatError",
    "QuarantinedFile",
    "ReadOnlyBoardError",
    "ReductionStrategy",
    "StorageMissingError",
    "SwarmAgent",
    "SwarmCoordinator",
    "SwarmError",
    "Task",
    "TaskBoard",
    "TaskStatus",
    "TaskType",
    "TokensUsedUpError",
    "UnsafeStorageError",
    "UnsupportedPlatformError",
    "get_strategy",
    "reduce_results",
]
