"""Be the whole service: executor, and scheduling service with its record in PostgreSQL."""

from __future__ import annotations

import argparse

from executor import lifetime
from scheduler.app import SchedulerApp
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, sources_of
from scheduler.log_setup import configure
from scheduler.nacos.overlay import begin


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    laid = begin(sources_of(arguments))
    configure(laid.settings.logging)
    laid.tell()
    enter_app_dir(arguments)
    return lifetime.run(lambda: SchedulerApp(laid.settings, laid))
