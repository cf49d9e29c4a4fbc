"""``python -m swarm``: the same as the command ``swarm``."""

import sys

from swarm.command.entry import main

if __name__ == "__main__":
    sys.exit(main())
