"""Boards that do it another way and are right: none may ever be convicted.

A module holds ``Board``, which takes the storage directory; each file is named after its way.
``STANDS_FAULTS`` is False where it is right only as long as nothing fails and nobody dies.
"""
