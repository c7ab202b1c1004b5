"""Everything the executor refuses, with the sentence it says.

ExecutorError
├── TriggerRejected      a trigger that will not run; the Admin sees the sentence
│   ├── HandlerNotFound
│   ├── ScriptRefused
│   ├── DiscardedByBlock
│   ├── LaneFull
│   └── ShuttingDown
├── BadParams            parameters that do not fit the handler
└── StartRefused         a configuration that must not start
"""

from __future__ import annotations

import errno


class ExecutorError(Exception):
    """Base of all."""


class TriggerRejected(ExecutorError):
    """A trigger was not accepted; nothing was changed."""


class HandlerNotFound(TriggerRejected):
    def __init__(self, name: str) -> None:
        super().__init__(f"job handler [{name}] not found.")


class ScriptRefused(TriggerRejected):
    """A script job that this executor will not run."""


class DiscardedByBlock(TriggerRejected):
    def __init__(self) -> None:
        super().__init__("block strategy effect：Discard Later")


class LaneFull(TriggerRejected):
    def __init__(self, waiting: int) -> None:
        super().__init__(f"the job already has {waiting} runs waiting")


class ShuttingDown(TriggerRejected):
    def __init__(self) -> None:
        super().__init__("this executor is shutting down, use another node")


class BadParams(ExecutorError):
    """Parameters that do not fit the handler; the message names field and rule."""


class StartRefused(ExecutorError):
    """The service must not start like this; the message says what to change."""


def port_refused(section: str, host: str, port: int, error: OSError) -> StartRefused:
    """What to say when the port of the settings' *section* cannot be had."""
    if error.errno == errno.EADDRINUSE:
        said = f"{section}.port {port}: address already in use: stop what uses it, or set another"
    else:
        said = f"{section}.host {host}, {section}.port {port}: {error.strerror or error}"
    return StartRefused(said)
