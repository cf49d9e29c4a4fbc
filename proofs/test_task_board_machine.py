"""The board against the model, one operation at a time; see ``proofs.machine`` for the bound."""

from proofs.machine import TaskBoardMachine

TestTaskBoardMachine = TaskBoardMachine.TestCase
