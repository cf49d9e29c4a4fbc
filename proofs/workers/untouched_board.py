"""A board that writes down what the functions that a board may call are, where it is opened."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Final

from proofs.our_board import TaskBoard

MODULES: Final = (
    *("_thread", "builtins", "datetime", "fcntl", "io", "os", "posix", "random", "select"),
    *("shutil", "signal", "socket", "subprocess", "tempfile", "threading", "time", "uuid"),
)


def functions() -> dict[str, str]:
    """What each name in these modules stands for: of which type, and from where."""
    found = {"profile": str(sys.getprofile()), "trace": str(sys.gettrace())}
    for module in map(importlib.import_module, MODULES):
        for name, value in vars(module).items():
            if callable(value) and not name.startswith("__"):
                origin = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
                found[f"{module.__name__}.{name}"] = f"{type(value).__name__} {origin}"
    return found


class Board(TaskBoard):
    """Ours, with a file for each process in the folder that the environment names."""

    def __init__(self, storage_path: str, lease_seconds: float = 3600.0) -> None:
        folder = Path(os.environ["SWARM_PROOFS_SEEN"])
        (folder / f"{os.getpid()}.new").write_text(json.dumps(functions()))
        (folder / f"{os.getpid()}.new").replace(folder / f"{os.getpid()}.json")
        super().__init__(storage_path, lease_seconds)
