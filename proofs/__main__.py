"""The command line: ``python -m proofs fuzz|replay|minimise|explain|export|report``."""

from __future__ import annotations

import sys

from proofs.command.entry import main

if __name__ == "__main__":
    sys.exit(main())
