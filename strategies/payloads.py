"""Payloads: what becomes of the bytes of a task's file, each kind of damage by its name.

Kinds of damage to bytes fit any file; those to text and to fields need a file in our format. All
are damage by what they do, whatever the decoder says: a decoder that takes it is convicted. Only
of two kinds the decoder is asked, for what they do may make another good task.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from strategies.damage import Damage
from strategies.tasks import tasks
from swarm.errors import CorruptTaskError, NewerFormatError
from swarm.strict_json import NESTING_MAX
from swarm.task import TOKEN_MAX, Task

__all__ = [
    "DAMAGES",
    "HUGE",
    "ODDITIES",
    "CorruptedPayload",
    "corrupted_payloads",
    "damaged",
    "damages",
    "fits",
    "is_damage",
    "oddities",
    "plainer",
    "strangeness",
]


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
    data = task.to_json().encode("utf-8")

    def is_one(damage: Damage) -> bool:
        return damage.kind not in ASKED or is_damage(damaged(damage, data), task.task_id)

    damage = draw(damages(kinds=kinds).filter(is_one))
    return CorruptedPayload(damage.kind, damaged(damage, data), task.task_id)


@st.composite
def damages(
    draw: st.DrawFn, files: Sequence[str] = ("",), kinds: Collection[str] | None = None
) -> Damage:
    """Damage to the bytes of one of these files; shrinks to an empty first one.

    ``kinds`` are some of the names in ``DAMAGES``. Two kinds may do no damage, see ``is_damage``.
    """
    kind = draw(st.sampled_from(_in_order(DAMAGES, kinds)))
    return replace(draw(DAMAGES[kind].parameters), kind=kind, file=draw(st.sampled_from(files)))


def oddities(files: Sequence[str] = ("",)) -> st.SearchStrategy[Damage]:
    """What looks odd and is no damage: other programs write such files."""
    kinds, names = st.sampled_from(list(ODDITIES)), st.sampled_from(files)
    return st.builds(Damage, kinds, names)


def damaged(damage: Damage, data: bytes) -> bytes:
    """What the file holds afterwards that held ``data``; the same damage always does the same.

    Raises ValueError for a kind that is not done to bytes, and for fields of what has none.
    """
    kind = _KINDS.get(damage.kind)
    if kind is None:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {damage.kind!r}")
    if not fits(damage, data):
        raise ValueError(f"{damage.kind} must be done to the file of a task, got {data[:40]!r}")
    return kind.change(data, damage)


def fits(damage: Damage, data: bytes) -> bool:
    """Whether it can be done to a file that holds this: fields only to files in our format."""
    kind = _KINDS.get(damage.kind)
    return kind is not None and (not kind.needs_fields or _is_a_task(data))


def is_damage(data: bytes, task_id: str) -> bool:
    """Whether ``data`` under the name of ``task_id`` is anything but that task."""
    try:
        return Task.from_json(data).task_id != task_id
    except NewerFormatError:
        return False  # a flipped byte can make it one: refused, but kept in its place
    except CorruptTaskError:
        return True


def plainer(damage: Damage) -> Iterator[Damage]:
    """Damage to the same bytes that is easier to read, the plainest first; none for an oddity."""
    if damage.kind in DAMAGES or damage.kind in HUGE:
        yield from (plain for plain in _plain(damage) if strangeness(plain) < strangeness(damage))


def strangeness(damage: Damage) -> int:
    """How far it is from an empty file: the amount of it, and more for another kind than a cut."""
    plain, cut = _plain(damage)
    if damage == plain:
        return 0
    return damage.number + len(damage.data) + (1 if damage.kind == cut.kind else 3)


def _plain(damage: Damage) -> tuple[Damage, Damage]:
    """An empty file in place of the damaged one, and one that still holds something to lose."""
    return Damage("empty", damage.file), Damage("cut", damage.file, 1)


def _is_a_task(data: bytes) -> bool:
    try:
        Task.from_json(data)
    except CorruptTaskError:
        return False
    return True


def _in_order(known: Mapping[str, _Kind], kinds: Collection[str] | None) -> list[str]:
    unknown = sorted(set(kinds or ()) - set(known))
    if unknown:
        raise ValueError(f"kinds must be names in DAMAGES, got {unknown}")
    return [kind for kind in known if kinds is None or kind in kinds]


Change = Callable[[bytes, Damage], bytes]


class _Kind(NamedTuple):
    """What becomes of the bytes of a file, and of which parameters, whose kind is still empty."""

    change: Change
    parameters: st.SearchStrategy[Damage]
    needs_fields: bool = False


_PLAIN: Final = st.just(Damage(""))
_PLACES: Final = st.builds(Damage, st.just(""), number=st.integers(0, 400))


# Damage to bytes: what disks, crashes and other programs do.


def _becomes(change: Callable[[bytes], bytes]) -> _Kind:
    return _Kind(lambda data, damage: change(data.rstrip(b"\n")), _PLAIN)


def _place(damage: Damage, data: bytes) -> int:
    return damage.number % max(1, len(data))


def _cut(data: bytes, damage: Damage) -> bytes:
    body = data.rstrip(b"\n")  # that the last newline is missing is no damage
    return body[: _place(damage, body)]


def _flipped(data: bytes, damage: Damage) -> bytes:
    place, mask = _place(damage, data), (damage.data or b"\1")[0] or 1
    return data[:place] + bytes(byte ^ mask for byte in data[place : place + 1]) + data[place + 1 :]


def _zero_tail(data: bytes, damage: Damage) -> bytes:
    """Space that was given to the file and never written, as a crash leaves it."""
    kept = _cut(data, damage)
    return kept + bytes(len(data) - len(kept))


def _inserted(*pieces: bytes) -> _Kind:
    def insert(data: bytes, damage: Damage) -> bytes:
        body = data.rstrip(b"\n")
        place = damage.number % (len(body) + 1)
        return body[:place] + (damage.data or pieces[0]) + body[place:]

    parameters = st.builds(
        Damage, st.just(""), number=st.integers(0, 400), data=st.sampled_from(pieces)
    )
    return _Kind(insert, parameters)


def _old_tail(data: bytes, damage: Damage) -> bytes:
    """A shorter version was written over a longer one, in place."""
    body = data.rstrip(b"\n") or b"}"
    return body + body[-(damage.number % len(body) + 1) :]


def _half_old(data: bytes, damage: Damage) -> bytes:
    """The beginning of the claimed task, then what stood there before, at any place of the two."""
    old = json.loads(data)
    claim = {"status": "CLAIMED", "claimed_by": "a1", "claimed_at": 1.5, "description": "longer"}
    before, after = json.dumps(old).encode(), json.dumps({**old, **claim}).encode()
    first = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    place = first + 1 + damage.number % max(1, len(after) - first - 1)
    return after[:place] + before[place:]


# Damage to text: what people and other writers of JSON do. Each replaces a value whole.


def _with_text(data: bytes, name: str, text: str) -> bytes:
    """One field holds this text, which json.dumps need not write so."""
    fields = json.loads(data)
    parts = [f"{json.dumps(key)}: {json.dumps(fields[key])}" for key in fields if key != name]
    return ("{" + ", ".join([*parts, f'"{name}": {text}']) + "}").encode("utf-8")


def _with_field(name: str, *texts: str) -> _Kind:
    """The field holds one of these texts."""

    def replaced(data: bytes, damage: Damage) -> bytes:
        return _with_text(data, damage.field or name, damage.value or texts[0])

    values = st.sampled_from(texts)
    parameters = st.builds(Damage, st.just(""), field=st.just(name), value=values)
    return _Kind(replaced, parameters, needs_fields=True)


def _with_much(name: str, text: Callable[[int], str], least: int, most: int) -> _Kind:
    """The field holds a text of so much, at least so much as is too much."""

    def replaced(data: bytes, damage: Damage) -> bytes:
        return _with_text(data, name, text(max(least, damage.number)))

    numbers = st.sampled_from([least, most])
    return _Kind(replaced, st.builds(Damage, st.just(""), number=numbers), needs_fields=True)


def _duplicate_key(data: bytes, damage: Damage) -> bytes:
    """One field stands twice, with the same value: which of two counts must never be a question."""
    name, text = damage.field or "task_id", data.decode().rstrip()
    value = json.dumps(json.loads(data).get(name))
    return f"{text[:-1]}, {json.dumps(name)}: {value}}}".encode()


# Damage to fields: JSON that is not a task, or not this one.


def _changed(**values: Any) -> _Kind:
    """All these fields hold these values."""

    def change(data: bytes, damage: Damage) -> bytes:
        return json.dumps({**json.loads(data), **values}).encode("utf-8")

    return _Kind(change, _PLAIN, needs_fields=True)


def _without(data: bytes, names: Collection[str]) -> bytes:
    fields = json.loads(data)
    return json.dumps({key: fields[key] for key in fields if key not in names}).encode("utf-8")


def _missing(data: bytes, damage: Damage) -> bytes:
    return _without(data, [damage.field or _REQUIRED[0]])


def _other_id(data: bytes, damage: Damage) -> bytes:
    """The id of another task, which may be on the board too."""
    task_id = json.loads(data)["task_id"]
    other = json.loads(damage.value) if damage.value else task_id
    return _with_text(data, "task_id", json.dumps(other if other != task_id else f"{task_id}x"))


def _of_fields(change: Change, names: Sequence[str]) -> _Kind:
    parameters = st.builds(Damage, st.just(""), field=st.sampled_from(names))
    return _Kind(change, parameters, needs_fields=True)


def _wrong_types() -> _Kind:
    wrong = [(name, json.dumps(v)) for name, values in _WRONG_VALUES.items() for v in values]
    parameters = st.sampled_from(wrong).map(lambda pair: Damage("", field=pair[0], value=pair[1]))
    return _Kind(
        lambda data, damage: _with_text(data, damage.field or "status", damage.value or "null"),
        parameters,
        needs_fields=True,
    )


# What looks odd and is no damage.


def _ten_fields(data: bytes, damage: Damage) -> bytes:
    return _without(data, [name for name in json.loads(data) if name not in _REQUIRED])


def _other_order(data: bytes, damage: Damage) -> bytes:
    return json.dumps(dict(reversed(json.loads(data).items()))).encode()


def _odd(change: Change) -> _Kind:
    return _Kind(change, _PLAIN, needs_fields=True)


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


def _digits(number: int) -> str:
    return "1" * number


ASKED: Final = ("flipped byte", "half old, half new")
"""The kinds that may make another good task, so that the decoder is asked."""

DAMAGES: Final[Mapping[str, _Kind]] = {
    "empty": _becomes(lambda data: b""),
    "blank": _becomes(lambda data: b" \n"),
    "cut": _Kind(_cut, _PLACES),
    "flipped byte": _Kind(
        _flipped,
        st.builds(
            Damage,
            st.just(""),
            number=st.integers(0, 400),
            data=st.integers(1, 255).map(lambda mask: bytes([mask])),
        ),
    ),
    "zero tail": _Kind(_zero_tail, _PLACES),
    "all zeros": _becomes(lambda data: bytes(len(data))),
    "NUL inside": _inserted(b"\0"),
    "not UTF-8": _inserted(b"\xff", b"\x80", b"\xc3\x28", b"\xc0\xaf", b"\xed\xa0\x80"),
    "glued": _becomes(lambda data: data + data),
    "glued by lines": _becomes(lambda data: data + b"\n" + data),
    "half old, half new": _Kind(_half_old, _PLACES, needs_fields=True),
    "an old tail after it": _Kind(_old_tail, _PLACES),
    "text after it": _becomes(lambda data: data + b"}"),
    "BOM": _becomes(lambda data: b"\xef\xbb\xbf" + data),
    "UTF-16": _becomes(lambda data: data.decode("latin-1").encode("utf-16")),
    "UTF-16 without BOM": _becomes(lambda data: data.decode("latin-1").encode("utf-16-le")),
    "UTF-32": _becomes(lambda data: data.decode("latin-1").encode("utf-32")),
    "list instead of object": _becomes(lambda data: b"[" + data + b"]"),
    "string instead of object": _becomes(lambda data: json.dumps(data.decode("latin-1")).encode()),
    "null": _becomes(lambda data: b"null"),
    "trailing comma": _becomes(lambda data: data[:-1] + b",}"),
    "comment": _becomes(lambda data: b"// by hand\n" + data),
    "deep and unclosed": _becomes(lambda data: b"[" * 100_000),
    "Python's repr": _Kind(
        lambda data, damage: repr(json.loads(data)).encode("utf-8"), _PLAIN, needs_fields=True
    ),
    "lone surrogate": _with_field("description", r'"\ud800"', r'"\udc00\ud800"', r'"a\uDFFF"'),
    "bad escape": _with_field("description", r'"\x"', r'"\u12"', '"\n"', '"\t"'),
    "duplicate key": _of_fields(_duplicate_key, _REQUIRED),
    "duplicate key in payload": _with_field("payload", '{"a": 1, "a": 1}', r'{"a":1,"\u0061":2}'),
    "missing field": _of_fields(_missing, _REQUIRED),
    "wrong type": _wrong_types(),
    "unknown status": _changed(status="DONE"),
    "status in lower case": _changed(status="pending"),
    "claimed by nobody": _changed(status="CLAIMED", claimed_by=None, claimed_at=1.0),
    "claimed at no time": _changed(status="IN_PROGRESS", claimed_by="a0", claimed_at=None),
    "NaN": _with_field("created_at", "NaN", "-NaN", "nan"),
    "NaN as a lease": _with_field("lease_seconds", "NaN", "Infinity", "1e999"),
    "NaN in payload": _with_field("payload", '{"a": NaN}', '{"a": [Infinity]}'),
    "Infinity": _with_field("claimed_at", "Infinity", "-Infinity", "inf"),
    "a number too large": _with_field("created_at", "1e999", "-1e999", "1e309", "1" + "0" * 309),
    "a number too large in result": _with_field("result", "1e999", "[-1e999]", "1" + "0" * 309),
    "thousands of digits": _with_much("priority", _digits, 20, 5_000),
    "minus thousands of digits": _with_much("priority", lambda n: "-" + _digits(n), 20, 5_000),
    "thousands of digits in payload": _with_much(
        "payload", lambda n: f'{{"a": {_digits(n)}}}', 310, 5_000
    ),
    "thousands of digits in a float": _with_much(
        "created_at", lambda n: f"{_digits(n)}.5", 310, 5_000
    ),
    "deep lists": _with_much("result", lambda n: "[" * n + "]" * n, NESTING_MAX, 100_000),
    "deep objects": _with_much(
        "payload", lambda n: '{"a":' * n + "1" + "}" * n, NESTING_MAX, 100_000
    ),
    "another task's id": _Kind(
        _other_id,
        st.builds(Damage, st.just(""), value=st.sampled_from(["", '"t1"', '"t2"', '"T1"'])),
        needs_fields=True,
    ),
    "negative token": _changed(token=-1),
    "huge token": _changed(token=TOKEN_MAX + 1),
}

HUGE: Final[Mapping[str, _Kind]] = {
    "a string of 50 MB": _with_much("description", lambda n: f'"{"x" * n}"', 50_000_000, 50_000_000)
}
"""Damage to a board that has a limit of size below."""

ODDITIES: Final[Mapping[str, _Kind]] = {
    "unknown fields": _odd(lambda data, damage: _with_text(data, "colour", '{"of": ["it"]}')),
    "a type beyond the four": _odd(lambda data, damage: _with_text(data, "task_type", '"WEEDING"')),
    "ten fields only": _odd(_ten_fields),
    "another order of fields": _odd(_other_order),
    "no spaces": _odd(lambda data, _: json.dumps(json.loads(data), separators=(",", ":")).encode()),
    "many spaces": _odd(
        lambda data, _: json.dumps(json.loads(data), indent="\t").encode() + b"\n "
    ),
    "escapes": _odd(lambda data, _: data.replace(b"description", b"\\u0064escription")),
    "no newline at its end": _odd(lambda data, _: data.rstrip(b"\n")),
}

_KINDS: Final = {**DAMAGES, **HUGE, **ODDITIES}
