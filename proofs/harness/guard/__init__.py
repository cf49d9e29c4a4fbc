"""The guard of a run: finds what agents did to the board's directory outside all doors.

Doors see what goes through Python's own functions. The guard looks for the rest, in some of the
executions: a verdict about an execution in which something went unseen is ``unknown``.
"""
