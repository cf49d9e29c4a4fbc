"""Examples that Hypothesis draws by one seed: each as it comes, none kept and none made smaller.

For what is minimised on its trace, or only looked at. A property whose examples are to shrink is a
plain ``given``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")


def each_drawn(
    strategy: st.SearchStrategy[T], do: Callable[[T], object], *, by: int, examples: int
) -> None:
    """Do this with so many examples, the same ones for one seed; raises what it raises first."""

    @seed(by)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def drawn(example: T) -> None:
        do(example)

    drawn()
