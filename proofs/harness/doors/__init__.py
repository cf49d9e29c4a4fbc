"""The doors through which a board reaches the world, each replaced while agents run.

A door hands what an agent does through it to that agent's gate, and lets everybody else pass.
"""
