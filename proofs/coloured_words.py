"""What a proof says, as a terminal shows it: coloured where it has colours, and harmless."""

from __future__ import annotations

import re
from typing import Any, Final

from proofs.harness.columns import printable

_MARKED: Final = (
    (r"~~ stopped before .*?(?=\s{2,}|$)", {"yellow": True}),
    (r"## .*", {"red": True, "bold": True}),
    (r"\(.*fault .*?\)|SIG(?:KILL|TERM|STOP)\b.*", {"purple": True}),
    (r"(?<=\S ) ?! \w+(?:Error)?", {"red": True}),
    (r"(?<=\s)-> .*?(?=\s{2,}|$)", {"green": True}),
    (r"[┆⋮]", {"light": True}),
    (r"^ *\d+(?=   |  ┆)", {"light": True}),
    (r"^(?:Replay|Report|Keep):", {"bold": True}),
    (r"^\S+ violated by .*", {"red": True, "bold": True}),
)
_PATTERN: Final = re.compile("|".join(f"({pattern})" for pattern, _ in _MARKED))


class ColouredWords:
    """In place of what pytest shows of a failure; to whoever asks for text it is that text.

    Whether there are colours is up to pytest: ``--color``, ``NO_COLOR``, and what a terminal is.
    """

    def __init__(self, shown: Any) -> None:
        self._text = printable(str(shown))
        self.reprcrash = getattr(shown, "reprcrash", None)

    def __str__(self) -> str:
        return self._text

    def toterminal(self, terminal: Any) -> None:
        """As pytest asks for it."""
        for line in self._text.splitlines():
            terminal.line(coloured(line, terminal) if terminal.hasmarkup else line)


def coloured(line: str, terminal: Any) -> str:
    """The line with the marks of this terminal; without them it is the same."""

    def mark(match: re.Match[str]) -> str:
        marks = _MARKED[(match.lastindex or 1) - 1][1]
        return str(terminal.markup(match[0], **marks))

    return _PATTERN.sub(mark, line)
