"""The night: a portfolio of ways to break a board, in several processes, until the budget is spent.

``night.py`` leads it; ``docs/nightly.md`` tells what a night does and how it is read.
"""
