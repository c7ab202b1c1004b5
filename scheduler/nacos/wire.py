"""The two HTTP APIs of Nacos: `v3/client` (since 3.0), and `v1` (1.x, 2.x, and 3.x if switched on).

As observed at Nacos 2.3.2 and 3.1.0. Pure: builds requests, reads answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from scheduler.nacos.errors import (
    AccessRefused,
    BeingModified,
    NacosError,
    NacosRefused,
    NacosUnreachable,
    NotNacos,
    WrongPath,
)

_LONGEST_WORDS = 300
_DONE, _NO_RESOURCE, _NO_INSTANCE = 0, 20004, 21003
"""Codes of a v3 answer."""
_NO_CONFIG = b"config data not exist"


class Api(StrEnum):
    """A generation of the HTTP API."""

    V3 = "v3"
    V1 = "v1"

    @property
    def other(self) -> Api:
        return Api.V1 if self is Api.V3 else Api.V3


class Operation(StrEnum):
    """What is asked."""

    SIGN_IN = "sign in"
    REGISTER = "register"
    BEAT = "beat"
    DEREGISTER = "deregister"
    INSTANCES = "list instances"
    CONFIG = "read a config"


_ROUTES: Mapping[Api, Mapping[Operation, tuple[str, str]]] = {
    Api.V3: {
        Operation.SIGN_IN: ("POST", "v3/auth/user/login"),
        Operation.REGISTER: ("POST", "v3/client/ns/instance"),
        Operation.BEAT: ("POST", "v3/client/ns/instance"),
        Operation.DEREGISTER: ("DELETE", "v3/client/ns/instance"),
        Operation.INSTANCES: ("GET", "v3/client/ns/instance/list"),
        Operation.CONFIG: ("GET", "v3/client/cs/config"),
    },
    Api.V1: {
        Operation.SIGN_IN: ("POST", "v1/auth/login"),
        Operation.REGISTER: ("POST", "v1/ns/instance"),
        Operation.BEAT: ("PUT", "v1/ns/instance/beat"),
        Operation.DEREGISTER: ("DELETE", "v1/ns/instance"),
        Operation.INSTANCES: ("GET", "v1/ns/instance/list"),
        Operation.CONFIG: ("GET", "v1/cs/configs"),
    },
}


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that offers a service."""

    service: str
    ip: str
    """An address or a host name."""
    port: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """Where services and configs are looked for."""

    namespace: str
    """Its id, not its name; `public` is the one that is always there."""
    group: str


def route(api: Api, operation: Operation) -> tuple[str, str]:
    """Method, and path below the base URL."""
    return _ROUTES[api][operation]


def instance_fields(operation: Operation, scope: Scope, instance: Instance) -> dict[str, str]:
    """What is sent to register, beat or deregister; the same for both generations."""
    fields = service_fields(scope, instance.service)
    fields |= {"ip": instance.ip, "port": str(instance.port), "ephemeral": "true"}
    if operation is Operation.REGISTER:
        fields["metadata"] = orjson.dumps(dict(instance.metadata)).decode()
    if operation is Operation.BEAT:
        fields["heartBeat"] = "true"  # v3: what tells it from registering
    return fields


def service_fields(scope: Scope, service: str) -> dict[str, str]:
    return {
        "namespaceId": scope.namespace,
        "groupName": scope.group,
        "serviceName": service,
    }


