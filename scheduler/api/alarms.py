"""The endpoints of alarms: what was detected, who was told, who handled it."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.alarms.model import AlarmType, Level
from scheduler.alarms.notices import Notice, Notices, Place
from scheduler.alarms.rule_service import RuleService, StoredRule
from scheduler.api.alarm_shapes import (
    DeliveryTold,
    Handling,
    NotifyCounts,
    NotifyPath,
    NotifyQuery,
    NotifyTold,
    NotifyWhole,
    RuleChange,
    RuleGiven,
    RulePath,
    RuleTold,
    TodayTold,
)
from scheduler.api.cursor import from_us, read_cursor, to_us, write_cursor
from scheduler.api.endpoint import delete, get, post, put
from scheduler.api.shapes import Page
from scheduler.audit import acting


class Alarms:
    """Alarms: problems that were detected, whether people were told, and what they did."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    @get("/notifies")
    async def find(self, query: NotifyQuery) -> Page[NotifyTold]:
        """List alarms, newest first, by page or by cursor."""
        wanted = query.wanted(self._notices.zone)
        after = _place(query.cursor) if query.cursor else None
        found = await self._notices.page(wanted, size=query.reads, skip=query.skip, after=after)
        total = await self._notices.total(wanted)
        return Page[NotifyTold].of(found, total, query, told=self._told, cursor=_cursor)

    @get("/notifies/statistics/count")
    async def count(self) -> NotifyCounts:
        """Read how many alarms there are: ever raised, of today, pending, unsent."""
        return NotifyCounts(
            total_count=(await self._notices.counts()).total,
            today_count=(await self._notices.today())[1].total,
            pending_count=await self._notices.pending(),
            unsent_count=await self._notices.unsent(),
        )

    @get("/notifies/statistics/type")
    async def by_type(self) -> dict[AlarmType, int]:
        """Read how many alarms of each type were ever raised."""
        return dict((await self._notices.counts()).types)

    @get("/notifies/statistics/level")
    async def by_level(self) -> dict[Level, int]:
        """Read how many alarms of each level were ever raised."""
        return dict((await self._notices.counts()).levels)

    @get("/notifies/statistics/today")
    async def of_today(self) -> TodayTold:
        """Read how many alarms were raised today, by type and level."""
        day, counts = await self._notices.today()
        return TodayTold(
            day=day,
            total_count=counts.total,
            types=dict(counts.types),
            levels=dict(counts.levels),
        )

    @get("/notifies/statistics/pending-count")
    async def pending_count(self) -> int:
        """Read how many alarms nobody has handled."""
        return await self._notices.pending()

    @get("/notifies/statistics/unsent-count")
    async def unsent_count(self) -> int:
        """Read how many alarms have a message that has not gone out."""
        return await self._notices.unsent()

    @get("/notifies/{notifyId}")
    async def read(self, path: NotifyPath) -> NotifyWhole:
        """Read an alarm, with the messages about it."""
        notice, told = await self._notices.get(path.notify_id)
        zone = self._notices.zone
        deliveries = [DeliveryTold.model_validate(one).in_zone(zone) for one in told]
        return NotifyWhole(**dict(self._told(notice)), deliveries=deliveries)

    @post("/notifies/{notifyId}/handle")
    async def handle(self, path: NotifyPath, body: Handling) -> NotifyTold:
        """Note who has handled or ignored an alarm, and what they say; pending opens it again."""
        handler = body.handler or acting.get().name
        notice = await self._notices.handle(
            path.notify_id, status=body.status, handler=handler, remark=body.remark
        )
        return self._told(notice)

    def _told(self, notice: Notice) -> NotifyTold:
        return NotifyTold.model_validate(notice).in_zone(self._notices.zone)


class AlarmRules:
    """Alarm rules: which alarms are told to whom, how loudly, and when."""

    def __init__(self, rules: RuleService) -> None:
        self._rules = rules

    @get("/alarm-rules")
    async def find(self) -> Sequence[RuleTold]:
        """List the rules, in the order in which they have their say."""
        return [self._told(rule) for rule in await self._rules.all()]

    @post("/alarm-rules")
    async def create(self, body: RuleGiven) -> RuleTold:
        """Make a rule."""
        return self._told(await self._rules.create(body.model_dump()))

    @get("/alarm-rules/{id}")
    async def read(self, path: RulePath) -> RuleTold:
        """Read a rule."""
        return self._told(await self._rules.get(path.id))

    @put("/alarm-rules/{id}")
    async def update(self, path: RulePath, body: RuleChange) -> RuleTold:
        """Make a rule what the body says, whole."""
        values = body.model_dump(exclude={"version"})
        return self._told(await self._rules.update(path.id, values, version=body.version))

    @delete("/alarm-rules/{id}")
    async def delete(self, path: RulePath) -> None:
        """Delete a rule."""
        await self._rules.delete(path.id)

    def _told(self, rule: StoredRule) -> RuleTold:
        return RuleTold.model_validate(rule).in_zone(self._rules.zone)


def _place(cursor: str) -> Place:
    microseconds, notice_id = read_cursor(cursor, 2)
    return Place(from_us(microseconds), notice_id)


def _cursor(last: Notice) -> str:
    return write_cursor(to_us(last.create_time), last.id)
