"""``python -m proofs``: thin layers over what pytest uses, one command a file.

See docs/reference.md. What is not needed for ``--help`` is imported within the commands.
"""
