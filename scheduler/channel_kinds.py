"""What each kind of channel has to be told, checked before anything is kept or sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from string import Template
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from executor.plain_words import in_plain_words
from scheduler import sms_account
from scheduler.channel_fields import Certificates, Headers, Host, Line, Sender, Url
from scheduler.receivers import refused_receivers

_SECRET = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ACCOUNT = "apprise_url"
_MOST_SECRET = 4000
VARIABLES = frozenset(["text", "title", "receiver", "message_id", "level", "count", "timestamp"])
"""What texts of a gateway may name as `$name`, beside the secrets of their channel."""


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


class EmailSettings(_Strict):
    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Line = ""
    sender: Sender
    sender_name: Line = ""
    ca_certificate: Certificates = ""
    """PEM of whom the server's certificate is signed by; empty: those of the system."""


class EmailSecrets(_Strict):
    password: str = ""


class HttpSettings(_Strict):
    """A request to a gateway; `$name` in URL, headers and body stands for what is known then."""

    url: Url
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: Headers = {}
    body: dict[str, Any] | None = None
    """Texts in it may name variables; None: the message as JSON has it."""
    encoding: Literal["json", "form"] = "json"
    answer_contains: Line = ""
    """What a good answer has in it; empty: 2xx is enough."""


class SmsSettings(_Strict):
    gateway: Literal["http", "apprise"] = "http"
    http: HttpSettings | None = None


class FreeSecrets(BaseModel):
    """Secrets that settings name as `$name`; `signing_key` signs."""

    model_config = ConfigDict(extra="allow", frozen=True)
    signing_key: str = ""


class NoSettings(_Strict):
    pass


class RobotSettings(_Strict):
    url: Url | None = None
    """Of the robots' server; None: the public one."""


class RobotSecrets(_Strict):
    token: Annotated[str, StringConstraints(min_length=1, pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]
    """What its webhook's URL ends with."""
    secret: str = ""
    """What messages are signed by, where the robot asks for it."""


_MODELS: Mapping[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "email": (EmailSettings, EmailSecrets),
    "sms": (SmsSettings, FreeSecrets),
    "in_site": (NoSettings, NoSettings),
    "dingtalk": (RobotSettings, RobotSecrets),
    "wecom": (RobotSettings, RobotSecrets),
    "feishu": (RobotSettings, RobotSecrets),
    "webhook": (HttpSettings, FreeSecrets),
}


class Unfit(ValueError):
    """A channel cannot be used as it is given; *field* is to blame, and no value is named."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


def check_channel(
    kind: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    receivers: Iterable[str] = (),
) -> tuple[Any, dict[str, str]]:
    """The settings and the secrets of a channel of *kind*, checked. Raise Unfit."""
    models = _MODELS[kind]
    known = _fit(models[0], settings, "settings")
    if not all(map(_SECRET.fullmatch, secrets)):
        raise Unfit("secrets", "a name is made of letters, digits and _, in lower case")
    given = _fit(models[1], secrets, "secrets").model_dump()
    hidden = {name: value for name, value in given.items() if value}
    if not all(isinstance(value, str) and len(value) <= _MOST_SECRET for value in hidden.values()):
        raise Unfit("secrets", f"a secret is a text of {_MOST_SECRET} characters at most")
    if refused := refused_receivers(kind, receivers):
        raise Unfit("receivers", f"a channel of kind {kind} cannot reach {refused[0][:80]!r}")
    if isinstance(known, SmsSettings):
        _check_sms(known, hidden)
        _check_variables(known.http, hidden, "settings.http")
    elif isinstance(known, HttpSettings):
        _check_variables(known, hidden, "settings")
    return known, hidden


def check_new(
    kind: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    receivers: Iterable[str],
) -> tuple[Any, dict[str, str]]:
    """The same, and what takes longer to check: once, before it is kept. Raise Unfit."""
    known, hidden = check_channel(kind, settings, secrets, receivers)
    by_apprise = isinstance(known, SmsSettings) and known.gateway == "apprise"
    if by_apprise and not sms_account.is_usable(hidden[_ACCOUNT]):
        raise Unfit(f"secrets.{_ACCOUNT}", "is no whole account: see Apprise's page on the service")
    return known, hidden


def shown_settings(kind: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the API has them."""
    try:
        model = _fit(_MODELS[kind][0], stored, "settings")
    except Unfit:
        return dict(stored)
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _fit(model: type[BaseModel], given: Mapping[str, Any], field: str) -> BaseModel:
    try:
        return model.model_validate(dict(given))
    except ValidationError as errors:
        first = errors.errors(include_input=False, include_url=False)[0]
        place = ".".join([field, *map(str, first["loc"])])
        raise Unfit(place, in_plain_words(first["msg"])) from None


def _check_sms(settings: SmsSettings, secrets: Mapping[str, str]) -> None:
    if settings.gateway == "http" and settings.http is None:
        raise Unfit("settings.http", "says where the gateway is")
    if settings.gateway == "apprise" and not sms_account.is_known(secrets.get(_ACCOUNT, "")):
        known = ", ".join(sorted(sms_account.SERVICES))
        raise Unfit(f"secrets.{_ACCOUNT}", f"begins with one of {known}, and ://")


def _check_variables(settings: HttpSettings | None, secrets: Mapping[str, str], place: str) -> None:
    """Whether all that its texts name is known then."""
    if settings is None:
        return
    texts = {"url": [settings.url], "headers": settings.headers.values()}
    for field, given in (texts | {"body": list(_texts(settings.body))}).items():
        for template in map(Template, given):
            if not template.is_valid():
                raise Unfit(f"{place}.{field}", "has a $ that begins no name: write $$")
            unknown = {*template.get_identifiers()} - VARIABLES - {*secrets}
            if unknown:
                known = ", ".join(sorted(VARIABLES))
                raise Unfit(f"{place}.{field}", f"${min(unknown)} is neither {known} nor a secret")


def _texts(value: Any) -> Iterator[str]:
    """All texts in what came of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
