"""Boards with one defect each, which some scenario shows; each file is named after its bug.

A module holds ``Board``, which takes the storage directory; ``INVARIANT``, of which it must be
convicted; ``PREEMPTIONS``, the fewest that show it; and what can show it: ``PROGRAMS``, one for
each agent, on ``TASKS`` tasks, to whose files ``DAMAGE`` is done before. ``GATE`` is "processes"
where threads cannot show it. ``FAULTS`` are those that show it, where it takes any: then
``PREEMPTIONS`` are those beside them.

``PROOF`` names the proof that shows it, where that is neither the one of interleavings nor, with
``FAULTS``, the one of faults. Those of "crashes" have the weakest ``MODEL`` that still shows the
bug in place of ``PREEMPTIONS``, and the ``FAULTS`` that it takes, if any.
"""
