"""Says where a JSON value is not what a schema allows; knows the words that our schemas use.

Of JSON Schema 2020-12: type, const, enum, pattern, minimum, required, properties,
additionalProperties, items, and $ref within the schema. Any other word that restricts raises, so
that nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_TOLD_ONLY: Final = frozenset({"$schema", "$id", "$defs", "title", "description"})
_KNOWN: Final = frozenset(
    {"type", "const", "enum", "pattern", "minimum", "required", "properties", "items", "$ref"}
) | {"additionalProperties"}
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def faults(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value, with where; nothing if it is as it must be."""
    return list(_faults(value, schema, schema, "$"))


def _faults(value: Any, schema: Any, whole: dict[str, Any], at: str) -> Iterator[str]:
    if schema is True:
        return
    unknown = set(schema) - _KNOWN - _TOLD_ONLY
    if unknown:
        raise ValueError(f"a schema must use words that are known here, got {sorted(unknown)}")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from _faults(value, whole["$defs"][name], whole, at)
    yield from _of_scalar(value, schema, at)
    if isinstance(value, dict):
        yield from _of_object(value, schema, whole, at)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _faults(item, schema["items"], whole, f"{at}[{number}]")


def _of_scalar(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(_is_a(value, name) for name in names):
        yield f"{at} must be of type {' or '.join(names)}, got {value!r}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at} must be {schema['const']!r}, got {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} must be one of {schema['enum']}, got {value!r}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} must match {schema['pattern']}, got {value!r}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at} must be at least {schema['minimum']}, got {value!r}"


def _of_object(
    value: dict[str, Any], schema: dict[str, Any], whole: dict[str, Any], at: str
) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at} must have {name}"
    known = schema.get("properties", {})
    for name, item in value.items():
        of_item = known.get(name, schema.get("additionalProperties", True))
        yield from _faults(item, of_item, whole, f"{at}.{name}")


def _is_a(value: Any, name: str) -> bool:
    is_true_or_false = isinstance(value, bool) and name in ("integer", "number")
    return isinstance(value, _TYPES[name]) and not is_true_or_false
