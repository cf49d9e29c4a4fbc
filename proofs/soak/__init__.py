"""Real agents, real processes, real kills, and nothing of the harness in between; judged the same.

Nothing is intercepted and nothing can be replayed: a soak guards against what no interception sees.
"""
