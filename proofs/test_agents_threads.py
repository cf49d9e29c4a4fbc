"""A thread that an agent starts is a part of it and stops at the same gate, whichever that is."""

from __future__ import annotations

import _thread
import gc
import multiprocessing
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from proofs.harness.clock import SharedTime
from proofs.harness.scheduler import PriorityChanges, RandomWalk, Scheduler, Switches
from proofs.harness.threads import StuckError, ThreadGate
from strategies.scenarios import START

pytestmark = pytest.mark.usefixtures("open_doors")

SCHEDULERS: dict[str, Callable[[], Scheduler]] = {
    "no switch": lambda: Switches({}),
    "a walk": lambda: RandomWalk(1),
    "another walk": lambda: RandomWalk(2, 0.5),
    "PCT": lambda: PriorityChanges(3, 3, 20),
}
STANDING_LOCK = threading.Lock()
STANDING_EVENT = threading.Event()
STANDING_PROCESS_LOCK = multiprocessing.Lock()
STANDING_PROCESS_EVENT = multiprocessing.Event()


class Standing:
    """What a class and its instances hold since before any run."""

    condition = threading.Condition()

    def __init__(self) -> None:
        self.tasks: queue.Queue[int] = queue.Queue(1)
        self.numbers: queue.SimpleQueue[int] = queue.SimpleQueue()


STANDING = Standing()


def gate(root: Path, scheduler: Scheduler | None = None) -> ThreadGate:
    return ThreadGate(root, scheduler or Switches({}), SharedTime(int(START * 1e9)))


def trace_of(
    root: Path, program: Callable[[], Any], scheduler: Scheduler | None = None
) -> list[str]:
    """The effects of one agent that runs alone."""
    one = gate(root, scheduler)
    one.run({"a1": program})
    assert one.scheduling.left == []
    return [step.label() for step in one.trace]


def started(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread


def each(*acts: Callable[[], object]) -> Callable[[], None]:
    """Does one after the other."""

    def do() -> None:
        for act in acts:
            act()

    return do


def test_a_thread_stops_before_its_effects_under_a_name_of_its_own(tmp_path: Path) -> None:
    def program() -> None:
        started((tmp_path / "file").touch).join()
        started((tmp_path / "file").unlink).join()

    assert trace_of(tmp_path, program) == [
        "a1: start <a1.1>",
        "a1: join <a1.1> (waits)",
        "a1.1: utime file (FileNotFoundError)",
        "a1.1: open w create file",
        "a1.1: close file",
        "a1.1: end <a1.1>",
        "a1: join <a1.1>",
        "a1: start <a1.2>",
        "a1: join <a1.2> (waits)",
        "a1.2: unlink file",
        "a1.2: end <a1.2>",
        "a1: join <a1.2>",
    ]


def by_events() -> None:
    ready, go = threading.Event(), threading.Event()
    thread = started(each(ready.set, go.wait))
    ready.wait()
    go.set()
    thread.join()
    assert go.is_set() and not thread.is_alive()


def by_conditions() -> None:
    for condition in (threading.Condition(), threading.Condition(threading.Lock())):
        seen: list[int] = []

        def see(condition: threading.Condition = condition, seen: list[int] = seen) -> None:
            with condition:
                condition.wait_for(lambda: 1 in seen)
                seen.append(2)

        threads = [started(see), started(see)]
        with condition:
            seen.append(1)
            condition.notify_all()
        for thread in threads:
            thread.join()
        assert seen == [1, 2, 2]


def by_locks_taken_again() -> None:
    lock, seen = threading.RLock(), []

    def see() -> None:
        with lock, lock:
            seen.extend([1, 2])

    with lock:
        thread = started(see)
        time.sleep(1)
        assert seen == []
    thread.join()
    assert seen == [1, 2]


def by_semaphores_and_barriers() -> None:
    slots, both = threading.Semaphore(0), threading.Barrier(2)
    thread = started(each(slots.release, both.wait))
    slots.acquire()
    both.wait()
    thread.join()


def by_queues() -> None:
    tasks: queue.Queue[int] = queue.Queue(1)
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    thread = started(each(partial(numbers.put, 0), *(partial(tasks.put, n) for n in range(3))))
    assert numbers.get() == 0
    assert [tasks.get(timeout=5) for _ in range(3)] == [0, 1, 2]
    thread.join()
    with pytest.raises(queue.Empty):
        tasks.get(timeout=5)


def by_pools() -> None:
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lambda n=n: n) for n in range(3)]  # type: ignore[misc]
        wait(futures)
        assert [future.result(5) for future in futures] == [0, 1, 2]


