"""Channels of alarms and their templates as the API shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from scheduler.alarms.model import ChannelKind
from scheduler.api.shapes import Count, Given, Id, Line, Told

Language = Literal["", "en", "zh"]
ChannelName = Annotated[str, StringConstraints(pattern=r"^[^:\s\x00]{1,64}$")]
_Receiver = Annotated[Line, Field(min_length=1, max_length=320)]


class ChannelPath(Given):
    id: Id = Field(description="The channel's id.")


class ChannelGiven(Given):
    """A way to reach people."""

    name: ChannelName = Field(description="What rules call it by.")
    kind: ChannelKind
    enabled: bool = True
    language: Language = Field("", description="Of its messages; empty: alarms.language.")
    settings: dict[str, Any] = Field({}, description="What its kind needs; never a secret.")
    secrets: dict[str, Annotated[Line, Field(max_length=4000)]] = Field(
        {}, description="Passwords and signing keys. As it is shown, one stays what it is."
    )
    receivers: Annotated[
        tuple[_Receiver, ...],
        Field(max_length=100, description="Who is reached where a rule names none."),
    ] = ()
    description: Annotated[Line, Field(max_length=2000)] = ""


class ChannelChange(ChannelGiven):
    """The whole channel as it shall be."""

    version: Annotated[Count, Field(description="Of the channel as it was read.")]


class ChannelTold(Told):
    """A channel; its secrets are not shown."""

    id: int
    name: str
    kind: ChannelKind
    enabled: bool
    language: str
    settings: dict[str, Any]
    secrets: dict[str, str] = Field(description="Which there are.")
    receivers: list[str]
    description: str
    version: int
    create_time: datetime
    update_time: datetime


class Try(Given):
    """Who gets the test message."""

    receiver: Annotated[Line, Field(max_length=320)] = Field(
        "", description="Empty: the first whom the channel names."
    )


class TrialTold(Told):
    """What came of it."""

    delivered: bool
    answer: str = Field(description="What the other side said, or what went wrong.")
    problems: list[str] = Field(description="Of its templates.")


class TemplatePath(Given):
    name: ChannelKind = Field(description="The kind of channel.")


class TemplateQuery(Given):
    language: Literal["en", "zh"] = "en"


class TemplateTold(Told):
    """The templates of one kind of channel."""

    name: ChannelKind
    language: str
    replaced: list[str] = Field(description="Files of alarms.templates, in place of built-in ones.")


class PreviewTold(Told):
    """What a message looks like."""

    subject: str
    text: str
    html: str = Field(description="Empty: the channel takes none.")
    problem: str = Field(description="Why built-in templates stand in; empty: they do not.")
