"""The command line: ``python -m proofs fuzz [--budget 60s] [--seed N]``."""

from __future__ import annotations

import argparse
import math
import re
import sys
import traceback
from collections.abc import Sequence

from proofs.exit_code import ExitCode

_SECONDS = {"s": 1, "m": 60, "h": 3600}

_EPILOG = """\
exit codes: 0 holds, 1 violated, 2 usage, 3 unknown (nothing was judged), 4 fault of the harness,
130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; bad usage leaves by SystemExit with code 2."""
    asked = _parser().parse_args(arguments)
    try:
        # Only now: bad usage and --help are answered without waiting for Hypothesis, and whatever
        # is wrong with the installation is a fault of the harness, not exit code 1.
        from proofs.fuzz import fuzz

        return fuzz(asked.budget, asked.seed)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception:
        traceback.print_exc()
        print("harness fault: this says nothing about the board", file=sys.stderr)
        return ExitCode.HARNESS_FAULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proofs", epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fuzz = commands.add_parser(
        "fuzz",
        help="run the state machine under fresh seeds until the budget is spent",
        epilog=_EPILOG,
    )
    fuzz.add_argument(
        "--budget", type=_budget, default="5m", metavar="TIME", help="60s, 30m, 1h (default: 5m)"
    )
    fuzz.add_argument(
        "--seed", type=_seed, metavar="N", help="repeat the run that printed this seed"
    )
    return parser


def _budget(text: str) -> float:
    """Seconds, from a positive number and its unit."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"must be a positive number with s, m or h, like 60s, got {text!r}"
        )
    return seconds


def _seed(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at most 20 digits, got {text!r}"
        )
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
