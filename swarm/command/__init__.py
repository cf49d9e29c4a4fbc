"""The command ``swarm``: the board for people, and for agents in any language.

The only modules of this package that import click; ``swarm`` as a library never imports them.
See docs/board-command.md.
"""
