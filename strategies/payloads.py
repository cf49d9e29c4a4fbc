"""Corrupted payloads: bytes under a task's name that are not that task, each kind by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from strategies.tasks import tasks
from swarm.errors import CorruptTaskError, NewerFormatError
from swarm.task import TOKEN_MAX, Task

__all__ = ["DAMAGES", "CorruptedPayload", "corrupted_payloads", "is_damage"]


@dataclass(frozen=True, slots=True)
class CorruptedPayload:
    """What may be found under the name of task ``task_id``; ``kind`` names the damage."""

    kind: str
    data: bytes
    task_id: str

    def __repr__(self) -> str:
        """On one line, though some damage is long: Hypothesis prints what it found."""
        shown = repr(self.data) if len(self.data) <= 400 else f"<{len(self.data)} bytes>"
        return f"CorruptedPayload({self.kind!r}, {shown}, {self.task_id!r})"


@st.composite
def corrupted_payloads(
    draw: st.DrawFn,
    of: st.SearchStrategy[Task] | None = None,
    kinds: Collection[str] | None = None,
) -> CorruptedPayload:
    """Damage done to the file of a task; shrinks to an empty file of a plain pending task.

    Every one is damage: its bytes must raise ``CorruptTaskError``, or hold a task of another id.
    ``of`` is where the tasks are drawn from, ``kinds`` are some of the names in ``DAMAGES``. A file
    of a later format version is not damage and is not among them.
    """
    task = draw(tasks() if of is None else of)
    kind = draw(st.sampled_from(_kinds_in_order(kinds)))
    return CorruptedPayload(kind, draw(DAMAGES[kind](task)), task.task_id)


def _kinds_in_order(kinds: Collection[str] | None) -> list[str]:
    unknown = sorted(set(kinds or ()) - set(DAMAGES))
    if unknown:
        raise ValueError(f"kinds must be names in DAMAGES, got {unknown}")
    return [kind for kind in DAMAGES if kinds is None or kind in kinds]


def is_damage(data: bytes, task_id: str) -> bool:
    """Whether ``data`` under the name of ``task_id`` is anything but that task."""
    try:
        return Task.from_json(data).task_id != task_id
    except NewerFormatError:
        return False  # a flipped byte can make it one: refused, but kept in its place
    except CorruptTaskError:
        return True


Damage = Callable[[Task], st.SearchStrategy[bytes]]
"""What one kind of damage may make of a task's file.

