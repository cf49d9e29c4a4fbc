"""What must have been asked of a board before it could have broken a promise."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from proofs.harness.checkers.evidence import CHANGES, ENDS, GRANTS, LISTINGS

_UNDER_A_TOKEN: Final = frozenset({*ENDS, "start", "renew", "release", "retry"})
_NEEDS: Final = {
    **dict.fromkeys(("S0", "S13", "S17", "S18"), frozenset({"claim_next"})),
    **dict.fromkeys(("S1", "S2", "S3", "S4"), frozenset(GRANTS)),
    "S5": _UNDER_A_TOKEN,
    "S6": frozenset(CHANGES),
    "S9": frozenset({"complete"}),
    "S14": frozenset(ENDS),
    "S16": frozenset(LISTINGS),
}


def nobody_asked(invariant: str, asked: Container[str]) -> str | None:
    """Why this invariant could not be broken, by the names of the calls that were made."""
    needs = _NEEDS.get(invariant, frozenset())
    if not needs or any(name in asked for name in needs):
        return None
    return f"nobody asked for {' or '.join(sorted(needs))}"