def config_fields(api: Api, scope: Scope, data_id: str) -> dict[str, str]:
    if api is Api.V3:
        return {"namespaceId": scope.namespace, "groupName": scope.group, "dataId": data_id}
    tenant = "" if scope.namespace == "public" else scope.namespace
    return {"tenant": tenant, "group": scope.group, "dataId": data_id}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, as far as it was read."""

    address: str
    status: int
    content_type: str
    body: bytes


def read(api: Api, operation: Operation, reply: Reply) -> Any:
    """What *reply* gives.

    Sign in: an object with accessToken and tokenTtl (seconds). Beat: whether the instance is still
    known. Instances: a list of objects. Config: the text, or None. Else None. Raise NacosError.
    """
    if operation is Operation.CONFIG and reply.status == 404 and _NO_CONFIG in reply.body:
        return None
    if operation is Operation.SIGN_IN and reply.status == 500:  # 3.1.0: of a wrong password
        raise AccessRefused(f"{reply.address}: {_words(reply)}")
    if (fault := _fault(reply)) is not None:
        raise fault
    if operation is Operation.SIGN_IN:
        return _signed_in(reply)
    return _read_v3(operation, reply) if api is Api.V3 else _read_v1(operation, reply)


def _fault(reply: Reply) -> NacosError | None:
    address, status = reply.address, reply.status
    if status in (404, 410):
        return WrongPath(f"{address}: HTTP {status}: no Nacos under this path (usually /nacos)")
    if status in (401, 403):
        return AccessRefused(f"{address}: {_words(reply)}")
    if status == 409:
        return BeingModified(f"{address}: {_words(reply)}")
    if status >= 500 or status in (408, 429):
        return NacosUnreachable(f"{address}: HTTP {status}: {_words(reply)}")
    if status >= 400:
        return NacosRefused(f"{address}: {_words(reply)}")
    if status != 200 or "html" in reply.content_type or reply.body[:1] == b"<":
        return NotNacos(f"{address}: HTTP {status}: this is not Nacos's API")
    return None


def _read_v3(operation: Operation, reply: Reply) -> Any:
    answer = _object(reply)
    code, data = answer.get("code"), answer.get("data")
    if operation is Operation.BEAT and code == _NO_INSTANCE:
        return False
    if operation is Operation.CONFIG and code == _NO_RESOURCE:
        return None
    if code != _DONE:
        raise NacosRefused(f"{reply.address}: {_words(reply)}")
    if operation is Operation.BEAT:
        return True
    if operation is Operation.CONFIG:
        content = data.get("content") if isinstance(data, dict) else None
        if not isinstance(content, str | None):
            raise _strange(reply)
        return content
    return data


def _read_v1(operation: Operation, reply: Reply) -> Any:
    if operation is Operation.CONFIG:
        return reply.body.decode("utf-8", "replace")
    if operation in (Operation.REGISTER, Operation.DEREGISTER):
        if reply.body.strip() != b"ok":
            raise NacosRefused(f"{reply.address}: {_words(reply)}")
        return None
    answer = _object(reply)
    if operation is Operation.BEAT:
        return answer.get("code") == 10200
    return answer.get("hosts")


def instances(service: str, listed: Any) -> tuple[Instance, ...]:
    """The instances in an answer; what is not one is left out."""
    rows = listed if isinstance(listed, list) else []
    return tuple(
        Instance(
            service,
            row["ip"],
            row["port"],
            metadata=row.get("metadata") or {},
            healthy=bool(row.get("healthy")),
        )
        for row in rows
        if _is_instance(row)
    )


def _is_instance(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("metadata") or {}, dict):
        return False
    return isinstance(row.get("ip"), str) and isinstance(row.get("port"), int)


def _signed_in(reply: Reply) -> dict[str, Any]:
    answer = _object(reply)
    token, life_s = answer.get("accessToken", ""), answer.get("tokenTtl", 0)
    if not (isinstance(token, str) and token.isprintable() and isinstance(life_s, int | float)):
        raise _strange(reply)
    return answer


def _object(reply: Reply) -> dict[str, Any]:
    try:
        answer = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise _strange(reply)
    return answer


def _strange(reply: Reply) -> NotNacos:
    return NotNacos(f"{reply.address}: the answer is not Nacos's")


def _words(reply: Reply) -> str:
    """What Nacos says in its answer; it never repeats a password."""
    try:
        answer = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        answer = reply.body.decode("utf-8", "replace").strip()
    if isinstance(answer, dict):
        answer = ": ".join(str(answer[key]) for key in ("message", "data") if answer.get(key))
    return str(answer)[:_LONGEST_WORDS] or f"HTTP {reply.status}"