It is damage by what it does, whatever the decoder says: a decoder that takes it is convicted.
Only flipped bytes are asked of the decoder, for many a flip makes another good task.
"""


# Damage to bytes: what disks, crashes and other programs do.


def _encoded(task: Task) -> bytes:
    return task.to_json().encode("utf-8")


def _becomes(change: Callable[[bytes], bytes]) -> Damage:
    return lambda task: st.just(change(_encoded(task)))


def _cut(task: Task) -> st.SearchStrategy[bytes]:
    data = _encoded(task)
    return st.integers(0, len(data) - 1).map(lambda length: data[:length])


def _flipped(task: Task) -> st.SearchStrategy[bytes]:
    data = _encoded(task)

    def flip(place: int, mask: int) -> bytes:
        return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]

    flips = st.builds(flip, st.integers(0, len(data) - 1), st.integers(1, 255))
    return flips.filter(lambda flipped: is_damage(flipped, task.task_id))


def _zero_tail(task: Task) -> st.SearchStrategy[bytes]:
    """Space that was given to the file and never written, as a crash leaves it."""
    data = _encoded(task)
    kept = st.integers(0, len(data) - 1)
    return kept.map(lambda length: data[:length] + bytes(len(data) - length))


def _inserted(*pieces: bytes) -> Damage:
    def insert(task: Task) -> st.SearchStrategy[bytes]:
        data = _encoded(task)
        return st.builds(
            lambda place, piece: data[:place] + piece + data[place:],
            st.integers(0, len(data)),
            st.sampled_from(pieces),
        )

    return insert


# Damage to text: what people and other writers of JSON do. Each replaces a value whole.


def _with_field(name: str, *texts: str) -> Damage:
    """One field holds one of these texts, which json.dumps would not write."""

    def replace(task: Task) -> st.SearchStrategy[bytes]:
        fields = json.loads(_encoded(task))
        parts = [f"{json.dumps(key)}: {json.dumps(fields[key])}" for key in fields if key != name]
        return st.sampled_from(texts).map(
            lambda text: ("{" + ", ".join([*parts, f'"{name}": {text}']) + "}").encode("utf-8")
        )

    return replace


def _duplicate_key(task: Task) -> st.SearchStrategy[bytes]:
    """One field stands twice, with the same value: which of two counts must never be a question."""
    text = task.to_json()
    return st.sampled_from(list(json.loads(text).items())).map(
        lambda item: f"{text[:-1]}, {json.dumps(item[0])}: {json.dumps(item[1])}}}".encode()
    )


# Damage to fields: JSON that is not a task, or not this one.


def _changed(**values: Any) -> Damage:
    """All these fields hold these values."""
    return lambda task: st.just(
        json.dumps({**json.loads(_encoded(task)), **values}).encode("utf-8")
    )


def _missing_field(task: Task) -> st.SearchStrategy[bytes]:
    fields = json.loads(_encoded(task))
    return st.sampled_from(_REQUIRED).map(
        lambda name: json.dumps({key: fields[key] for key in fields if key != name}).encode("utf-8")
    )


def _wrong_type(task: Task) -> st.SearchStrategy[bytes]:
    fields = json.loads(_encoded(task))
    wrong = [(name, value) for name, values in _WRONG_VALUES.items() for value in values]
    return st.sampled_from(wrong).map(
        lambda pair: json.dumps(fields | dict([pair])).encode("utf-8")
    )


def _other_id(task: Task) -> st.SearchStrategy[bytes]:
    fields, task_id = json.loads(_encoded(task)), task.task_id
    others = st.sampled_from([task_id + "x", task_id[:-1] or "other", task_id.swapcase()])
    return others.filter(lambda other: other != task_id).map(
        lambda other: json.dumps({**fields, "task_id": other}).encode("utf-8")
    )


_REQUIRED: Final = tuple(Task.__dataclass_fields__)[:10]
_WRONG_VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "task_id": (None, 1, "", ["t0"]),
    "task_type": (None, 1, "", ["CODE_ANALYSIS"]),
    "description": (None, 1, ["x"]),
    "status": (None, 1, ["PENDING"], True),
    "priority": (None, "5", 5.0, True, [5], 2**63, -(2**63) - 1),
    "created_at": (None, "0", True, [0], {}),
    "claimed_by": (1, True, ["a0"]),
    "claimed_at": ("0", True, [0]),
    "payload": (None, 1, "{}", []),
    "token": (None, "1", 1.0, True, [1]),
    "attempts": (None, "1", 1.0, True, -1),
    "lease_seconds": ("1", True, 0, -1, -0.5, [1]),
    "format_version": (None, "1", 0, -1, 1.0, True),
}
_LONG: Final = "1" * 5_000
_DEEP: Final = 100_000

DAMAGES: Final[Mapping[str, Damage]] = {
    "empty": _becomes(lambda data: b""),
    "blank": _becomes(lambda data: b" \n"),
    "cut": _cut,
    "flipped byte": _flipped,
    "zero tail": _zero_tail,
    "all zeros": _becomes(lambda data: bytes(len(data))),
    "NUL inside": _inserted(b"\0"),
    "not UTF-8": _inserted(b"\xff", b"\x80", b"\xc3\x28", b"\xc0\xaf", b"\xed\xa0\x80"),
    "glued": _becomes(lambda data: data + data),
    "glued by lines": _becomes(lambda data: data + b"\n" + data),
    "an old tail after it": _becomes(lambda data: data + data[-8:]),
    "text after it": _becomes(lambda data: data + b"}"),
    "BOM": _becomes(lambda data: b"\xef\xbb\xbf" + data),
    "UTF-16": _becomes(lambda data: data.decode().encode("utf-16")),
    "UTF-16 without BOM": _becomes(lambda data: data.decode().encode("utf-16-le")),
    "UTF-32": _becomes(lambda data: data.decode().encode("utf-32")),
    "Python's repr": _becomes(lambda data: repr(json.loads(data)).encode("utf-8")),
    "trailing comma": _becomes(lambda data: data[:-1] + b",}"),
    "comment": _becomes(lambda data: b"// by hand\n" + data),
    "lone surrogate": _with_field("description", r'"\ud800"', r'"\udc00\ud800"', r'"a\uDFFF"'),
    "bad escape": _with_field("description", r'"\x"', r'"\u12"', '"\n"', '"\t"'),
    "duplicate key": _duplicate_key,
    "duplicate key in payload": _with_field("payload", '{"a": 1, "a": 1}', r'{"a":1,"\u0061":2}'),
    "missing field": _missing_field,
    "wrong type": _wrong_type,
    "unknown status": _changed(status="DONE"),
    "status in lower case": _changed(status="pending"),
    "claimed by nobody": _changed(status="CLAIMED", claimed_by=None),
    "claimed at no time": _changed(status="IN_PROGRESS", claimed_by="a0", claimed_at=None),
    "NaN": _with_field("created_at", "NaN", "-NaN", "nan"),
    "NaN in payload": _with_field("payload", '{"a": NaN}', '{"a": [Infinity]}'),
    "Infinity": _with_field("claimed_at", "Infinity", "-Infinity", "inf"),
    "a number too large": _with_field("created_at", "1e999", "-1e999", "1e309", "1" + "0" * 309),
    "a number too large in result": _with_field("result", "1e999", "[-1e999]", "1" + "0" * 309),
    "thousands of digits": _with_field("priority", _LONG, "-" + _LONG),
    "thousands of digits in payload": _with_field("payload", f'{{"a": {_LONG}}}'),
    "thousands of digits in a float": _with_field("created_at", _LONG + ".5", _LONG + "e0"),
    "deep lists": _with_field("result", "[" * _DEEP + "]" * _DEEP),
    "deep objects": _with_field("payload", '{"a":' * _DEEP + "1" + "}" * _DEEP),
    "deep and unclosed": _becomes(lambda data: b"[" * _DEEP),
    "one level too deep": _with_field("result", "[" * 100 + "]" * 100),
    "list instead of object": _becomes(lambda data: b"[" + data + b"]"),
    "string instead of object": _becomes(lambda data: json.dumps(data.decode()).encode("utf-8")),
    "null": _becomes(lambda data: b"null"),
    "another task's id": _other_id,
    "negative token": _changed(token=-1),
    "huge token": _changed(token=TOKEN_MAX + 1),
}
