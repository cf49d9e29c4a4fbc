"""``report.html``: one file that needs nothing else, from what is in ``report.json`` and more.

Whatever comes from boards is data to the page: it stands in an element that no browser runs, and
the page makes text of it, never markup. The policy in its head names the one script and the one
style that may apply, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from string import Template
from typing import Any, Final

from proofs.report.json_text import json_in_a_page

SCRIPTS: Final = (
    *("page.js", "run.js", "lanes.js", "files.js", "effects.js"),
    *("viewer.js", "counterexamples.js"),
)
"""Parts of one script, in this order: the last one draws the page."""


def page(report: dict[str, Any], counterexamples: list[dict[str, Any]]) -> str:
    """The whole page."""
    style, script = _part("page.css"), "".join(_part(name) for name in SCRIPTS)
    return Template(_part("page.html")).substitute(
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        data=json_in_a_page({**report, "counterexamples": counterexamples}),
    )


def _part(name: str) -> str:
    return files("proofs.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a content security policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
