"""What a fake Admin's `/api` answers, check by check in the order of its generation."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from executor.testing._admin_rows import Generation, Rows

_LONGEST_VALUE = 255
_MALFORMED = "com.google.gson.JsonSyntaxException: "


class _ApiFault(Exception):
    """A code 500; the text is the answer's msg."""


@dataclass(slots=True)
class Api:
    """The three operations that executors know, and what they leave behind."""

    generation: Generation
    token: str
    app_name: str
    rows: Rows
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    """Every callback received, in order, repeated ones too."""
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    """The Admin's clock, epoch milliseconds."""
    registry: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(app name, address) -> beats since it registered."""

    def answer(
        self, method: str, operation: str, headers: Mapping[str, str], *, body: str
    ) -> dict[str, Any]:
        """The JSON that a request to `/api/<operation>` gets; it is always HTTP 200."""
        if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            body = quote_plus(body)
        try:
            self._check(method, headers, body)
            self._operation(operation)(body)
        except _ApiFault as fault:
            return self.generation.reply(str(fault))
        return self.generation.reply()

    def refusal(self, method: str, headers: Mapping[str, str], body: str) -> str | None:
        """Why a request is refused before it is looked at, None when it is not."""
        try:
            self._check(method, headers, body)
        except _ApiFault as fault:
            return str(fault)
        return None

    def _check(self, method: str, headers: Mapping[str, str], body: str) -> None:
        if method != "POST":
            raise _ApiFault("invalid request, HttpMethod not support.")
        if self.generation >= Generation.V3_4 and not body.strip():
            raise _ApiFault("invalid request, requestBody empty.")
        token = headers.get("XXL-JOB-ACCESS-TOKEN", "")
        if self.generation >= Generation.V3_5:
            self._check_group(token, headers.get("XXL-JOB-APPNAME", ""))
        elif self.token and token != self.token:
            raise _ApiFault("The access token is wrong.")

    def _check_group(self, token: str, app_name: str) -> None:
        if not token.strip() or not app_name.strip():
            raise _ApiFault("invalid request, accessToken or appname is empty.")
        if (token, app_name) != (self.token, self.app_name):
            raise _ApiFault("invalid request, accessToken or appname invalid.")

    def _operation(self, name: str) -> Callable[[str], None]:
        match name:
            case "callback":
                return self._callback
            case "registry":
                return self._register
            case "registryRemove":
                return self._remove
            case _:
                raise _ApiFault(f"invalid request, uri-mapping({name}) not found.")

    def _register(self, body: str) -> None:
        app_name, address = self._registry_entry(body)
        if len(address) <= _LONGEST_VALUE:
            self.registry[app_name, address] += 1

    def _remove(self, body: str) -> None:
        self.registry.pop(self._registry_entry(body), None)

    def _registry_entry(self, body: str) -> tuple[str, str]:
        entry = self._object(body)
        values = [entry.get(key) for key in ("registryGroup", "registryKey", "registryValue")]
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise _ApiFault("Illegal Argument.")
        return str(values[1]), str(values[2])

    def _callback(self, body: str) -> None:
        entries = self._entries(body)
        for entry in entries:
            if entry is not None and not self._fits(entry):
                raise self._invoke_error(f"{_MALFORMED}a callback of the wrong type")
        for entry in entries:
            if entry is None:  # the Admin's worker dies here; what follows is lost
                return
            self.callbacks.append(entry)
            self.rows.take(entry, self.generation, at_ms=self.now_ms())

    def _entries(self, body: str) -> list[Any]:
        if self.generation >= Generation.V3_5:
            entries = self._object(body).get("callbackList") or []
        else:
            entries = self._json(body)
        if not isinstance(entries, list):
            raise self._invoke_error(f"{_MALFORMED}Expected BEGIN_ARRAY but was BEGIN_OBJECT")
        return entries

    def _fits(self, entry: object) -> bool:
        """Whether Gson could make a callback of *entry*."""
        if not isinstance(entry, dict) or not _is_whole(entry.get("logId", 0)):
            return False
        if self.generation == Generation.V2_2:
            result = entry.get("executeResult")
            return isinstance(result, dict) and _is_whole(result.get("code", 0))
        return _is_whole(entry.get("handleCode", 0)) and not isinstance(
            entry.get("handleMsg"), dict | list
        )

    def _object(self, body: str) -> dict[str, Any]:
        value = self._json(body)
        if not isinstance(value, dict):
            raise self._invoke_error(f"{_MALFORMED}Expected BEGIN_OBJECT but was BEGIN_ARRAY")
        return value

    def _json(self, body: str) -> Any:
        if not body.strip():
            raise self._invoke_error("java.lang.NullPointerException")
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._invoke_error(f"{_MALFORMED}{error}") from None

    def _invoke_error(self, words: str) -> _ApiFault:
        old = self.generation < Generation.V3_4
        return _ApiFault(words if old else f"openapi invoke error: {words}")


def _is_whole(value: object) -> bool:
    if isinstance(value, str):
        return value.removeprefix("-").isdecimal()
    return isinstance(value, int) and not isinstance(value, bool)
