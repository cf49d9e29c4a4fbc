"""JSON values: everything that the board accepts as a payload or a result."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from swarm.strict_json import NESTING_MAX

__all__ = ["json_numbers", "json_objects", "json_values", "nested", "texts"]

_INTEGER_MAX = 10**308  # the strict parser takes what a double can hold, up to 309 digits


def texts(*, max_size: int | None = None) -> st.SearchStrategy[str]:
    """Strings that are UTF-8: all of Unicode but lone surrogates, control characters too."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)


def json_numbers() -> st.SearchStrategy[int | float]:
    """Small integers first, then integers of up to 309 digits, then all finite floats."""
    return st.one_of(
        st.integers(-100, 100),
        st.integers(-_INTEGER_MAX, _INTEGER_MAX),
        st.floats(allow_nan=False, allow_infinity=False),
    )


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value that may be a task's result or lie in its payload; shrinks to null.

    Most are small and shallow; a few are nested as deep as a payload's values may be.
    """
    scalars = st.one_of(st.none(), st.booleans(), json_numbers(), texts())
    shallow = st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(texts(), inner, max_size=4)
        ),
        max_leaves=8,
    )
    return st.one_of(shallow, st.builds(nested, st.integers(1, NESTING_MAX - 2), scalars))


def json_objects() -> st.SearchStrategy[dict[str, Any]]:
    """Any JSON object that may be a task's payload; shrinks to the empty one."""
    return st.dictionaries(texts(max_size=20), json_values(), max_size=4)


def nested(depth: int, innermost: object = None) -> object:
    """``innermost`` within ``depth`` lists."""
    value = innermost
    for _ in range(depth):
        value = [value]
    return value
