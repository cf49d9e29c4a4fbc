"""JSON as text that any reader takes: for a file, and within a page."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_IN_A_PAGE: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def json_text(value: Any, indent: int | None = None) -> str:
    """Valid JSON that can be encoded: what is no number is null, half a character is escaped."""
    separators = None if indent is not None else (",", ":")
    text = json.dumps(_finite(value), ensure_ascii=False, indent=indent, separators=separators)
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def json_in_a_page(value: Any) -> str:
    """The same without any character that could end the element that it stands in.

    These stand in strings only, where an escape means the same.
    """
    return json_text(value).translate(_IN_A_PAGE)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
