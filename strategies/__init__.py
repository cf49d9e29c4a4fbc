"""What may happen to a board: plain values, and the Hypothesis strategies that generate them."""

from strategies.clocks import Clock, clocks
from strategies.damage import Damage
from strategies.faults import Fault, fault_plans
from strategies.interleavings import Interleaving, interleavings, turn_by_turn
from strategies.misplacements import MISPLACEMENTS, misplacements
from strategies.payloads import (
    DAMAGES,
    HUGE,
    ODDITIES,
    CorruptedPayload,
    corrupted_payloads,
    damaged,
    damages,
    is_damage,
    oddities,
)
from strategies.programs import Ask, programs
from strategies.scenarios import (
    PostedTask,
    Scenario,
    damaged_scenarios,
    polling_scenarios,
    scenarios,
)
from strategies.tasks import (
    agent_ids,
    pending_tasks,
    priorities,
    task_ids,
    task_sets,
    task_types,
    tasks,
)
from strategies.timestamps import (
    claim_times,
    clock_jumps,
    lease_durations,
    live_timestamps,
    stale_timestamps,
    times,
)
from strategies.values import json_numbers, json_objects, json_values, nested, texts

__all__ = [
    "DAMAGES",
    "HUGE",
    "MISPLACEMENTS",
    "ODDITIES",
    "Ask",
    "Clock",
    "CorruptedPayload",
    "Damage",
    "Fault",
    "Interleaving",
    "PostedTask",
    "Scenario",
    "agent_ids",
    "claim_times",
    "clock_jumps",
    "clocks",
    "corrupted_payloads",
    "damaged",
    "damaged_scenarios",
    "damages",
    "fault_plans",
    "interleavings",
    "is_damage",
    "json_numbers",
    "json_objects",
    "json_values",
    "lease_durations",
    "live_timestamps",
    "misplacements",
    "nested",
    "oddities",
    "pending_tasks",
    "polling_scenarios",
    "priorities",
    "programs",
    "scenarios",
    "stale_timestamps",
    "task_ids",
    "task_sets",
    "task_types",
    "tasks",
    "texts",
    "times",
    "turn_by_turn",
]
