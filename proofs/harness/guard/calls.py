"""Which C functions act on the world, told from the function and from who calls it.

A profiler is told of each C function that Python code calls, but not of its arguments. Where an
audit event tells them (see ``audit``) that is left to the event. Of what else there is in ``posix``
only what is known to be harmless is passed over, so that a function that a later Python adds counts
as an effect until somebody has looked at it.
"""

from __future__ import annotations

import _thread
import datetime
import dis
import io
import random
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from proofs.harness.doors.streams import RawFile
from proofs.harness.guard.frames import is_below, module_of

Target = int | None
"""A descriptor that is known to be acted on, None if nobody can tell."""


def named(words: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(words.split())


# Told by an audit event, together with the path; no need to guess here.
_AUDITED: Final = named(
    "chdir chflags chmod chown execv execve fchdir fchmod fchown fork fork1 forkpty ftruncate "
    "getxattr kill killpg lchflags lchmod lchown link listdir listxattr lockf mkdir open "
    "posix_spawn posix_spawnp putenv remove removexattr rename replace rmdir scandir setxattr "
    "symlink system truncate unlink unsetenv utime"
)
_HARMLESS: Final = named(
    "abort confstr cpu_count ctermid device_encoding error eventfd fpathconf fspath initgroups "
    "isatty lseek major makedev memfd_create minor nice pathconf pipe pipe2 posix_fadvise "
    "posix_openpt register_at_fork strerror sync sysconf tcgetpgrp tcsetpgrp times ttyname umask "
    "uname unlockpt grantpt ptsname openpty waitstatus_to_exitcode _exit _inputhook "
    "DirEntry stat_result"
)
_HARMLESS_BEGINNINGS: Final = ("get", "set", "sched_", "W", "_path_", "_is_", "timerfd_")
_HARMLESS_BUT: Final = frozenset({"getrandom", "setns"})

_CLOCKS: Final = named(
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns clock_gettime "
    "clock_gettime_ns clock_settime clock_settime_ns sleep"
)
# With so many arguments they look at the clock; with more they are given the moment.
_CLOCKS_BY_ARGUMENTS: Final = {"gmtime": 0, "localtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
_STARTS: Final = frozenset({"start_new_thread", "start_new", "start_joinable_thread"})
_WAITS: Final = named(
    "alarm setitimer pause sigwait sigwaitinfo sigtimedwait raise_signal pthread_kill"
)
_FILE_METHODS: Final = named(
    "read read1 readline readlines readinto readinto1 readall peek write writelines flush truncate "
    "close __exit__ __next__"
)
_SOCKET_METHODS: Final = named(
    "accept _accept bind connect connect_ex listen recv recvfrom recv_into recvmsg send sendall "
    "sendto sendmsg"
)
_RULED_METHODS: Final = _SOCKET_METHODS | {"acquire", "release", "get", "poll", "control"}
_READS_CLOCK: Final = frozenset({"now", "utcnow", "today"})
_DRAWS: Final = frozenset({"random", "getrandbits"})
_REAL_DATE = datetime.date
_GLOBAL_RANDOM: Any = random._inst
_LOCK = type(_thread.allocate_lock())


def acts_on_the_world(frame: FrameType, function: Any) -> tuple[str, Target] | None:
    """The name of a function that does, and on which descriptor; None for all others."""
    name = getattr(function, "__name__", "")
    module = getattr(function, "__module__", None)
    if module is None:
        return _method(frame, getattr(function, "__self__", None), name)
    rule = _RULES.get(module)
    return (f"{module}.{name}", None) if rule is not None and rule(frame, name) else None


def _of_posix(_: FrameType, name: str) -> bool:
    if name in _AUDITED or name in _HARMLESS:
        return False
    return name in _HARMLESS_BUT or not name.startswith(_HARMLESS_BEGINNINGS)


def _of_time(frame: FrameType, name: str) -> bool:
    if name in _CLOCKS_BY_ARGUMENTS:
        return arguments(frame) == _CLOCKS_BY_ARGUMENTS[name]
    return name in _CLOCKS


def _of_threads(frame: FrameType, name: str) -> bool:
    return name in _STARTS and module_of(frame) != "threading"


_RULES: Final[dict[str, Callable[[FrameType, str], bool]]] = {
    "posix": _of_posix,
    "time": _of_time,
    "_thread": _of_threads,
    "_signal": lambda _, name: name in _WAITS,
    "select": lambda _, name: name == "select",
    "_posixsubprocess": lambda _, name: name == "fork_exec",
    "_posixshmem": lambda _, name: True,
    "_gdbm": lambda _, name: name == "open",
    "_dbm": lambda _, name: name == "open",
}


def _method(frame: FrameType, owner: Any, name: str) -> tuple[str, Target] | None:
    """The same for a method of an object of C."""
    if name in _FILE_METHODS and isinstance(owner, io.IOBase):
        descriptor = _descriptor(owner)
        return None if descriptor is None else (f"{type(owner).__name__}.{name}", descriptor)
    if name in _READS_CLOCK and isinstance(owner, type) and issubclass(owner, _REAL_DATE):
        return f"{owner.__name__}.{name}", None
    if name in _DRAWS and owner is _GLOBAL_RANDOM:
        return f"random.{name}", None
    if name in _RULED_METHODS:
        for kind in type(owner).__mro__:  # Python's own sockets are a subclass of those of C
            rule = _METHODS.get(kind.__module__)
            if rule is not None and rule(frame, owner, name):
                return f"{type(owner).__name__}.{name}", None
    return None


def _waits_for_lock(frame: FrameType, owner: Any, name: str) -> bool:
    """Taken by somebody already; but for a thread that waits until the one it starts is there."""
    is_waiting = isinstance(owner, _LOCK) and name == "acquire" and owner.locked()
    return is_waiting and not is_below(frame, "threading", "start")


_METHODS: Final[dict[str, Callable[[FrameType, Any, str], bool]]] = {
    "_thread": _waits_for_lock,
    "_queue": lambda _, owner, name: name == "get" and owner.empty(),
    "_multiprocessing": lambda _, owner, name: name in ("acquire", "release"),
    "_socket": lambda _, owner, name: name in _SOCKET_METHODS,
    "select": lambda _, owner, name: name in ("poll", "control"),
}


def _descriptor(file: Any) -> int | None:
    """Of a file that is none of the doors' (theirs see for themselves); None if it has none."""
    try:
        raw = getattr(file, "buffer", file)
        raw = getattr(raw, "raw", raw)
        return None if isinstance(raw, RawFile) else int(raw.fileno())
    except (ValueError, OSError, AttributeError, TypeError):
        return None


def arguments(frame: FrameType) -> int | None:
    """With how many arguments the call that is under way is made, None if that is not told."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[at]]
    return code[at + 1] if name in ("CALL", "CALL_FUNCTION", "PRECALL") else None
