"""Control of jobs that an XXL-JOB Admin schedules: each change is made there first."""

from __future__ import annotations
