"""Every proof runs under one of our Hypothesis profiles; ``--hypothesis-profile`` names another.

Loaded here, at import, because Hypothesis reads the profile when a test module is imported, and
because its own plugin, which obeys the option, comes later and so has the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from proofs.profiles import load_usual_profile

load_usual_profile()


@pytest.fixture
def concludes(request: pytest.FixtureRequest) -> object:
    """To be called with what a test showed, see ``proofs.proving.Concludes``."""
    from proofs.proving import tell

    return partial(tell, request.node)


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
