"""The programs that worker processes run, each a file that a fresh interpreter is started with."""
