"""Be the whole service: executor, and scheduling service with its record in PostgreSQL."""

from __future__ import annotations

import argparse

from executor import lifetime
from scheduler.app import SchedulerApp
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, settings_of
from scheduler.log_setup import configure


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    enter_app_dir(arguments)
    return lifetime.run(lambda: SchedulerApp(settings))
