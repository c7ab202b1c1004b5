"""The command `qooerp-scheduler`, and `python -m scheduler`."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import NoReturn


def main() -> NoReturn:
    """Run a command and exit with its code."""
    # what is imported stays: looking through it again and again is a tenth of the start
    gc.disable()
    sys.exit(import_module("scheduler.cli").run(sys.argv[1:]))


if __name__ == "__main__":
    main()