def by_timers() -> None:
    seen: list[float] = []
    timer = threading.Timer(60, lambda: seen.append(time.time()))
    timer.start()
    never = threading.Timer(30, seen.clear)
    never.start()
    never.cancel()
    timer.join()
    never.join()
    assert seen == [pytest.approx(START + 60, abs=1)]


def by_threads_below_threading() -> None:
    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(done.release, ())
    done.acquire()


def by_what_was_there_before() -> None:
    STANDING_EVENT.clear()

    def see() -> None:
        with STANDING_LOCK:
            STANDING_EVENT.set()
            STANDING.tasks.put(1)
            STANDING.numbers.put(2)
        with STANDING.condition:
            STANDING.condition.notify()

    with STANDING.condition:
        thread = started(see)
        STANDING_EVENT.wait()
        with STANDING_LOCK:
            assert STANDING.tasks.get() == 1 and STANDING.numbers.get() == 2
        STANDING.condition.wait()
    thread.join()


WAITS = [
    *(by_events, by_conditions, by_locks_taken_again, by_semaphores_and_barriers, by_queues),
    *(by_pools, by_timers, by_threads_below_threading, by_what_was_there_before),
]


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=list(SCHEDULERS))
@pytest.mark.parametrize("program", WAITS, ids=[one.__name__ for one in WAITS])
def test_threads_wait_for_each_other_at_the_gate_and_alike_each_time(
    program: Callable[[], None], scheduler: Callable[[], Scheduler], tmp_path: Path
) -> None:
    first = trace_of(tmp_path, program, scheduler())
    assert trace_of(tmp_path, program, scheduler()) == first
    assert any("a1.1: end" in label for label in first) or program is by_timers, first


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=list(SCHEDULERS))
def test_locks_between_processes_that_a_module_holds_are_waited_for_at_the_gate(
    scheduler: Callable[[], Scheduler], tmp_path: Path
) -> None:
    def add() -> None:
        for _ in range(2):
            with STANDING_PROCESS_LOCK:
                (tmp_path / "x").write_text(f"{int((tmp_path / 'x').read_text()) + 1}")
        assert STANDING_PROCESS_LOCK.acquire(timeout=5)
        STANDING_PROCESS_LOCK.release()
        STANDING_PROCESS_EVENT.wait(5)

    def end() -> None:
        add()
        STANDING_PROCESS_EVENT.set()

    (tmp_path / "x").write_text("0")
    STANDING_PROCESS_EVENT.clear()
    one = gate(tmp_path, scheduler())
    one.run({"a1": add, "a2": end})
    assert (tmp_path / "x").read_text() == "4"
    assert STANDING_PROCESS_EVENT.is_set() and one.scheduling.unseen == []
    assert STANDING_PROCESS_LOCK.acquire(False)  # nobody has left it locked
    STANDING_PROCESS_LOCK.release()


def test_threads_that_wait_for_each_other_are_told_by_name(tmp_path: Path) -> None:
    def program() -> None:
        mine, its = threading.Lock(), threading.Lock()

        def take_both() -> None:
            with its:
                time.sleep(5)
                with mine:
                    pass

        with mine:
            started(take_both)
            time.sleep(5)
            with its:
                pass

    told = "nobody can go on: a1 before lock <a1 lock 2>; a1.1 before lock <a1 lock 1>"
    with pytest.raises(StuckError, match=told):
        gate(tmp_path).run({"a1": program})


def test_a_thread_that_spins_does_not_keep_its_agent_from_ending(tmp_path: Path) -> None:
    done = tmp_path / "done"

    def program() -> None:
        thread = started(lambda: [None for _ in iter(done.exists, True)])
        done.touch()
        thread.join()

    trace_of(tmp_path, program, Switches({1: "a1.1"}))


