"""The handlers that this executor knows, found in modules and entry points."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from executor.errors import HandlerNotFound, StartRefused
from executor.handler import Handler, declared, handler_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from executor.model import Isolation

ENTRY_POINTS = "qooerp_scheduler.handlers"
"""The entry point group whose values are names of modules with handlers."""


class HandlerTable:
    """Handlers by name; raises StartRefused when two functions claim one name."""

    def __init__(self, handlers: Iterable[Handler], modules: Sequence[str] = ()) -> None:
        self.modules = tuple(modules)
        """What has to be imported to have the same handlers in another process."""
        self._handlers: dict[str, Handler] = {}
        for handler in handlers:
            self._add(handler)

    def _add(self, handler: Handler) -> None:
        known = self._handlers.setdefault(handler.name, handler)
        if known.function is handler.function:
            return
        if known.place != handler.place:
            raise StartRefused(
                f"two handlers are named [{handler.name}]: {known.place} and {handler.place}"
            )
        self._handlers[handler.name] = handler  # its module was loaded again

    def find(self, name: str) -> Handler:
        """The handler *name*; raises HandlerNotFound."""
        try:
            return self._handlers[name]
        except KeyError:
            raise HandlerNotFound(name) from None

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)

    def of(self, isolation: Isolation) -> list[Handler]:
        """The handlers that run in *isolation*."""
        return [handler for handler in self if handler.isolation is isolation]

    def describe(self) -> list[dict[str, Any]]:
        """For each handler, by name: name, isolation, idempotent, doc, place, paramsSchema."""
        return [
            {
                "name": handler.name,
                "isolation": handler.isolation.value,
                "idempotent": handler.idempotent,
                "doc": handler.doc,
                "place": handler.place,
                "paramsSchema": handler.params_schema(),
            }
            for handler in sorted(self, key=lambda handler: handler.name)
        ]


def load_handlers(modules: Sequence[str]) -> HandlerTable:
    """Import *modules*, packages whole, and what entry points name; collect their handlers.

    Raises StartRefused, naming the module that cannot be imported and why.
    """
    names = list(dict.fromkeys([*modules, *(e.module for e in entry_points(group=ENTRY_POINTS))]))
    loaded = [module for name in names for module in _imported(name)]
    return HandlerTable(_handlers_in(loaded), names)


def _imported(name: str) -> Iterator[ModuleType]:
    module = _import(name)
    yield module
    if hasattr(module, "__path__"):
        for found in pkgutil.iter_modules(module.__path__, f"{name}."):
            if not found.name.endswith(".__main__"):
                yield from _imported(found.name)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        last_line = traceback.format_exception_only(error)[-1].strip()
        raise StartRefused(f"handler module [{name}] cannot be imported: {last_line}") from error


def _handlers_in(modules: list[ModuleType]) -> Iterator[Handler]:
    """What *modules* declare, and what they import from elsewhere to offer it."""
    names = {module.__name__ for module in modules}
    yield from (handler for handler in declared if handler.function.__module__ in names)
    for module in modules:
        yield from filter(None, map(handler_of, list(vars(module).values())))
