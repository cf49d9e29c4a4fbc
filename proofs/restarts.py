"""What becomes of the machine in a crash, as our own board sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import swarm.boot
from strategies.crashes import Model


@contextmanager
def restarted(model: Model, times: int) -> Iterator[None]:
    """After a loss of power the machine has another boot id, each time another one.

    In K only the processes died.
    """
    if model == "K":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swarm.boot, "_of_linux", lambda: f"after power loss {times}")
        swarm.boot.boot_id.cache_clear()
        try:
            yield
        finally:
            swarm.boot.boot_id.cache_clear()
