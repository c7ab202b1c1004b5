"""The rows of a console's lists, checked at the border; every generation has the same fields."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from admin_bridge.console.answer import other_shape
from admin_bridge.console.model import AdminGroup, AdminJob, AdminLog, JobFields, Page
from admin_bridge.console.moments import in_utc, of_millis


def _text(value: object) -> object:
    return "" if value is None else value


def _number(value: object) -> object:
    return 0 if value is None else value


Text = Annotated[str, BeforeValidator(_text)]
Number = Annotated[int, BeforeValidator(_number)]
Id = Annotated[int, Field(ge=0, lt=2**63)]
"""As databases number their rows."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class GroupRow(_Row):
    """A job group."""

    id: Id
    app_name: Text = Field(alias="appname")
    title: Text = ""
    address_type: Number = Field(0, alias="addressType")
    address_list: Text = Field("", alias="addressList")

    def group(self) -> AdminGroup:
        """The group under our names."""
        addresses = tuple(one for one in self.address_list.split(",") if one)
        return AdminGroup(self.id, self.app_name, self.title, self.address_type == 0, addresses)


class JobRow(_Row):
    """A job; before 2.3 it had a jobCron instead of a schedule."""

    id: Id
    group_id: Id = Field(alias="jobGroup")
    name: Text = Field("", alias="jobDesc")
    author: Text = ""
    alarm_email: Text = Field("", alias="alarmEmail")
    schedule_type: Text = Field("CRON", alias="scheduleType")
    schedule_conf: Text = Field("", validation_alias=AliasChoices("scheduleConf", "jobCron"))
    misfire: Text = Field("DO_NOTHING", alias="misfireStrategy")
    route: Text = Field("", alias="executorRouteStrategy")
    handler: Text = Field("", alias="executorHandler")
    params: Text = Field("", alias="executorParam")
    block: Text = Field("", alias="executorBlockStrategy")
    timeout_s: Number = Field(0, alias="executorTimeout")
    retry_count: Number = Field(0, alias="executorFailRetryCount")
    glue_type: Text = Field("BEAN", alias="glueType")
    children: Text = Field("", alias="childJobId")
    status: Number = Field(0, alias="triggerStatus")
    last_ms: Number = Field(0, alias="triggerLastTime")
    next_ms: Number = Field(0, alias="triggerNextTime")
    added: datetime | None = Field(None, alias="addTime")
    updated: datetime | None = Field(None, alias="updateTime")

    def job(self) -> AdminJob:
        """The job under our names."""
        return AdminJob(
            id=self.id,
            fields=self._fields(),
            running=self.status == 1,
            last_trigger=of_millis(self.last_ms),
            next_trigger=of_millis(self.next_ms),
            added_at=self.added and in_utc(self.added, UTC),
            updated_at=self.updated and in_utc(self.updated, UTC),
        )

    def _fields(self) -> JobFields:
        names = JobFields.__dataclass_fields__.keys() - {"children"}
        children = tuple(int(one) for one in self.children.split(",") if one.strip().isdecimal())
        return JobFields(**{name: getattr(self, name) for name in names}, children=children)


class LogRow(_Row):
    """A row of the log."""

    id: Id
    group_id: Id = Field(alias="jobGroup")
    job_id: Id = Field(alias="jobId")
    address: Text = Field("", alias="executorAddress")
    handler: Text = Field("", alias="executorHandler")
    params: Text = Field("", alias="executorParam")
    shard: Text = Field("", alias="executorShardingParam")
    retries_left: Number = Field(0, alias="executorFailRetryCount")
    triggered: datetime = Field(alias="triggerTime")
    trigger_code: Number = Field(0, alias="triggerCode")
    trigger_message: Text = Field("", alias="triggerMsg")
    handled: datetime | None = Field(None, alias="handleTime")
    handle_code: Number = Field(0, alias="handleCode")
    handle_message: Text = Field("", alias="handleMsg")
    alarm_status: Number = Field(0, alias="alarmStatus")

    @property
    def is_bare(self) -> bool:
        """Whether its dates name no offset, as since 3.4.1."""
        return self.triggered.tzinfo is None

    def log(self, zone: tzinfo) -> AdminLog:
        """The row under our names; bare dates are of *zone*."""
        index, _, total = self.shard.partition("/")
        whole = index.isdecimal() and total.isdecimal()
        return AdminLog(
            id=self.id,
            group_id=self.group_id,
            job_id=self.job_id,
            address=self.address,
            handler=self.handler,
            params=self.params,
            shard_index=int(index) if whole else 0,
            shard_total=int(total) if whole else 1,
            retries_left=self.retries_left,
            triggered_at=in_utc(self.triggered, zone),
            trigger_code=self.trigger_code,
            trigger_message=self.trigger_message,
            handled_at=self.handled and in_utc(self.handled, zone),
            handle_code=self.handle_code,
            handle_message=self.handle_message,
            alarm_status=self.alarm_status,
        )


class LogPageRow(_Row):
    """Lines of a run's log; the flag of the end is not the one that executors send."""

    from_line: Number = Field(0, alias="fromLineNum")
    to_line: Number = Field(0, alias="toLineNum")
    content: Text = Field("", alias="logContent")
    ended: bool = Field(default=False, validation_alias=AliasChoices("end", "isEnd"))


class _List(_Row):
    rows: list[Any] = Field(alias="data")
    total: int = Field(validation_alias=AliasChoices("total", "recordsTotal"))


RowType = TypeVar("RowType", bound=_Row)


def checked(kind: type[RowType], value: object, address: str) -> RowType:
    """*value* as a row of this *kind*; raise NotAnAdmin."""
    try:
        return kind.model_validate(value)
    except ValidationError as refusal:
        first = refusal.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise other_shape(address, f"{where}: {first['msg']}") from None


def rows_of(kind: type[RowType], page: object, address: str) -> Page[RowType]:
    """The rows of a *page* of a list; raise NotAnAdmin."""
    found = checked(_List, page, address)
    return Page(tuple(checked(kind, row, address) for row in found.rows), found.total)
