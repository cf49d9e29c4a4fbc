"""The pytest plugin. In a run that asks for nothing of the proofs it does and costs nothing.

It imports neither Hypothesis nor the proofs until one of their options is used, so it can be
installed beside any other test suite.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before Hypothesis' own plugin looks the profile up
def pytest_configure(config: pytest.Config) -> None:
    """Register our profiles where ``--hypothesis-profile`` names one.

    ``proofs/conftest.py`` comes too late for that under ``pytest --pyargs proofs``.
    """
    profile = config.getoption("--hypothesis-profile", None)
    if profile is not None and profile.startswith("proofs-"):
        import proofs.profiles  # noqa: F401
