"""Show the service at work: triggers arrive over HTTP, handlers run, results go out, rows appear.

Without an Admin in the settings, one of the test kit is played here and triggers the samples;
set QOOERP_ADMIN__ADDRESSES, and the same service serves that Admin instead. What it keeps, an
embedded PostgreSQL included, is in the folder demo of data_dir, apart from what serve works on.
"""

from __future__ import annotations

import argparse

from executor import lifetime
from scheduler.demo import Demo
from scheduler.invocation import declare_config, settings_of
from scheduler.log_setup import configure


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    parser.add_argument(
        "--once", action="store_true", help="trigger each sample once, say whether all went well"
    )


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    return lifetime.run(lambda: Demo(settings, once=arguments.once))
