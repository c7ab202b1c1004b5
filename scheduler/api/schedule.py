"""The endpoints of cron expressions and of the handlers that jobs can name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from pydantic import Field, JsonValue

from executor.clock import Clock, moment
from executor.handler_table import HandlerTable
from scheduler.api.endpoint import Role, get, post
from scheduler.api.job_shapes import Zone
from scheduler.api.shapes import Given, Line, Told
from scheduler.job_rule import cron_of, fires, zone_of
from scheduler.refusal import Invalid


class CronText(Given):
    """A cron expression to be looked at."""

    cron_expression: Annotated[Line, Field(max_length=500)]
    timezone: Zone | None = Field(None, description="Without one: the service's.")
    count: Annotated[int, Field(ge=1, le=100, description="Fires to be told.")] = 5


class CronTold(Told):
    valid: bool
    message: str = Field(description="What is wrong, naming field and rule; empty: nothing.")
    timezone: str
    next_fires: list[datetime]


class HandlerTold(Told):
    """A registered function."""

    name: str
    isolation: str = Field(description="async, thread or process.")
    idempotent: bool
    doc: str
    place: str
    params_schema: dict[str, JsonValue] | None = Field(
        description="JSON schema of its parameters; null: it takes none."
    )


class Schedule:
    """What can be written in a job: cron expressions, handlers."""

    def __init__(self, handlers: HandlerTable | None, clock: Clock, *, timezone: str) -> None:
        self._handlers = handlers
        self._clock = clock
        self._timezone = timezone

    @post("/cron/validate", role=Role.VIEWER)
    async def validate(self, body: CronText) -> CronTold:
        """Say whether a cron expression can be read, and when it is due next."""
        timezone = body.timezone or self._timezone
        now = moment(self._clock.now_ms()).astimezone(zone_of(timezone))
        try:
            times = list(islice(fires(cron_of(body.cron_expression), now), body.count))
        except Invalid as error:
            return CronTold(valid=False, message=str(error), timezone=timezone, next_fires=[])
        return CronTold(valid=True, message="", timezone=timezone, next_fires=times)

    @get("/handlers")
    async def handlers(self) -> Sequence[HandlerTold]:
        """List the handlers of this replica, with the JSON schema of their parameters."""
        described: list[dict[str, Any]] = self._handlers.describe() if self._handlers else []
        return [HandlerTold.model_validate(handler, by_alias=True) for handler in described]