def test_what_a_thread_raises_ends_it_and_is_told_in_the_trace(tmp_path: Path) -> None:
    def program() -> None:
        started(lambda: 1 // 0).join()

    assert "a1.1: end by ZeroDivisionError <a1.1>" in trace_of(tmp_path, program)


def test_threads_are_refused_what_python_refuses(tmp_path: Path) -> None:
    def program() -> None:
        thread = threading.Thread(target=lambda: None)
        assert not thread.is_alive()
        with pytest.raises(RuntimeError, match="before it is started"):
            thread.join()
        thread.start()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="join current thread"):
            threading.current_thread().join()

    trace_of(tmp_path, program)


def test_a_long_sleep_is_over_when_its_moment_has_come_and_not_before(tmp_path: Path) -> None:
    woken: list[str] = []

    def sleep(name: str, seconds: float) -> None:
        time.sleep(seconds)
        (tmp_path / name).touch()
        woken.append(name)

    agents = {f"a{n}": partial(sleep, f"a{n}", 100.0 - n) for n in range(1, 4)}
    gate(tmp_path, RandomWalk(1)).run(agents)
    assert woken == ["a3", "a2", "a1"]


def test_threads_that_no_agent_started_notice_nothing(tmp_path: Path) -> None:
    def program() -> None:
        (tmp_path / "file").touch()
        seen.wait()  # for real, and yet it does not hold up the run: it is set already

    seen = threading.Event()
    other = started(each((tmp_path / "other").touch, seen.set))
    seen.wait()
    labels = trace_of(tmp_path, program)
    other.join()
    assert not other.is_alive()
    assert not any("other" in label for label in labels), labels


def test_nothing_of_threads_stays_replaced_and_none_is_left() -> None:
    code = """
import _thread, concurrent.futures, queue, threading
from concurrent.futures import _base, thread
from proofs import test_agents_threads as proof
from proofs.harness.interception import interception
from pathlib import Path
import tempfile
owners = [_thread, queue, threading, _base, thread, threading.Thread, threading.Event, proof,
    thread.ThreadPoolExecutor, proof.STANDING, proof.STANDING.tasks, proof.STANDING.tasks.not_empty,
    proof.STANDING_EVENT._cond, proof.Standing]
def now(): return [dict(vars(owner)) for owner in owners]
before = now()
with interception():
    assert now() != before
    for program in proof.WAITS:
        proof.trace_of(Path(tempfile.mkdtemp()), program)
for owner, one, other in zip(owners, before, now()):
    changed = {key for key in one if one[key] is not other[key]} | (set(other) - set(one))
    changed -= {"_dangling", "_counter", "unfinished_tasks", "_shutdown_locks"}
    assert not changed, (owner, changed)
assert threading.enumerate() == [threading.main_thread()]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_keeps_a_run_whose_agents_started_threads(tmp_path: Path) -> None:
    """What a thread is a part of leads to all of its run, and that to the thread."""

    def ran() -> weakref.ref[ThreadGate]:
        made: list[Any] = []  # as a board keeps what it made

        def program() -> None:
            made.append(started((tmp_path / "x").touch))
            with ThreadPoolExecutor(2) as pool:
                made.append(pool)
                assert list(pool.map(str, range(3))) == ["0", "1", "2"]
            made[0].join()

        one = gate(tmp_path)
        one.run({"a1": program})
        assert "a1: join <a1.1>" in [step.label() for step in one.trace]
        return weakref.ref(one)

    kept = ran()
    gc.collect()
    assert kept() is None


def test_a_lock_made_by_code_that_is_imported_while_the_doors_are_open_stands_in_too(
    tmp_path: Path,
) -> None:
    module = ModuleType("board_of_this_test")
    exec("import threading\nlock, made = threading.Lock(), threading.Event()", vars(module))

    def program() -> None:
        with module.lock:
            thread = started(each(module.lock.acquire, module.made.set))
            time.sleep(1)
        module.made.wait()
        thread.join()
        module.lock.release()

    assert "a1.1: lock <board_of_this_test:2> (waits)" in trace_of(tmp_path, program)
