"""Every proof runs under one of our Hypothesis profiles; ``--hypothesis-profile`` names another.

Loaded here, at import, because Hypothesis reads the profile when a test module is imported, and
because its own plugin, which obeys the option, comes later and so has the last word.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from proofs.profiles import load_usual_profile

load_usual_profile()


@pytest.hookimpl(tryfirst=True)  # of those that come first, the last registered does: before xdist
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A folder of proofs runs on all cores, as with ``-n auto``; ``-n 0``: in one process.

    Not where somebody wants to see what happens as it does, nor for a test or a file by its name.
    """
    if not config.pluginmanager.hasplugin("xdist"):
        return
    option = config.option
    is_plain = option.numprocesses is None and option.dist == "no" and not option.tx
    is_spread = hasattr(config, "workerinput")  # a process that xdist started
    is_looked_at = option.usepdb or option.trace or option.capture == "no" or option.collectonly
    is_whole = all(os.path.isdir(argument) for argument in config.args)
    if is_whole and is_plain and not is_spread and not is_looked_at:
        option.numprocesses, option.dist = "auto", "worksteal"


def pytest_collection_finish() -> None:
    """No search for garbage looks at modules and tests again: a third of a million objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def concludes(request: pytest.FixtureRequest) -> object:
    """To be called with what a test showed, see ``proofs.proving.Concludes``."""
    from proofs.proving import tell

    return partial(tell, request.node)


@pytest.fixture
def doors() -> Iterator[None]:
    """Every effect of an agent is seen while one test runs."""
    from proofs.harness.interception import interception

    with interception():
        yield


@pytest.fixture(scope="module")
def open_doors() -> Iterator[None]:
    """As ``doors``, for a module: Hypothesis refuses a fixture of one test where it draws many."""
    from proofs.harness.interception import interception

    with interception():
        yield


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Where syncs cost nothing, if there is such a place."""
    from proofs.power_loss import fast_directory

    with TemporaryDirectory(dir=fast_directory(tmp_path)) as folder:
        yield Path(folder)


@pytest.fixture
def proving(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """What a proof of any board stands on, see ``proofs.proving``."""
    from proofs.proving import Proving

    return Proving(request, tmp_path)
