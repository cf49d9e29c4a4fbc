"""Many results made into one: the four ways that the coordinator knows.

Every way answers None for no results at all, changes no result, and answers a copy that shares
nothing with them. A result may be any JSON value; each way says what it does with one that is
not an object.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

__all__ = [
    "STRATEGIES",
    "BestScoreStrategy",
    "FirstResultStrategy",
    "MajorityVoteStrategy",
    "MergeAllStrategy",
    "ReductionStrategy",
    "get_strategy",
    "reduce_results",
]


@runtime_checkable
class ReductionStrategy(Protocol):
    """Anything that makes many results into one."""

    def reduce(self, results: Sequence[Any]) -> Any:
        """One result for all of ``results``, or None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class FirstResultStrategy:
    """The first result, whatever it is."""

    def reduce(self, results: Sequence[Any]) -> Any:
        """A copy of the first result, or None."""
        return copy.deepcopy(results[0]) if results else None


@dataclass(frozen=True, slots=True)
class BestScoreStrategy:
    """The result with the highest number under ``score_key``; the first of them wins a tie.

    What is not a number (a string, null, true, NaN) counts as no score, and no score counts as 0.
    Results that are not objects are passed over unless there are no others.
    """

    score_key: str = "score"

    def reduce(self, results: Sequence[Any]) -> Any:
        """A copy of the best result, or None."""
        candidates = _objects(results) or list(results)
        return copy.deepcopy(max(candidates, key=self._score)) if candidates else None

    def _score(self, result: Any) -> float:
        score = result.get(self.score_key, 0) if isinstance(result, dict) else 0
        return score if _is_number(score) else 0


@dataclass(frozen=True, slots=True)
class MergeAllStrategy:
    """For each key, in the order first seen, the list of what all results hold under it.

    Lists are joined, other values appended, in the order of the results. Results that are not
    objects are passed over; None where none is an object.
    """

    def reduce(self, results: Sequence[Any]) -> dict[str, list[Any]] | None:
        """The merged lists, all of them new, or None."""
        objects = _objects(results)
        merged: dict[str, list[Any]] = {}
        for result in copy.deepcopy(objects):
            for key, value in result.items():
                merged.setdefault(key, []).extend(value if isinstance(value, list) else [value])
        return merged if objects else None


@dataclass(frozen=True, slots=True)
class MajorityVoteStrategy:
    """The first result that holds the most common value under ``vote_key``.

    The value seen first wins a tie. Results without the key, or that are not objects, do not
    vote; without any vote it is the first result. Votes are the same where they are the same JSON
    value: 1 and 1.0 are, 1 and true are not, the order of an object's keys does not matter.
    """

    vote_key: str = "decision"

    def reduce(self, results: Sequence[Any]) -> Any:
        """A copy of the first result with the winning vote, or None."""
        voters = [result for result in _objects(results) if self.vote_key in result]
        if not voters:
            return FirstResultStrategy().reduce(results)
        ballots = [_ballot(voter[self.vote_key]) for voter in voters]
        winner, _ = Counter(ballots).most_common(1)[0]  # in the order first seen among equals
        return copy.deepcopy(voters[ballots.index(winner)])


STRATEGIES: Final[dict[str, Callable[..., ReductionStrategy]]] = {
    "first": FirstResultStrategy,
    "best_score": BestScoreStrategy,
    "merge_all": MergeAllStrategy,
    "majority_vote": MajorityVoteStrategy,
}


def get_strategy(name: str, **kwargs: Any) -> ReductionStrategy:
    """The strategy of that name, made with ``kwargs``; an unknown name gives ``first``.

    The ``kwargs`` of an unknown name are ignored, since nobody can say what they mean; those that
    a known one does not take raise TypeError.
    """
    make = STRATEGIES.get(name)
    return FirstResultStrategy() if make is None else make(**kwargs)


def reduce_results(results: Sequence[Any], strategy: str = "first", **kwargs: Any) -> Any:
    """One result for all of ``results`` by the named strategy; None where there is none."""
    return get_strategy(strategy, **kwargs).reduce(results)


def _objects(results: Sequence[Any]) -> list[dict[str, Any]]:
    return [result for result in results if isinstance(result, dict)]


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return not (isinstance(value, float) and math.isnan(value))


def _ballot(vote: Any) -> Hashable:
    """What stands for a vote in the count: equal exactly where the JSON values are the same."""
    if isinstance(vote, dict):
        return "object", frozenset((key, _ballot(value)) for key, value in vote.items())
    if isinstance(vote, (list, tuple)):
        return "array", tuple(_ballot(item) for item in vote)
    if isinstance(vote, bool):
        return "boolean", vote  # or true would be the vote 1
    return vote if isinstance(vote, Hashable) else repr(vote)
