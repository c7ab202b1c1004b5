"""Keep the jobs of a running service as code: plan, apply and export a file of them.

The service is asked through its REST API, so that its checks and its audit hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import aiohttp

from executor.clock import SystemClock, moment
from executor.errors import ExecutorError, StartRefused
from executor.handler_table import load_handlers
from scheduler.cli import FAILED
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, settings_of
from scheduler.jobs_as_code.applying import apply
from scheduler.jobs_as_code.client import TOKEN_VARIABLE, Api, ApiRefused
from scheduler.jobs_as_code.exporting import exported
from scheduler.jobs_as_code.planning import CHANGES, Step, plan
from scheduler.jobs_as_code.spec import JobSpec, combined, read_specs, specs_of
from scheduler.jobs_as_code.telling import as_json, lines_of, summary
from scheduler.settings import Settings

CHANGED = 2
"""Exit code of `plan`: there is something to apply."""


def declare(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="plan | apply | export", required=True)
    _declare_wanted(parts.add_parser("plan", help="say what apply would do; changes nothing"))
    _declare_wanted(parts.add_parser("apply", help="make the service have the jobs of the file"))
    export = parts.add_parser("export", help="write the file of the jobs that exist")
    _declare_service(export)
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of stdout")
    export.add_argument("--group", metavar="NAME", help="only the jobs of this group")
    export.add_argument("--engine", choices=("local", "xxl"), help="only the jobs of this engine")


def _declare_wanted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="YAML: jobs: [...]")
    parser.add_argument(
        "--handlers", action="store_true", help="also the schedules that handlers suggest"
    )
    parser.add_argument(
        "--cluster", metavar="NAME", help="with --handlers: as jobs of this Admin, not local ones"
    )
    parser.add_argument("--prune", action="store_true", help="delete jobs that are not named")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    _declare_service(parser)
    declare_app_dir(parser)


def _declare_service(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    parser.add_argument("--url", help="of the service (default: scheduler.host and .port)")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds the token (default: ${TOKEN_VARIABLE}, else one of scheduler.tokens)",
    )


def run(arguments: argparse.Namespace) -> int:
    doing = {"plan": _plan, "apply": _apply, "export": _export}[arguments.part]
    try:
        return asyncio.run(_with_api(arguments, doing))
    except ApiRefused as refusal:
        sys.stderr.write(f"qooerp-scheduler: {refusal}\n")
        return FAILED
    except (ExecutorError, OSError) as error:
        if arguments.part != "plan":
            raise
        sys.stderr.write(f"qooerp-scheduler: {error}\n")
        return FAILED  # 2 says that there are changes


async def _with_api(
    arguments: argparse.Namespace,
    doing: Callable[[argparse.Namespace, Settings, Api], Awaitable[int]],
) -> int:
    settings = settings_of(arguments)
    token = _token(arguments, settings)
    async with aiohttp.ClientSession() as session:
        return await doing(arguments, settings, Api(session, _url(arguments, settings), token))


async def _plan(arguments: argparse.Namespace, settings: Settings, api: Api) -> int:
    specs = _specs(arguments, settings)
    steps = plan(specs, await api.jobs(), now=_now(), prune=arguments.prune)
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(steps), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for step in steps for line in lines_of(step))
        sys.stdout.write(f"plan: {summary(steps)}\n")
    return CHANGED if any(step.kind in CHANGES for step in steps) else 0


async def _apply(arguments: argparse.Namespace, settings: Settings, api: Api) -> int:
    specs = _specs(arguments, settings)
    known = await api.jobs()
    steps = plan(specs, known, now=_now(), prune=arguments.prune)
    tell: Callable[[Step], None] = (lambda _: None) if arguments.json else _tell
    refused = await apply(steps, api, known=known, done=tell)
    left = {id(refusal.step) for refusal in refused}
    done = [step for step in steps if id(step) not in left]
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(done), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"applied: {summary(done)}{f', {len(left)} failed' if left else ''}\n")
    sys.stderr.writelines(f"qooerp-scheduler: {refusal}\n" for refusal in refused)
    return FAILED if refused else 0


async def _export(arguments: argparse.Namespace, settings: Settings, api: Api) -> int:
    wanted = {"jobGroup": arguments.group, "engine": arguments.engine}
    jobs = await api.jobs(**{name: value for name, value in wanted.items() if value})
    text = exported(jobs, await api.jobs(engine="local"))
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


def _tell(step: Step) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines_of(step))
    sys.stdout.flush()


def _specs(arguments: argparse.Namespace, settings: Settings) -> list[JobSpec]:
    if arguments.file is None and not arguments.handlers:
        raise StartRefused("name a FILE, or --handlers, or both")
    suggested: list[JobSpec] = []
    if arguments.handlers:
        enter_app_dir(arguments)
        table = load_handlers(settings.handlers.modules)
        suggested = specs_of(table, cluster=arguments.cluster)
    return combined(read_specs(arguments.file) if arguments.file else [], suggested)


def _now() -> datetime:
    return moment(SystemClock().now_ms())


def _url(arguments: argparse.Namespace, settings: Settings) -> str:
    if arguments.url:
        return str(arguments.url)
    host = settings.scheduler.host
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{host}:{settings.scheduler.port}"


def _token(arguments: argparse.Namespace, settings: Settings) -> str:
    """The token to ask with; empty where there is none. Raise StartRefused."""
    if arguments.token_file:
        return _read(arguments.token_file)
    if given := os.environ.get(TOKEN_VARIABLE):
        return given
    mighty = [token for token in settings.scheduler.tokens if token.role != "viewer"]
    return next(filter(None, (token.token.get_secret_value() for token in mighty)), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartRefused(f"--token-file {path} cannot be read: {error.strerror}") from None
