"""Boards as somebody may write them in an hour, right and wrong ones, in files of their own."""

from __future__ import annotations

from pathlib import Path

SMALL = """
import contextlib, fcntl, json, os
import filelock
from beside_small import ids

class Board:
    '''As little as can be proved: tasks in order of their names, under one lock.'''

    promises = {"order": "any", "attempts_max": None, "lease_seconds": None}

    def __init__(self, storage_path):
        self.path = storage_path

    def post(self, task):
        with self.held():
            if os.path.exists(f"{self.path}/{task.task_id}.json"):
                raise FileExistsError(task.task_id)
            self.write(task.task_id, None)

    @contextlib.contextmanager
    def held(self):
        with open(f"{self.path}/.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def claim_next(self, agent_id):
        with self.held():
            for task_id in ids(self.path):
                if self.free(task_id):
                    self.write(task_id, agent_id)
                    return task_id
        return None

    def free(self, task_id):
        with open(f"{self.path}/{task_id}.json", "rb") as file:
            try:
                return json.load(file)["by"] is None
            except (ValueError, KeyError, TypeError, RecursionError):
                return self.damaged()

    def damaged(self):
        return False

    def write(self, task_id, agent_id):
        with open(f"{self.path}/{task_id}.tmp", "w") as file:
            json.dump({"by": agent_id}, file)
        os.replace(f"{self.path}/{task_id}.tmp", f"{self.path}/{task_id}.json")


class Racy(Board):
    def claim_next(self, agent_id):
        for task_id in ids(self.path):
            if self.free(task_id):
                self.write(task_id, agent_id)
                return task_id


class Awaited(Board):
    async def post(self, task):
        super().post(task)

    async def claim_next(self, agent_id):
        return super().claim_next(agent_id)


class Torn(Board):
    def damaged(self):
        raise

    def write(self, name, by):
        with open(f"{self.path}/{name}.json", "w") as file:
            file.write(json.dumps({"by": by}))

    def get_pending(self):
        return [task_id for task_id in ids(self.path) if self.free(task_id)]


class Unopened(Board):
    def __init__(self, storage_path):
        super().__init__(storage_path)
        os.path.exists(f"{self.path}/.new") or os.mkdir(f"{self.path}/.new")
        os.rmdir(f"{self.path}/.new")


class Impatient(Board):
    '''Waits for its lock as it is opened, for a second; a claim may last longer.'''

    def __init__(self, storage_path):
        super().__init__(storage_path)
        self.lock = filelock.FileLock(f"{self.path}/.lock", timeout=1)
        with self.lock:
            pass

    @contextlib.contextmanager
    def held(self):
        with self.lock:
            yield


class ById:
    def __init__(self, storage_path):
        self.path = storage_path

    def post(self, task):
        with open(f"{self.path}/{task.task_id}", "x"):
            return True

    def claim(self, task_id, agent_id):
        try:
            os.rename(f"{self.path}/{task_id}", f"{self.path}/{task_id}.taken")
        except FileNotFoundError:
            return False
        return True


class Silent(Board):
    def claim_next(self, agent_id):
        return 7


class Raises(Board):
    def claim_next(self, agent_id):
        raise RuntimeError("boom")


class Exits(Board):
    def claim_next(self, agent_id):
        raise SystemExit("no work")


class Nothing(Board):
    promises = {"invariants": []}


class Dies(Board):
    def claim_next(self, agent_id):
        os._exit(7)


class Hangs(Board):
    def claim_next(self, agent_id):
        while True:
            pass


class OtherArguments(Board):
    def complete(self, task_id):
        return True


class WithoutThem(OtherArguments):
    complete = None


class Idle(Board):
    def start(self, task_id):
        return False


def no_board(storage_path):
    return object()
"""

BESIDE_IT = """
import os

def ids(path):
    return sorted(name.removesuffix(".json") for name in os.listdir(path) if ".json" in name)
"""


def with_boards(folder: Path) -> Path:
    """Put them into a folder, as somebody has them beside each other."""
    (folder / "boards.py").write_text(SMALL)
    (folder / "ends.py").write_text("from boards import Board\nraise SystemExit(7)\n")
    (folder / "beside_small.py").write_text(BESIDE_IT)
    return folder
