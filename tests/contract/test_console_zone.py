"""An Admin whose zone is asked for, and moves: dates that name none can't be read over both."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import aiohttp
import pytest

from admin_bridge.console import ConsoleConfig, ZoneMoved, open_console
from executor.testing._console_tables import Shown
from executor.testing.fake_console import FakeConsole

PASSWORD = "a password"


@pytest.mark.parametrize(
    ("generation", "named", "refused"),
    [("3.4", False, True), ("3.4", True, False), ("2.4", False, False)],
)
async def test_rows_whose_dates_name_no_zone_are_refused_once_it_has_moved(
    generation: str, named: bool, refused: bool
) -> None:
    async with (
        FakeConsole(generation, zone="Europe/Berlin") as admin,
        aiohttp.ClientSession() as session,
    ):
        admin.add_user("ann", PASSWORD)
        zone = ZoneInfo("Europe/Berlin") if named else None
        config = ConsoleConfig("main", (admin.url,), "ann", PASSWORD, zone=zone)
        console = await open_console(session, config)
        admin.log(admin.add_job("work"))
        assert (await console.logs(group_id=1)).total == 1

        admin.shown = Shown(admin.generation, ZoneInfo("Europe/Athens"))  # an hour farther east
        await console.clock()

        if refused:
            with pytest.raises(ZoneMoved, match=r"moved by \+1 h.*console_zone"):
                await console.logs(group_id=1)
        else:
            assert (await console.logs(group_id=1)).total == 1
        await console.aclose()
