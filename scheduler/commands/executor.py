"""Be an executor, alone: no PostgreSQL, Redis or Nacos is needed."""

from __future__ import annotations

import argparse

from executor import lifetime
from executor.app import ExecutorApp
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, settings_of
from scheduler.log_setup import configure


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    enter_app_dir(arguments)
    return lifetime.run(lambda: ExecutorApp(settings))
