"""The settings of the mirror."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from executor.settings import Section

_Days = Annotated[int, Field(ge=1, le=3650)]


class MirrorSection(Section):
    enabled: bool = Field(
        True, description="Whether this process copies the Admins whose cluster has a username."
    )
    interval_seconds: float = Field(
        10, ge=1, le=3600, description="Seconds within which a change in a console is seen here."
    )
    requests_per_minute: float = Field(
        12, ge=1, le=6000, description="Most requests to a cluster while there is nothing new."
    )
    catch_up_per_second: float = Field(
        20, gt=0, le=1000, description="Most requests a second while there is something to copy."
    )
    page_size: int = Field(
        1000, ge=10, le=10_000, description="Rows of an Admin's log asked for at a time."
    )
    job_page_size: int = Field(
        10_000, ge=10, le=100_000, description="Jobs asked for at a time; fewer cost more requests."
    )
    history_days: _Days = Field(30, description="How far back the first copy of a log goes, days.")
    open_days: _Days = Field(3, description="How long a run without an end is asked after, days.")
    reconcile_hour: int = Field(
        3, ge=0, le=23, description="Hour of the day at which the last days are compared anew."
    )
    reconcile_days: _Days = Field(2, description="How many days are compared.")
