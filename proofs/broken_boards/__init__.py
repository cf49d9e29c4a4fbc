"""Boards with one defect each, which some interleaving shows; each file is named after its bug.

A module holds ``Board``, which takes the storage directory; ``INVARIANT``, of which it must be
convicted; ``PREEMPTIONS``, the fewest that show it; and what can show it: ``PROGRAMS``, one for
each agent, on ``TASKS`` tasks, to whose files ``DAMAGE`` is done before. ``GATE`` is "processes"
where threads cannot show it.
"""
