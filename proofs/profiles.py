"""The Hypothesis profiles of the proofs. Importing this module registers them and loads none.

- ``proofs-dev``: while one works. What failed before runs first, from the database.
- ``proofs-ci``: the same examples on every machine and in every run.
- ``proofs-fuzz``: the deep versions of the proofs, under a fresh seed or a given one. The turns of
  ``python -m proofs fuzz`` start from it and set phases and numbers of their own.
- ``proofs-replay``: only what the database holds; where it holds nothing, nothing is shown.

None has a deadline: real files on a busy disk say nothing about the board by being slow. The
database, ``.proofs/examples`` under the directory where the command started, is a cache only and
can be deleted at any moment.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

__all__ = ["load_usual_profile"]

# Absolute, because a proof may change the working directory while it runs.
_DATABASE = DirectoryBasedExampleDatabase(Path(".proofs", "examples").absolute())

# Named as the parent, or each would inherit from whatever profile is loaded at this moment, which
# in CI is Hypothesis' own.
_PLAIN = settings.get_profile("default")

settings.register_profile(
    "proofs-dev", _PLAIN, max_examples=30, deadline=None, database=_DATABASE, print_blob=True
)
settings.register_profile(
    "proofs-ci",
    _PLAIN,
    max_examples=30,  # what two cores do in two minutes, all proofs together
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=True,
)
settings.register_profile(
    "proofs-fuzz",
    _PLAIN,
    max_examples=500,  # where a proof has no deep number of its own; the machine takes minutes
    deadline=None,
    database=None,  # or the same seed would run other examples after a failure was kept
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    print_blob=True,
)
settings.register_profile(
    "proofs-replay",
    _PLAIN,
    deadline=None,
    database=_DATABASE,
    phases=(Phase.explicit, Phase.reuse),
    print_blob=True,
)


def load_usual_profile() -> None:
    """Load ``proofs-ci`` where Hypothesis sees that this is CI, else ``proofs-dev``.

    A profile that somebody chose already stays.
    """
    usual = {"default": "proofs-dev", "ci": "proofs-ci"}
    current = settings.get_current_profile_name()
    if current in usual:
        settings.load_profile(usual[current])
